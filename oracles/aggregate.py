"""One price from many answers. Pure, synchronous, whole numbers only.

The order of what happens, so that each refusal has one place:

1. *Time.* Stale quotes and quotes from the future are refused, before anything is counted.
2. *Value.* Not positive, not bounded, in another unit, or less sure than large: refused.
3. *Quorum* of sources and of independence groups, among what is left.
4. *Votes.* One group, one vote: the sources of a group are reduced to their weighted median,
   and the vote weighs what the heaviest of them weighs. Another source behind the same
   upstream adds no weight.
5. *Outliers*, with at least four groups (`oracles.median.outliers`, every group counting
   equally). If half of the weight or more is excluded, or what is left is below quorum, no price.
6. *Spread.* The votes left must lie within `max_spread_bps` of each other, or no price.
7. *Interval.* The two middle values of the weighted median; the same median of each
   quote's value less and plus its confidence; `floor_bps` about the middle; all of it wider
   by the age of the oldest quote used. Taking the median of the confidences' ends, not
   their extremes, leaves one source no power to make the interval as wide as it likes.
8. *Unit.* An asset priced in another is multiplied by that price, end by end, rounded outward.

`mid` is held between the middle values of all votes of step 4, so that excluding an honest
outlier can not hand the median to a minority: while liars have less than half of the
weight, `mid` lies within the range of the honest votes.

Status is *ok* when every configured source was used and the price multiplied in is ok
too, *degraded* when there is a price but a source was not used, *unavailable* otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.asset_settings import AssetSettings
from config.units import WAD, mul_div_down, mul_div_up
from oracles.freshness import AgePolicy, age_widening_bps
from oracles.median import distance_bps, exceeds_bps, middle, outliers, widened
from oracles.price import FailureKind, Price, PriceStatus, Quote, QuoteFailure, QuoteUse

UNIT = "USD"
MAX_VALUE_WAD = 10**36
MIN_GROUPS_FOR_OUTLIERS = 4
REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class _Vote:
    """What one group says: its middle values, and the same less and plus confidence."""

    group: str
    weight: int
    sources: int
    low: int
    lower: int
    upper: int
    high: int


@dataclass(frozen=True, slots=True)
class _Interval:
    """A price in the unit of its sources."""

    low: int
    mid: int
    high: int
    oldest_ms: int


def aggregate(
    asset: str,
    settings: AssetSettings,
    answers: Sequence[Quote | QuoteFailure],
    ages: AgePolicy,
    now_ms: int,
    via: Price | None = None,
) -> Price:
    """Return the price of `asset` as of `now_ms` from one answer per configured source.

    `via` is the price of ``settings.priced_in`` and None exactly when that is USD. The
    result does not depend on the order of `answers`. Raises ``ValueError`` if a source
    answers twice or `via` is not the price asked for, ``KeyError`` for a source without
    an age in `ages`: all three are mistakes of the caller, not of a source.
    """
    _check(asset, settings, answers, via)
    answers = sorted(answers, key=lambda answer: answer.source)
    refused: dict[str, str] = {}
    fresh: list[Quote] = []
    for answer in answers:
        reason = _refusal(answer, f"{asset}/{settings.priced_in}", ages, now_ms)
        if reason is None and isinstance(answer, Quote):
            fresh.append(answer)
        else:
            refused[answer.source] = reason or ""
    votes = _votes(fresh)
    far = _outliers(votes, settings)
    interval = _interval(settings, votes, far, fresh, now_ms)
    if via is not None and isinstance(interval, _Interval):
        interval = _times(interval, via)
    uses = tuple(_use(answer, refused, far, priced=isinstance(interval, _Interval)) for answer in answers)
    if isinstance(interval, str):
        return Price(asset, PriceStatus.UNAVAILABLE, interval, None, None, None, None, uses, via)
    reason = _degradation(uses, via)
    status = PriceStatus.DEGRADED if reason else PriceStatus.OK
    return Price(
        asset, status, reason, interval.low, interval.mid, interval.high, interval.oldest_ms, uses, via
    )


def _check(
    asset: str, settings: AssetSettings, answers: Sequence[Quote | QuoteFailure], via: Price | None
) -> None:
    expected = None if settings.priced_in == UNIT else settings.priced_in
    given = None if via is None else via.asset
    if given != expected:
        message = f"{asset} is priced in {settings.priced_in}, but was given the price of {given}"
        raise ValueError(message)
    if len({answer.source for answer in answers}) != len(answers):
        message = f"a source of {asset} answers twice"
        raise ValueError(message)


def _refusal(answer: Quote | QuoteFailure, pair: str, ages: AgePolicy, now_ms: int) -> str | None:
    if isinstance(answer, QuoteFailure):
        return _reason(answer.kind, answer.detail)
    if late := ages.refusal(answer, now_ms):
        return _reason(*late)
    if answer.pair != pair:
        return _reason(FailureKind.NOT_A_PRICE, f"{answer.pair} instead of {pair}")
    if not 0 < answer.value_wad <= MAX_VALUE_WAD:
        return _reason(FailureKind.NOT_A_PRICE, "value out of bounds")
    if not 0 <= answer.confidence_wad < answer.value_wad:
        return _reason(FailureKind.NOT_A_PRICE, "confidence out of bounds")
    return None


def _reason(kind: FailureKind, detail: str) -> str:
    return f"{kind}: {detail}" if detail else str(kind)


def _votes(fresh: Sequence[Quote]) -> list[_Vote]:
    groups: dict[str, list[Quote]] = {}
    for quote in fresh:
        groups.setdefault(quote.group, []).append(quote)
    return [_vote(group, quotes) for group, quotes in groups.items()]


def _vote(group: str, quotes: Sequence[Quote]) -> _Vote:
    lower, upper = middle((quote.value_wad, quote.weight) for quote in quotes)
    return _Vote(
        group=group,
        weight=max(quote.weight for quote in quotes),
        sources=len(quotes),
        low=middle((quote.value_wad - quote.confidence_wad, quote.weight) for quote in quotes)[0],
        lower=lower,
        upper=upper,
        high=middle((quote.value_wad + quote.confidence_wad, quote.weight) for quote in quotes)[1],
    )


def _outliers(votes: Sequence[_Vote], settings: AssetSettings) -> dict[str, int]:
    if len(votes) < MIN_GROUPS_FOR_OUTLIERS:
        return {}
    return outliers({vote.group: (vote.lower, vote.upper) for vote in votes}, settings.outlier_floor_bps)


def _interval(
    settings: AssetSettings,
    votes: Sequence[_Vote],
    far: Mapping[str, int],
    fresh: Sequence[Quote],
    now_ms: int,
) -> _Interval | str:
    """Return the interval in the sources' own unit, or the reason why there is none."""
    if short := _short_of_quorum(votes, settings):
        return f"quorum: {short}"
    near = [vote for vote in votes if vote.group not in far]
    if 2 * sum(vote.weight for vote in near) <= sum(vote.weight for vote in votes):
        return "outliers: half of the weight or more is excluded"
    if short := _short_of_quorum(near, settings):
        return f"outliers: {short} after exclusion"
    highest, lowest = max(vote.upper for vote in near), min(vote.lower for vote in near)
    if exceeds_bps(highest, lowest, settings.max_spread_bps):
        return f"spread: {distance_bps(highest, lowest)} bps, limit {settings.max_spread_bps} bps"
    lower, upper, mid = _middles(votes, near)
    low = min(lower, middle((vote.low, vote.weight) for vote in near)[0], mid)
    high = max(upper, middle((vote.high, vote.weight) for vote in near)[1], mid)
    floor_low, floor_high = widened(mid, mid, settings.floor_bps)
    oldest_ms = min(quote.time_ms for quote in fresh if quote.group not in far)
    ageing_bps = age_widening_bps(oldest_ms, settings.widen_bps_per_minute, now_ms)
    low, high = widened(min(low, floor_low), max(high, floor_high), ageing_bps)
    if low <= 0:
        return "value: too small to be held in 18 decimals"
    return _Interval(low, mid, high, oldest_ms)


