"""The words of pricing: quotes with their three times, typed failures, prices as intervals.

A failed source is data: it stays in the tree, with its reason, beside the quotes that
were used. All values are USD (or `quote`-asset) wad integers; times are UTC milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """Why a source has no usable quote."""

    NEVER_ANSWERED = "never_answered"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    MALFORMED = "malformed"
    NOT_A_PRICE = "not_a_price"
    AT_BOUND = "at_bound"
    INCOMPLETE_ROUND = "incomplete_round"
    STALE = "stale"
    FROM_THE_FUTURE = "from_the_future"
    OUTLIER = "outlier"
    UNSURE = "unsure"
    FROZEN = "frozen"
    SEQUENCER = "sequencer"


@dataclass(frozen=True, slots=True)
class Quote:
    """One source's answer, with the three clocks: made, received, last changed.

    `source_time_ms` is None where the source gives no time of its own. Within `confidence_wad`
    of `value_wad` the source is sure to 95 %, 0 where it says nothing of that: a source
    that publishes a standard deviation or another width multiplies it (2.12 for Pyth's).
    """

    source: str
    group: str
    pair: str
    weight: int
    value_wad: int
    confidence_wad: int
    source_time_ms: int | None
    received_at_ms: int
    changed_at_ms: int

    @property
    def time_ms(self) -> int:
        """When the value was made: the source's own time, or since when it has not changed.

        A source without a clock may repeat one value for ever; only a change proves that
        it was alive, so its age is counted from there.
        """
        return self.changed_at_ms if self.source_time_ms is None else self.source_time_ms


@dataclass(frozen=True, slots=True)
class QuoteFailure:
    """One source that has no usable quote, and why. `detail` is safe to show and under 200 characters."""

    source: str
    group: str
    pair: str
    kind: FailureKind
    detail: str
    at_ms: int


class PriceStatus(StrEnum):
    """How far a price can be trusted."""

    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class QuoteUse:
    """One line of a price's tree: a quote, and whether it counted."""

    quote: Quote | QuoteFailure
    used: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Path:
    """One way from an asset to USD: its pairs, what it gives, and whether it was taken.

    `groups` is the least number of independence groups of its pairs. Without figures,
    `reason` says why.
    """

    pairs: tuple[str, ...]
    taken: bool
    groups: int
    low_wad: int | None
    mid_wad: int | None
    high_wad: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """What a guard does to a price, since when, and when it ends if nothing happens."""

    guard: str
    detail: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Price:
    """What an asset is worth, in USD per whole unit, and everything that was seen on the way.

    `low_wad <= mid_wad <= high_wad`, all None when `status` is unavailable. `oldest_ms` is the
    time of the oldest quote used, over all hops. `via` is the price that was multiplied in
    when the asset is priced in another asset. `paths` is empty where there is only one.
    `holds` are the guards that act on it; where one took the price away, `reason` starts
    with ``held:``.
    """

    asset: str
    status: PriceStatus
    reason: str
    low_wad: int | None
    mid_wad: int | None
    high_wad: int | None
    oldest_ms: int | None
    uses: tuple[QuoteUse, ...]
    via: Price | None = None
    holds: tuple[Hold, ...] = ()
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceSet:
    """Every asset's price as of one moment. `id` is the digest of its canonical form."""

    id: str
    as_of_ms: int
    prices: Mapping[str, Price]
