"""What the events of one chain say of one account: a frozen value that each event replaces.

Because a state is never changed in place, undoing a block is putting the old one back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from chains.hub.attestation import Action
from chains.hub.events import (
    AccountOpened,
    CollateralSet,
    CrossMarginSet,
    DebtSet,
    HubEvent,
    Liquidated,
    OptionSet,
    PositionSet,
)
from chains.hub.options import OptionHeld
from keeper.book.catalogue import KnownChain

COOLED = (Action.CLOSE, Action.REPAY, Action.REPAY_CROSS, Action.OPTION_CLOSE)
"""Steps after which the hub waits before it takes another of the same kind on the same item."""

WORD_SIGN = 1 << 255

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class LegState:
    """One account on one chain, claims apart. Only what is not zero is kept in the mappings.

    `steps_taken` maps (action, item) to the time of the block; `options` go by series.
    """

    owner: str = ""
    subaccount: int = 0
    version: int = 0
    cross_margin: bool = False
    debt: int = 0
    last_sequence: int = 0
    collateral: Mapping[str, int] = field(default_factory=dict)
    positions: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    steps_taken: Mapping[tuple[int, int], int] = field(default_factory=dict)
    options: Mapping[str, OptionHeld] = field(default_factory=dict)

    def after(self, event: HubEvent, timestamp: int) -> LegState:
        """Return the state after one event of a block."""
        match event:
            case AccountOpened():
                return replace(
                    self, owner=event.owner, subaccount=event.subaccount, version=max(self.version, 1)
                )
            case CollateralSet():
                held = _with(self.collateral, event.token, event.balance)
                return replace(self, collateral=held, version=event.version)
            case DebtSet():
                return replace(self, debt=event.debt, version=event.version)
            case PositionSet():
                position = (event.size_wad, event.entry_price_wad) if event.size_wad else None
                positions = _with(self.positions, event.market, position)
                return replace(self, positions=positions, version=event.version)
            case OptionSet():
                option = _held(event) if event.size_wad else None
                options = _with(self.options, event.series, option)
                return replace(self, options=options, version=event.version)
            case CrossMarginSet():
                return replace(self, cross_margin=event.enabled, version=event.version)
            case Liquidated():
                return self._after_step(event, timestamp)
            case _:
                return self

    def _after_step(self, event: Liquidated, timestamp: int) -> LegState:
        steps = self.steps_taken
        if event.action in COOLED:
            # The hub counts every REPAY_CROSS against one cooldown, whatever item it names.
            item = 0 if event.action == Action.REPAY_CROSS else event.item
            steps = {**steps, (event.action, item): timestamp}
        return replace(self, last_sequence=max(self.last_sequence, event.sequence), steps_taken=steps)


@dataclass(frozen=True, slots=True)
class LegRow:
    """What the hub's `legs` view answers for one account, by the hub's own numbers, and its desk's.

    `positions` are (size, entry).
    """

    account: str
    version: int
    cross_margin: bool
    debt: int
    last_sequence: int
    collateral: tuple[int, ...]
    positions: tuple[tuple[int, int], ...]
    options: tuple[OptionHeld, ...] = ()

    @staticmethod
    def from_words(account: str, words: Sequence[int], options: Sequence[OptionHeld] = ()) -> LegRow:
        """Read the 20 words of one account. Raises ``ValueError`` if they are not 20."""
        if len(words) != 20:
            raise ValueError(f"{len(words)} words for a leg, not 20")
        sizes = [word - ((word & WORD_SIGN) << 1) for word in words[12::2]]
        return LegRow(
            account,
            words[0],
            bool(words[1]),
            words[2],
            words[3],
            tuple(words[6:12]),
            tuple(zip(sizes, words[13::2], strict=True)),
            tuple(options),
        )

    def state(self, known: KnownChain, before: LegState) -> LegState:
        """Return this row as a state. What the view does not tell (owner, claims, steps) stays as before."""
        addresses = {token.token_id: token.token for token in known.tokens.values()}
        return replace(
            before,
            version=self.version,
            cross_margin=self.cross_margin,
            debt=self.debt,
            last_sequence=self.last_sequence,
            collateral={
                addresses.get(token_id, f"token number {token_id}"): amount
                for token_id, amount in enumerate(self.collateral)
                if amount
            },
            positions={market: position for market, position in enumerate(self.positions) if position[0]},
            options={option.series: option for option in self.options if option.size_wad},
        )


def _held(event: OptionSet) -> OptionHeld:
    return OptionHeld(
        event.series, event.market, event.is_call, event.strike_wad, event.expiry_s, event.size_wad
    )


def _with(mapping: Mapping[K, V], key: K, value: V | None) -> dict[K, V]:
    changed = dict(mapping)
    if value:
        changed[key] = value
    else:
        changed.pop(key, None)
    return changed
