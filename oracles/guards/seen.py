"""What a guard is shown, and what it can answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from config.pairs import UNIT
from config.units import WAD, mul_div_down
from oracles.price import Price, Quote


@dataclass(frozen=True, slots=True)
class Seen:
    """One raw price that has figures, as guards look at it.

    `own_wad` is the middle in the asset's own `unit` (what it is priced in), so that a move of the unit,
    which has guards of its own, is not taken for one of the asset. `groups` are the independence
    groups that were used: the aggregate has made sure that they agree. `heard_ms` is up to when all
    of them have said so. `prices` are those of other assets, of the same tick.
    """

    price: Price
    unit: str
    own_wad: int
    low_wad: int
    mid_wad: int
    high_wad: int
    groups: int
    heard_ms: int
    prices: Mapping[str, Price]
    now_ms: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """A wider interval in place of a price's own, USD wad."""

    low_wad: int
    mid_wad: int
    high_wad: int


@dataclass(frozen=True, slots=True)
class Trip:
    """A guard's objection. With `bounds` the price stays, as wide as they are; without, there is none.

    `again_ms` is when time alone would end the objection, if it would.
    """

    detail: str
    bounds: Bounds | None = None
    again_ms: int | None = None


class Guard(Protocol):
    """One rule with its own memory of one asset."""

    @property
    def name(self) -> str:
        """How the guard is called in holds, alerts and the log."""

    def judge(self, seen: Seen) -> Trip | None:
        """Return the objection to what is seen, if there is one, and remember what is needed for the next time."""

    def release(self, seen: Seen) -> None:
        """Take what is seen as right: the hold has expired, or a person ended it."""

    def missed(self) -> None:
        """There was no raw price."""

    def next_ms(self, now_ms: int) -> int | None:
        """Return when time alone would make the guard object to what it last let pass, if it would."""


def seen_of(price: Price, prices: Mapping[str, Price], now_ms: int) -> Seen | None:
    """Return what guards look at, or None without a price."""
    low, mid, high = price.low_wad, price.mid_wad, price.high_wad
    if low is None or mid is None or high is None:
        return None
    heard_ms = heard_by_group(price)
    via_mid = None if price.via is None else price.via.mid_wad
    return Seen(
        price=price,
        unit=UNIT if price.via is None else price.via.asset,
        own_wad=mid if not via_mid else max(mul_div_down(mid, WAD, via_mid), 1),
        low_wad=low,
        mid_wad=mid,
        high_wad=high,
        groups=len(heard_ms),
        heard_ms=min(heard_ms.values(), default=now_ms),
        prices=prices,
        now_ms=now_ms,
    )


def heard_by_group(price: Price) -> dict[str, int]:
    """Return when each used group was last heard."""
    heard_ms: dict[str, int] = {}
    for use in price.uses:
        if use.used and isinstance(use.quote, Quote):
            group = use.quote.group
            heard_ms[group] = max(heard_ms.get(group, 0), use.quote.received_at_ms)
    return heard_ms


def confirmed(seen: Seen, confirm_groups: int) -> bool:
    """Whether enough independent groups see this price."""
    return 0 < confirm_groups <= seen.groups
