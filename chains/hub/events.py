"""What the margin hub and its option desk log. Every event carries the resulting value, not the difference,
so that applying one twice changes nothing and the newest tells the state.

Accounts, claims and digests are 0x hex of 32 bytes; addresses are checksummed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class AccountOpened:
    """An owner's subaccount was used on this hub for the first time."""

    account: str
    owner: str
    subaccount: int


@dataclass(frozen=True, slots=True)
class CollateralSet:
    """`balance` raw units of `token` now back `account`."""

    account: str
    token: str
    balance: int
    version: int


@dataclass(frozen=True, slots=True)
class DebtSet:
    """`account` now owes `debt` raw units of the hub's stable token."""

    account: str
    debt: int
    version: int


@dataclass(frozen=True, slots=True)
class PositionSet:
    """`account` now holds `size_wad` of the hub's market `market`, entered at `entry_price_wad`."""

    account: str
    market: int
    size_wad: int
    entry_price_wad: int
    version: int


@dataclass(frozen=True, slots=True)
class OptionSet:
    """`account` now holds `size_wad` contracts of an option series. Logged by the hub's option desk.

    `market` is its name as 32 bytes; `strike_wad` is USD, `expiry_s` unix seconds.
    """

    account: str
    series: str
    market: str
    is_call: bool
    strike_wad: int
    expiry_s: int
    size_wad: int
    version: int


@dataclass(frozen=True, slots=True)
class CrossMarginSet:
    """Whether this leg may back risk on other chains (and then needs attestations to add risk)."""

    account: str
    enabled: bool
    version: int


@dataclass(frozen=True, slots=True)
class ClaimOpened:
    """A liquidator repaid `value_wad` USD of `account`'s debt here, to be made whole on another chain."""

    account: str
    claim: str
    target_chain_id: int
    target_token: str
    value_wad: int
    beneficiary: str


@dataclass(frozen=True, slots=True)
class ClaimPaid:
    """The claim was paid here with `amount` raw units of `token`; it can not be paid again."""

    account: str
    claim: str
    token: str
    amount: int


@dataclass(frozen=True, slots=True)
class Liquidated:
    """One liquidation step that went through: what was closed, repaid or seized, and at what price."""

    account: str
    action: int
    item: int
    size: int
    price_wad: int
    value_wad: int
    penalty_wad: int
    health_wad: int
    liquidator: str
    sequence: int
    attestation: str


@dataclass(frozen=True, slots=True)
class BadDebtRecorded:
    """Debt that nothing backed was taken off `account`; the insurance fund covered a part of it."""

    account: str
    amount: int
    covered: int


@dataclass(frozen=True, slots=True)
class SettlementFixed:
    """What a market's underlying came to at `expiry_s`, USD wad, for good. Logged by the option desk; nobody's account."""

    market: str
    expiry_s: int
    price_wad: int
    round_id: int
    updated_at: int


HubEvent: TypeAlias = (
    AccountOpened
    | CollateralSet
    | DebtSet
    | PositionSet
    | OptionSet
    | CrossMarginSet
    | ClaimOpened
    | ClaimPaid
    | Liquidated
    | BadDebtRecorded
    | SettlementFixed
)
