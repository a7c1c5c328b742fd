"""Sources that repeat themselves while the market moves.

A source that answers, and even stamps its answers with the time, may still serve one old
number for ever. Whether it does is seen in the third clock of its quotes, when the value
last changed, and in the others: had the market stood still, they would agree with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.asset_settings import AssetSettings
from oracles.median import distance_bps, exceeds_bps, middle
from oracles.votes import Reading, Vote


def frozen(
    readings: Sequence[Reading], votes: Sequence[Vote], settings: AssetSettings, now_ms: int
) -> Mapping[str, str]:
    """Return the sources that repeat one value, with what shows it.

    All of it must hold: the value did not change for more than `frozen_after_s`; of the other groups,
    at least two and more than half changed since; and the middle of all other groups lies more than
    `frozen_bps` away. The distance is that from the nearer of two middle values, so
    that as many liars as honest groups do not make an honest one look frozen.
    """
    before_ms = now_ms - round(settings.frozen_after_s * 1_000)
    repeating = [one for one in readings if one.quote.changed_at_ms < before_ms]
    if not repeating:
        return {}
    changed_ms: dict[str, int] = {}
    for one in readings:
        group = one.quote.group
        changed_ms[group] = max(changed_ms.get(group, 0), one.quote.changed_at_ms)
    found: dict[str, str] = {}
    for one in repeating:
        others = [vote for vote in votes if vote.group != one.quote.group]
        moved = sum(changed_ms[vote.group] > one.quote.changed_at_ms for vote in others)
        if moved >= 2 and 2 * moved > len(others) and (away := _away_bps(one, others, settings.frozen_bps)):
            found[one.quote.source] = (
                f"unchanged since {one.quote.changed_at_ms} ms, {away} bps from the others"
            )
    return found


def _away_bps(one: Reading, others: Sequence[Vote], limit_bps: int) -> int | None:
    lower = middle([(vote.lower, vote.weight) for vote in others])[0]
    upper = middle([(vote.upper, vote.weight) for vote in others])[1]
    if exceeds_bps(lower, one.upper, limit_bps):
        return distance_bps(lower, one.upper)
    if exceeds_bps(one.lower, upper, limit_bps):
        return distance_bps(one.lower, upper)
    return None
