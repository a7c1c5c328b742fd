"""Turns of a source are told, and a source that does nothing but turn is not a storm."""

from __future__ import annotations

from oracles.circuit import OPEN_AFTER, SourceHealth
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.origin import Origin
from oracles.turns import LINES_AT_ONCE, QUIET_MS, Line, Turns
from tests.oracles.evidence import NOW_MS

ORIGIN = Origin("one", "one", "ETH/USD", 1)


class Source:
    """A source whose answers are followed as the service follows them."""

    def __init__(self) -> None:
        self.health, self.turns, self.now_ms = SourceHealth("one"), Turns(), NOW_MS

    def says(self, answer: Quote | QuoteFailure) -> Line | None:
        before, self.health = self.health, self.health.after(answer)
        return self.turns.line(before, self.health, answer, self.now_ms)

    def answers(self) -> Line | None:
        return self.says(ORIGIN.quote(1, NOW_MS, NOW_MS))

    def fails(self) -> Line | None:
        return self.says(ORIGIN.failure(FailureKind.MALFORMED, "", NOW_MS))


def events(*lines: Line | None) -> list[str]:
    return [line.event for line in lines if line is not None]


def test_a_source_that_falls_ill_and_recovers_is_told_once_of_each() -> None:
    source = Source()
    ill = [source.fails() for _ in range(OPEN_AFTER + 3)]
    well = [source.answers() for _ in range(3)]

    assert ["source_failing", "source_circuit_open", "source_recovered"] == events(*ill, *well)
    assert well[0] is not None
    assert OPEN_AFTER + 3 == well[0].failures


def test_a_source_that_turns_with_every_answer_is_told_now_and_then_with_what_was_left_out() -> None:
    source = Source()
    lines = [turn() for _ in range(1_000) for turn in (source.fails, source.answers)]
    source.now_ms += QUIET_MS
    later = source.fails()

    assert LINES_AT_ONCE == len(events(*lines))
    assert later is not None
    assert (2_000 - LINES_AT_ONCE, "source_failing") == (later.unsaid, later.event)


def test_a_clock_that_is_set_back_silences_nothing() -> None:
    source = Source()
    for _ in range(10):
        source.fails()
        source.answers()
    source.now_ms -= 86_400_000

    assert ["source_failing"] == events(source.fails())
