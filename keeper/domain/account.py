"""Accounts and what they have on each chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

LEFT_OUT_IF_EMPTY = "left out if empty"
"""Metadata of a field that canonical JSON does not name while it is at its default."""


@dataclass(frozen=True, slots=True)
class Collateral:
    """`amount` raw units of `token`, which stands for `asset` and has `decimals`."""

    token: str
    asset: str
    decimals: int
    amount: int


@dataclass(frozen=True, slots=True)
class Debt:
    """`amount` raw units owed of the chain's stable token, which stands for `asset`."""

    asset: str
    decimals: int
    amount: int


@dataclass(frozen=True, slots=True)
class Position:
    """A perpetual: signed `size_wad` of base `asset`, entered at `entry_price_wad` USD."""

    market: str
    hub_id: int
    asset: str
    size_wad: int
    entry_price_wad: int


@dataclass(frozen=True, slots=True)
class OptionPosition:
    """A European option, settled in cash: signed `size_wad` contracts, each on one unit of base `asset`.

    `series` is the on-chain id (0x hex of 32 bytes), the same on every chain. The premium was paid when it was
    traded, so its mark value is size times price: an asset if long, a liability if short. `settlement_wad` is what
    the underlying came to at its expiry, USD, once that is fixed on its chain.
    """

    market: str
    series: str
    asset: str
    is_call: bool
    strike_wad: int
    expiry_s: int
    size_wad: int
    settlement_wad: int | None = field(default=None, metadata={LEFT_OUT_IF_EMPTY: True})


@dataclass(frozen=True, slots=True)
class PendingClaim:
    """Collateral of this leg that a liquidator has earned on another chain and not yet taken.

    `value_wad` USD was repaid on `source_chain` in block `opened_number`; what will leave this leg
    is that value and the token's penalty. Counted once, as a liability of this leg, from opening
    to payment.
    """

    claim: str
    source_chain: str
    token: str
    asset: str
    value_wad: int
    penalty_bps: int
    beneficiary: str
    opened_number: int


@dataclass(frozen=True, slots=True)
class StepTaken:
    """When (unix seconds) a liquidation step of this kind was last mined for this item of the leg."""

    action: int
    item: int
    at_s: int


@dataclass(frozen=True, slots=True)
class CutPoint:
    """The block a leg was read at, and how old it was when used (milliseconds)."""

    chain: str
    number: int
    hash: str
    timestamp: int
    age_ms: int


@dataclass(frozen=True, slots=True)
class Leg:
    """What an account has on one chain.

    `last_sequence` is the highest attestation sequence used up there. `unreadable` says what the
    chain reported that the configuration does not know; while it is not empty the leg has no value.
    """

    chain: str
    version: int
    cross_margin: bool
    collateral: tuple[Collateral, ...]
    debt: Debt | None
    positions: tuple[Position, ...]
    claims: tuple[PendingClaim, ...] = ()
    last_sequence: int = 0
    steps_taken: tuple[StepTaken, ...] = ()
    unreadable: tuple[str, ...] = ()
    options: tuple[OptionPosition, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing of value, owed or held, is here, nor anything that can not be read."""
        held = self.collateral or self.debt or self.positions or self.options
        return not (held or self.claims or self.unreadable)


@dataclass(frozen=True, slots=True)
class EarlierLeg:
    """What a leg was, and may be again if its chain's newest `blocks` blocks are undone.

    `leg` has no claims. With these blocks go the openings of the claims `not_opened`, of which this chain is
    the source, and the payments of those `not_paid`, which would then be pending on this leg.
    """

    blocks: int
    leg: Leg
    not_opened: tuple[str, ...] = ()
    not_paid: tuple[PendingClaim, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """An owner's subaccount over all chains. Legs are sorted by chain name.

    `unfinal` are the other states that its legs may still come to by a reorganisation, by chain and then from
    the newest on. Where nothing changed lately there are none.
    """

    account_id: str
    owner: str
    subaccount: int
    legs: tuple[Leg, ...]
    unfinal: tuple[EarlierLeg, ...] = field(default=(), metadata={LEFT_OUT_IF_EMPTY: True})

    @property
    def possible_legs(self) -> Iterator[Leg]:
        """Yield every leg, as it is and as it may be again."""
        yield from self.legs
        for earlier in self.unfinal:
            yield earlier.leg
