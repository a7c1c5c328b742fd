"""A feed with Chainlink's AggregatorV3 interface, most often a proxy before an aggregator.

`decimals` is read along with every round: a feed behind a proxy can be replaced by one
with another scale, and nothing else would show it. So is `aggregator`, because a switch emits no
event: the new aggregator has bounds of its own, and its rounds count from one again in a new phase (the
bits above 64 of a proxy's round ids), which makes them neither old nor incomplete.

An aggregator can not answer beyond its bounds. At one of them the market may be anywhere beyond: LUNA was
worth a cent while its feed, with a least answer of 0.10, said 0.107 (May 2022). OCR aggregators name their bounds
`minAnswer` and `maxAnswer`, the older FluxAggregator `minSubmissionValue` and `maxSubmissionValue`.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.source_settings import ChainlinkSourceSettings
from config.units import BPS, WAD, mul_div_down
from oracles.aggregate import MAX_VALUE_WAD
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.chain import Call, address_in, is_absent, signed, words
from oracles.sources.json_answer import shown
from oracles.sources.origin import BadAnswer, Origin

LATEST_ROUND_DATA = bytes.fromhex("feaf968c")
DECIMALS = bytes.fromhex("313ce567")
AGGREGATOR = bytes.fromhex("245a7bfc")
BOUNDS = (
    (bytes.fromhex("22adbc78"), bytes.fromhex("70da2f67")),
    (bytes.fromhex("7c2b0b21"), bytes.fromhex("23ca2903")),
)
"""The least and the largest answer, as each kind of aggregator names them."""

PHASE_BITS = 64


class ChainlinkSource:
    """A `ChainReader` of one feed. The bounds are read again when the proxy points elsewhere."""

    def __init__(self, settings: ChainlinkSourceSettings) -> None:
        self.origin = Origin.of(settings)
        self.chain = settings.chain
        self._address = settings.address
        self._decimals = settings.decimals
        self._margin_bps = settings.bound_margin_bps
        self._aggregator = settings.address
        self._phase: int | None = None
        self._bounds: tuple[int, int] | None = None

    def calls(self) -> list[Call]:
        """Return the calls for the round, the scale and the aggregator, and for bounds that are not known."""
        standing = [(self._address, call) for call in (LATEST_ROUND_DATA, DECIMALS, AGGREGATOR)]
        if self._phase is not None:
            return standing
        return [*standing, *((self._aggregator, call) for pair in BOUNDS for call in pair)]

    def read(
        self, answers: Sequence[bytes | None], block_timestamp: int, now_ms: int
    ) -> Quote | QuoteFailure:
        """Return the round's answer as of its `updatedAt`, or why it is no price."""
        latest, scale, pointed, *bounds = answers
        try:
            round_ = words(latest, 5)
            self._follow(pointed, round_[0] >> PHASE_BITS, bounds)
            value_wad, updated_at = self._round(round_, words(scale, 1)[0], block_timestamp)
        except BadAnswer as bad:
            return self.origin.failure(bad.kind, bad.detail, now_ms)
        return self.origin.quote(value_wad, updated_at * 1000, now_ms)

    def _follow(self, pointed: bytes | None, phase: int, bounds: Sequence[bytes | None]) -> None:
        """Take the bounds if they are of the aggregator in charge, else have them asked for."""
        aggregator = self._address if is_absent(pointed) else address_in(words(pointed, 1)[0])
        if self._phase is not None and (aggregator, phase) != (self._aggregator, self._phase):
            self._phase = None
            bounds = ()
        if aggregator != self._aggregator:
            self._aggregator = aggregator
            bounds = ()
        if self._phase is None:
            if not bounds:
                detail = f"the bounds of its aggregator {aggregator}, phase {shown(phase)}, are not read yet"
                raise BadAnswer(FailureKind.UNSURE, detail)
            self._bounds = _bounds(bounds)
            self._phase = phase

    def _round(self, latest: Sequence[int], decimals: int, block_timestamp: int) -> tuple[int, int]:
        round_id, answer, _, updated_at, answered_in_round = latest
        if decimals != self._decimals:
            raise BadAnswer(FailureKind.MALFORMED, f"{shown(decimals)} decimals instead of {self._decimals}")
        if updated_at == 0 or round_id == 0:
            raise BadAnswer(FailureKind.INCOMPLETE_ROUND, "the round has no answer yet")
        if answered_in_round < round_id:
            detail = f"round {shown(round_id)} carries the answer of {shown(answered_in_round)}"
            raise BadAnswer(FailureKind.INCOMPLETE_ROUND, detail)
        if updated_at > block_timestamp:
            raise BadAnswer(FailureKind.FROM_THE_FUTURE, f"updatedAt {shown(updated_at)} is after its block")
        value_wad = mul_div_down(signed(answer), WAD, 10**decimals)
        if not 0 < value_wad <= MAX_VALUE_WAD:
            raise BadAnswer(FailureKind.NOT_A_PRICE, f"answer {shown(signed(answer))}")
        self._refuse_at_bound(signed(answer))
        return value_wad, updated_at

    def _refuse_at_bound(self, answer: int) -> None:
        if self._bounds is None:
            return
        least, largest = self._bounds
        if least > 0 and answer * BPS <= least * (BPS + self._margin_bps):
            raise BadAnswer(
                FailureKind.AT_BOUND, f"answer {shown(answer)} is at the least it can be, {shown(least)}"
            )
        if answer * BPS >= largest * (BPS - self._margin_bps):
            raise BadAnswer(
                FailureKind.AT_BOUND, f"answer {shown(answer)} is at the most it can be, {shown(largest)}"
            )


def _bounds(answers: Sequence[bytes | None]) -> tuple[int, int] | None:
    """Return the least and the largest answer, or None where the aggregator has no bounds."""
    for lower, upper in zip(answers[::2], answers[1::2], strict=True):
        if is_absent(lower) and is_absent(upper):
            continue
        least, largest = signed(words(lower, 1)[0]), signed(words(upper, 1)[0])
        if least >= largest:
            detail = f"its aggregator's bounds are {shown(least)} and {shown(largest)}"
            raise BadAnswer(FailureKind.MALFORMED, detail)
        return least, largest
    return None
