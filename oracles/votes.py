"""From answers to votes: what each source says in the direction of its edge, and one vote per group.

A quote becomes an interval about its value: its own confidence or the asset's floor,
whichever is wider, and then its own age. A quote of the inverse pair is inverted here,
rounded outward, before anything is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from config.asset_settings import AssetSettings
from config.pairs import Edge
from config.units import BPS
from oracles.freshness import AgePolicy, age_widening_bps
from oracles.interval import MAX_VALUE_WAD, inverse_down, inverse_up
from oracles.median import middle
from oracles.price import FailureKind, Quote, QuoteFailure


class Reading(NamedTuple):
    """A quote as its edge sees it: the value (two where inverting it was not exact), and its interval."""

    quote: Quote
    low: int
    lower: int
    upper: int
    high: int


class Vote(NamedTuple):
    """What one group says: its middle values, and its interval."""

    group: str
    weight: int
    sources: int
    low: int
    lower: int
    upper: int
    high: int


def reason_text(kind: FailureKind, detail: str) -> str:
    """Return a refusal as it stands in the tree."""
    return f"{kind}: {detail}" if detail else str(kind)


def refusal(
    answer: Quote | QuoteFailure, edge: Edge, settings: AssetSettings, ages: AgePolicy, now_ms: int
) -> str | None:
    """Return why an answer can not be used, whatever the others say, or None."""
    if isinstance(answer, QuoteFailure):
        return reason_text(answer.kind, answer.detail)
    if late := ages.refusal(answer, now_ms):
        return reason_text(*late)
    if answer.pair != edge.pair and answer.pair != edge.inverse:  # noqa: PLR1714 - asked of every quote
        return reason_text(FailureKind.NOT_A_PRICE, f"{answer.pair} instead of {edge}")
    value, confidence = answer.value_wad, answer.confidence_wad
    if not 0 < value <= MAX_VALUE_WAD:
        return reason_text(FailureKind.NOT_A_PRICE, "value out of bounds")
    if not 0 <= confidence < value:
        return reason_text(FailureKind.NOT_A_PRICE, "confidence out of bounds")
    if confidence * BPS > value * settings.max_confidence_bps:
        detail = f"{confidence * BPS // value} bps, limit {settings.max_confidence_bps} bps"
        return reason_text(FailureKind.UNSURE, detail)
    return None


def reading(quote: Quote, edge: Edge, settings: AssetSettings, now_ms: int) -> Reading:
    """Return what a quote that was not refused says of its edge."""
    value, confidence = quote.value_wad, quote.confidence_wad
    if quote.pair == edge.inverse:
        lower, upper = inverse_down(value), inverse_up(value)
        low, high = inverse_down(value + confidence), inverse_up(value - confidence)
    else:
        lower = upper = value
        low, high = value - confidence, value + confidence
    with_floor, ages_bps = (
        BPS + settings.floor_bps,
        BPS + age_widening_bps(quote.time_ms, settings.widen_bps_per_minute, now_ms),
    )
    return Reading(
        quote,
        min(low, lower * BPS // with_floor) * BPS // ages_bps,
        lower,
        upper,
        -(-max(high, -(-upper * with_floor // BPS)) * ages_bps // BPS),
    )


def votes_of(readings: Sequence[Reading]) -> list[Vote]:
    """Return one vote per group, by name.

    A group of several is its weighted median, and weighs what the heaviest of them weighs:
    another source behind the same upstream adds no weight.
    """
    groups: dict[str, list[Reading]] = {}
    for one in readings:
        groups.setdefault(one.quote.group, []).append(one)
    return [_vote(group, groups[group]) for group in sorted(groups)]


def _vote(group: str, members: Sequence[Reading]) -> Vote:
    if len(members) == 1:
        (only,) = members
        return Vote(group, only.quote.weight, 1, only.low, only.lower, only.upper, only.high)
    weights = [one.quote.weight for one in members]
    return Vote(
        group,
        max(weights),
        len(members),
        middle(zip((one.low for one in members), weights, strict=True))[0],
        middle(zip((one.lower for one in members), weights, strict=True))[0],
        middle(zip((one.upper for one in members), weights, strict=True))[1],
        middle(zip((one.high for one in members), weights, strict=True))[1],
    )
