"""The statement that a quorum signs and the hub checks (EIP-712), as a value.

The domain binds chain id and contract; the struct binds everything else. Digest, signing
and recovery are in `chains.hub.signatures`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Action(IntEnum):
    """What an attestation lets through. The numbers are the contract's."""

    CLOSE = 1
    """Close up to `max_size` (wad base units) of the account's position in market `item`."""
    REPAY = 2
    """Repay up to `max_size` (raw stable) of the debt for collateral token number `item` here."""
    REPAY_CROSS = 3
    """Repay up to `max_size` of the debt here, opening a claim on another chain's collateral."""
    SEIZE = 4
    """Pay claim `claim`, worth `value`, with up to `max_size` raw units of collateral `item`."""
    WRITE_OFF = 5
    """Record up to `max_size` (raw stable) of debt as bad: nothing anywhere backs it."""
    WITHDRAW = 6
    """Let the owner withdraw up to `max_size` raw units of collateral `item`."""
    BORROW = 7
    """Let the owner borrow up to `max_size` raw stable."""
    TRADE = 8
    """Let the owner change position in market `item` by up to `max_size` wad, either way."""
    UNLINK = 9
    """Let the owner switch cross margin off on this hub."""
    OPTION_TRADE = 10
    """Let the owner trade up to `max_size` wad contracts of an option, either way, at `price`."""
    OPTION_CLOSE = 11
    """Close up to `max_size` (wad contracts) of an option that the account holds, at `price`."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """One attested permission for one account on one hub. Field order is the contract's.

    `price` is the attested price of the item's asset (for REPAY_CROSS and WRITE_OFF of the
    debt's), USD wad per whole unit. `health` is the high end of the attested unified health,
    wad. For REPAY_CROSS, `value` holds the target chain id and `target` the token there; for
    SEIZE `value` is the claim's USD wad. For OPTION_TRADE and OPTION_CLOSE `price` is that of one contract
    and `value` the underlying's, and `item` is the first 63 bits of the series' id. `beneficiary` is who may execute a liquidation and receives.
    Times are unix seconds.
    """

    action: int
    account: str
    version: int
    sequence: int
    epoch: int
    item: int
    max_size: int
    price: int
    health: int
    value: int
    claim: str
    target: str
    beneficiary: str
    blocks_root: str
    policy_hash: str
    price_set: str
    observed_at: int
    deadline: int


TYPE_STRING = (
    "Attestation(uint256 action,bytes32 account,uint256 version,uint256 sequence,uint256 epoch,"
    "uint256 item,uint256 max_size,uint256 price,uint256 health,uint256 value,bytes32 claim,"
    "address target,address beneficiary,bytes32 blocks_root,bytes32 policy_hash,bytes32 price_set,"
    "uint256 observed_at,uint256 deadline)"
)
DOMAIN_NAME = "MarginHub"
DOMAIN_VERSION = "1"
