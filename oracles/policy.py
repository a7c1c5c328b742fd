"""P, R and X kept apart: what may be done at a venue's price, and why not.

- *P*, what the venue's contract uses, decides whether a transaction can succeed.
- *R*, the reference price made here, decides whether P is sane.
- *X*, what seized collateral can be sold for, decides whether it pays.

`judge` answers for one asset on one chain, as one of five tiers, each with its reason. It is a pure function:
how long P and R have disagreed is part of what it is given. `Disagreements` keeps just that,
and when each hold is due to be told again. `reading` is the same split for one account.

A hold of an asset rests on evidence of this moment, so it ends as soon as the evidence does. Should that last
beyond `hold_ms`, the hold is renewed, counted and told anew: never silently for ever, and never ended into
liquidations at a price that is known to be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from config.units import BPS, format_wad, mul_div_down
from oracles.median import distance_bps, exceeds_bps
from oracles.price import Price

FAILURE_BANDS = 3
"""A disagreement of this many bands is an error of units or a dead feed: it needs no time to be believed."""


class Tier(IntEnum):
    """What may be done, from everything to nothing."""

    PROCEED = 0
    PROCEED_SMALL = 1
    HOLD_NEW = 2
    HOLD_ASSET = 3
    HOLD_CHAIN = 4

    @property
    def holds(self) -> bool:
        """Whether nothing is begun."""
        return self >= Tier.HOLD_NEW


@dataclass(frozen=True, slots=True)
class Protocol:
    """P as it was read: its value (None if it could not be), its age, since when it repeats, and whether at a bound."""

    value_wad: int | None
    age_ms: int = 0
    unchanged_ms: int = 0
    at_bound: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """X: what a unit is sold for at the size in question, and the penalty that pays for the trouble."""

    value_wad: int
    penalty_bps: int


@dataclass(frozen=True, slots=True)
class Liveness:
    """Whether the chain makes blocks, and what its sequencer feed says, if there is one. `reason` says why not."""

    live: bool
    reason: str = ""
    sequencer_up: bool | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """`patience_ms`: how long P may be beyond the band before the asset is held. `constant_ms`: a P that repeats for
    longer counts as hard-wired once R is elsewhere. `max_age_ms`: the venue itself refuses an older P.
    `small_without_reference`: without R, a P that is fresh and neither pinned nor repeating is good for small steps.
    """

    patience_ms: int = 12_000
    constant_ms: int = 86_400_000
    max_age_ms: int | None = None
    hold_ms: int = 3_600_000
    small_without_reference: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """A tier and its reason. `lasting`: it is no lag of a moment, a person should look."""

    tier: Tier
    reason: str = ""
    lasting: bool = False


def band_bps(legs_bps: Iterable[int], lag_bps: int = 0) -> int:
    """Return how far P may be from R: the deviation bands of all legs of the feed, which add up, and room for lag."""
    return sum(legs_bps) + lag_bps


def judge(
    protocol: Protocol,
    reference: Price | None,
    execution: Execution | None,
    chain: Liveness,
    allowed_bps: int,
    apart_ms: int,
    rules: Rules,
) -> Outcome:
    """Return what may be done. `apart_ms` is for how long P and R have been further apart than `allowed_bps`."""
    if not chain.live or chain.sequencer_up is False:
        return Outcome(Tier.HOLD_CHAIN, chain.reason or "its sequencer is down")
    if protocol.value_wad is None:
        return Outcome(Tier.HOLD_NEW, "the venue's own price was not read")
    if rules.max_age_ms is not None and protocol.age_ms > rules.max_age_ms:
        return Outcome(Tier.HOLD_NEW, f"the venue's own price is {protocol.age_ms // 1000} s old")
    if reference is None or reference.mid_wad is None:
        return _without_reference(protocol, reference, rules)
    outcome = _compared(protocol.value_wad, reference.mid_wad, protocol, allowed_bps, apart_ms, rules)
    if outcome.tier.holds:
        return outcome
    sale = paying(protocol.value_wad, execution)
    if sale.tier is not Tier.PROCEED:
        return sale
    if reference.holds:
        held = "; ".join(f"{hold.guard}: {hold.detail}" for hold in reference.holds)
        return Outcome(Tier.PROCEED_SMALL, f"the reference price is widened: {held}")
    return outcome


def are_apart(protocol_wad: int, reference_wad: int, allowed_bps: int) -> bool:
    """Return whether the two are further apart than `allowed_bps`, as a ratio, in either direction."""
    return exceeds_bps(max(protocol_wad, reference_wad), min(protocol_wad, reference_wad), allowed_bps)


def paying(protocol_wad: int, execution: Execution | None) -> Outcome:
    """Say whether what is seized at P can be sold: its penalty is the room between the two. Without X nothing is said."""
    if execution is None:
        return Outcome(Tier.PROCEED)
    even_wad = mul_div_down(protocol_wad, BPS, BPS + execution.penalty_bps)
    tight_wad = mul_div_down(protocol_wad, 2 * BPS, 2 * BPS + execution.penalty_bps)
    sold = f"it sells for {format_wad(execution.value_wad)}"
    if execution.value_wad < even_wad:
        return Outcome(Tier.HOLD_NEW, f"{sold}, and pays only from {format_wad(even_wad)} on")
    if execution.value_wad < tight_wad:
        return Outcome(Tier.PROCEED_SMALL, f"{sold}, less than half of the penalty is left")
    return Outcome(Tier.PROCEED)


class Reading(StrEnum):
    """What two healths of one account, by P and by R, say about the price and not about the account."""

    AGREED = "agreed"
    MISPRICED = "mispriced"
    LATE = "late"
    UNKNOWN = "unknown"


def reading(*, unhealthy_by_protocol: bool | None, unhealthy_by_reference: bool | None) -> Reading:
    """Return which of the two prices is in question.

    Unhealthy by P only: the venue is mispriced and not the account; the asset is held. Unhealthy by R only: P is late,
    capped or hard-wired; the account is flagged, and nothing is sent.
    """
    if unhealthy_by_protocol is None or unhealthy_by_reference is None:
        return Reading.UNKNOWN
    if unhealthy_by_protocol is unhealthy_by_reference:
        return Reading.AGREED
    return Reading.MISPRICED if unhealthy_by_protocol else Reading.LATE


@dataclass(slots=True)
class Standoff:
    """A disagreement of P and R on one chain: since when, until when its hold counts, and how often it was renewed."""

    since_ms: int
    until_ms: int
    renewed: int = 0


@dataclass(slots=True)
class Disagreements:
    """Since when P and R disagree, by (chain, asset)."""

    rules: Rules
    standing: dict[tuple[str, str], Standoff] = field(default_factory=dict)
    begun: int = 0

    def apart_ms(self, chain: str, asset: str, now_ms: int, *, apart: bool) -> int:
        """Note whether they disagree now, and return for how long they have."""
        key = (chain, asset)
        if not apart:
            self.standing.pop(key, None)
            return 0
        found = self.standing.get(key)
        if found is None:
            found = self.standing[key] = Standoff(now_ms, now_ms + self.rules.hold_ms)
            self.begun += 1
        if now_ms < found.since_ms:
            # The clock was set back: nobody knows for how long they have been apart.
            found.since_ms, found.until_ms = now_ms, now_ms + self.rules.hold_ms
        while now_ms >= found.until_ms:
            found.until_ms += self.rules.hold_ms
            found.renewed += 1
        return now_ms - found.since_ms


def _compared(
    protocol_wad: int, reference_wad: int, protocol: Protocol, allowed_bps: int, apart_ms: int, rules: Rules
) -> Outcome:
    high, low = max(protocol_wad, reference_wad), min(protocol_wad, reference_wad)
    if not exceeds_bps(high, low, allowed_bps):
        return Outcome(Tier.PROCEED)
    side = "below" if protocol_wad < reference_wad else "above"
    reason = (
        f"the venue's own price, {format_wad(protocol_wad)}, is {distance_bps(high, low)} bps {side} the reference, "
        f"{format_wad(reference_wad)}, over the {allowed_bps} allowed"
    )
    if protocol.at_bound:
        return Outcome(Tier.HOLD_ASSET, f"{reason}: it is pinned at a bound of its feed", lasting=True)
    if protocol.unchanged_ms > rules.constant_ms:
        return Outcome(
            Tier.HOLD_ASSET,
            f"{reason}: it is hard-wired, unchanged for {protocol.unchanged_ms // 1000} s",
            lasting=True,
        )
    if apart_ms > rules.patience_ms:
        return Outcome(Tier.HOLD_ASSET, f"{reason}, for {apart_ms // 1000} s", lasting=True)
    if exceeds_bps(high, low, FAILURE_BANDS * allowed_bps):
        return Outcome(Tier.HOLD_ASSET, f"{reason}: more than {FAILURE_BANDS} bands")
    return Outcome(Tier.HOLD_NEW, reason)


def _without_reference(protocol: Protocol, reference: Price | None, rules: Rules) -> Outcome:
    why = "no reference price" if reference is None else f"no reference price: {reference.reason}"
    quiet = not protocol.at_bound and protocol.unchanged_ms <= rules.constant_ms
    if rules.small_without_reference and quiet:
        return Outcome(Tier.PROCEED_SMALL, why)
    return Outcome(Tier.HOLD_NEW, why)