def _middles(votes: Sequence[_Vote], near: Sequence[_Vote]) -> tuple[int, int, int]:
    """Return the middle values of what is near, and the mid held within those of all votes."""
    lower = middle((vote.lower, vote.weight) for vote in near)[0]
    upper = middle((vote.upper, vote.weight) for vote in near)[1]
    lower_of_all = middle((vote.lower, vote.weight) for vote in votes)[0]
    upper_of_all = middle((vote.upper, vote.weight) for vote in votes)[1]
    return lower, upper, min(max((lower + upper) // 2, lower_of_all), upper_of_all)


def _short_of_quorum(votes: Sequence[_Vote], settings: AssetSettings) -> str | None:
    sources, groups = sum(vote.sources for vote in votes), len(votes)
    if sources >= settings.min_sources and groups >= settings.min_groups:
        return None
    return f"{sources} of {settings.min_sources} sources, {groups} of {settings.min_groups} groups"


def _use(
    answer: Quote | QuoteFailure, refused: Mapping[str, str], far: Mapping[str, int], *, priced: bool
) -> QuoteUse:
    if answer.source in refused:
        return QuoteUse(answer, used=False, reason=refused[answer.source])
    if answer.group in far:
        reason = _reason(FailureKind.OUTLIER, f"{far[answer.group]} bps from the middle")
        return QuoteUse(answer, used=False, reason=reason)
    return QuoteUse(answer, used=priced, reason="" if priced else "no_price")


def _times(interval: _Interval, via: Price) -> _Interval | str:
    """Return `interval` multiplied by the price of its unit, or the reason why that is not possible."""
    if via.low_wad is None or via.mid_wad is None or via.high_wad is None or via.oldest_ms is None:
        return f"via {via.asset}: {via.reason}"[:REASON_LENGTH]
    low = mul_div_down(interval.low, via.low_wad, WAD)
    if low <= 0:
        return "value: too small to be held in 18 decimals"
    return _Interval(
        low,
        mul_div_down(interval.mid, via.mid_wad, WAD),
        mul_div_up(interval.high, via.high_wad, WAD),
        min(interval.oldest_ms, via.oldest_ms),
    )


def _degradation(uses: Sequence[QuoteUse], via: Price | None) -> str:
    unused = [f"{use.quote.source} {use.reason.partition(':')[0]}" for use in uses if not use.used]
    parts = [f"{len(unused)} of {len(uses)} sources unused: {', '.join(unused)}"] if unused else []
    if via is not None and via.status is PriceStatus.DEGRADED:
        parts.append(f"via {via.asset}: {via.reason}")
    return "; ".join(parts)[:REASON_LENGTH]
