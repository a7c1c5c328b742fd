"""One interval from many answers to the same question. Pure, synchronous, whole numbers only.

The question is an edge of the price graph: one asset in one of its units. The order of
what happens, so that each refusal has one place:

1. *Time.* Stale quotes and quotes from the future are refused, before anything is counted.
2. *Value.* Not positive, not bounded, in another unit, less sure than large or than the
   asset allows: refused.
3. *Readings* (`oracles.votes`). Quotes of the inverse pair are inverted; each becomes an
   interval of its confidence or of `floor_bps`, wider by its own age.
4. *Frozen.* A source that repeats one value while the others moved away from it is refused
   (`oracles.frozen`).
5. *Quorum* of sources and of independence groups, among what is left.
6. *Votes.* One group, one vote: the sources of a group are reduced to their weighted median,
   and the vote weighs what the heaviest of them weighs.
7. *Outliers*, with at least four groups (`oracles.median.outliers`, every group counting
   equally). If half of the weight or more is excluded, or what is left is below quorum, no price.
8. *Spread.* The votes left must lie within `max_spread_bps` of each other, or no price.
9. *Interval.* The two middle values of the weighted median, and the same median of the
   votes' own ends. Taking their median, not their extremes, leaves one source no power to
   make the interval as wide as it likes, neither by its confidence nor by its age.

`mid` is held between the middle values of all votes before steps 4 and 7, so that excluding
an honest source can not hand the median to a minority: while liars have less than half of
the weight, `mid` lies within the range of the honest votes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from config.asset_settings import AssetSettings
from config.pairs import Edge
from oracles.freshness import AgePolicy
from oracles.frozen import frozen
from oracles.interval import MAX_VALUE_WAD, Interval
from oracles.median import distance_bps, exceeds_bps, middle, outliers
from oracles.price import FailureKind, Quote, QuoteFailure, QuoteUse
from oracles.votes import Reading, Vote, reading, reason_text, refusal, votes_of

__all__ = ["MAX_VALUE_WAD", "MIN_GROUPS_FOR_OUTLIERS", "EdgePrice", "aggregate"]

MIN_GROUPS_FOR_OUTLIERS = 4
NO_PRICE = "no_price"


class EdgePrice(NamedTuple):
    """What one edge says: an interval in its unit, or the reason why there is none, and the tree.

    `groups` counts the independence groups that were used.
    """

    edge: Edge
    interval: Interval | None
    reason: str
    uses: tuple[QuoteUse, ...]
    groups: int


def aggregate(
    edge: Edge,
    settings: AssetSettings,
    answers: Sequence[Quote | QuoteFailure],
    ages: AgePolicy,
    now_ms: int,
) -> EdgePrice:
    """Return what `edge` is worth as of `now_ms` from one answer per configured source.

    The result does not depend on the order of `answers`. Raises ``ValueError`` if a source
    answers twice, ``KeyError`` for a source without an age in `ages`: both are mistakes of
    the caller, not of a source.
    """
    answers = sorted(answers, key=_source)
    refused: dict[str, str] = {}
    readings: list[Reading] = []
    for answer in answers:
        reason = refusal(answer, edge, settings, ages, now_ms)
        if reason is None and isinstance(answer, Quote):
            readings.append(reading(answer, edge, settings, now_ms))
        else:
            refused[answer.source] = reason or ""
    if len({answer.source for answer in answers}) != len(answers):
        message = f"a source of {edge} answers twice"
        raise ValueError(message)
    all_votes = votes = votes_of(readings)
    if repeating := frozen(readings, all_votes, settings, now_ms):
        refused |= {source: reason_text(FailureKind.FROZEN, detail) for source, detail in repeating.items()}
        readings = [one for one in readings if one.quote.source not in repeating]
        votes = votes_of(readings)
    far = _outliers(votes, settings)
    found = _interval(settings, all_votes, votes, far, readings)
    if isinstance(found, str):
        uses = tuple(_use(answer, refused, far, otherwise=NO_PRICE) for answer in answers)
        return EdgePrice(edge, None, found, uses, 0)
    uses = tuple(_use(answer, refused, far, otherwise="") for answer in answers)
    return EdgePrice(edge, found, "", uses, len(votes) - len(far))


def _source(answer: Quote | QuoteFailure) -> str:
    return answer.source


def _outliers(votes: Sequence[Vote], settings: AssetSettings) -> Mapping[str, int]:
    if len(votes) < MIN_GROUPS_FOR_OUTLIERS:
        return {}
    return outliers({vote.group: (vote.lower, vote.upper) for vote in votes}, settings.outlier_floor_bps)


def _interval(
    settings: AssetSettings,
    all_votes: Sequence[Vote],
    votes: Sequence[Vote],
    far: Mapping[str, int],
    readings: Sequence[Reading],
) -> Interval | str:
    """Return the interval in the edge's own unit, or the reason why there is none."""
    if short := _short_of_quorum(votes, settings):
        return f"quorum: {short}"
    near = [vote for vote in votes if vote.group not in far] if far else votes
    if 2 * sum(vote.weight for vote in near) <= sum(vote.weight for vote in votes):
        return "outliers: half of the weight or more is excluded"
    if far and (short := _short_of_quorum(near, settings)):
        return f"outliers: {short} after exclusion"
    highest, lowest = max(vote.upper for vote in near), min(vote.lower for vote in near)
    if exceeds_bps(highest, lowest, settings.max_spread_bps):
        return f"spread: {distance_bps(highest, lowest)} bps, limit {settings.max_spread_bps} bps"
    lower, upper, mid = _middles(all_votes, near)
    low = min(lower, middle([(vote.low, vote.weight) for vote in near])[0], mid)
    high = max(upper, middle([(vote.high, vote.weight) for vote in near])[1], mid)
    if low <= 0:
        return "value: too small to be held in 18 decimals"
    return Interval(low, mid, high, min(one.quote.time_ms for one in readings if one.quote.group not in far))


def _middles(all_votes: Sequence[Vote], near: Sequence[Vote]) -> tuple[int, int, int]:
    """Return the middle values of what is near, and the mid held within those of all votes."""
    lower, upper = _lower_and_upper(near)
    if near is all_votes:
        return lower, upper, (lower + upper) // 2
    lower_of_all, upper_of_all = _lower_and_upper(all_votes)
    return lower, upper, min(max((lower + upper) // 2, lower_of_all), upper_of_all)


def _lower_and_upper(votes: Sequence[Vote]) -> tuple[int, int]:
    return (
        middle([(vote.lower, vote.weight) for vote in votes])[0],
        middle([(vote.upper, vote.weight) for vote in votes])[1],
    )


def _short_of_quorum(votes: Sequence[Vote], settings: AssetSettings) -> str | None:
    sources, groups = sum(vote.sources for vote in votes), len(votes)
    if sources >= settings.min_sources and groups >= settings.min_groups:
        return None
    return f"{sources} of {settings.min_sources} sources, {groups} of {settings.min_groups} groups"


def _use(
    answer: Quote | QuoteFailure, refused: Mapping[str, str], far: Mapping[str, int], *, otherwise: str
) -> QuoteUse:
    if answer.source in refused:
        return QuoteUse(answer, used=False, reason=refused[answer.source])
    if answer.group in far:
        reason = reason_text(FailureKind.OUTLIER, f"{far[answer.group]} bps from the middle")
        return QuoteUse(answer, used=False, reason=reason)
    return QuoteUse(answer, used=not otherwise, reason=otherwise)
