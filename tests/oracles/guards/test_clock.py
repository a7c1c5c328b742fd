"""A clock that is set wrong and back again: nothing is held for longer for it, and nothing stays in the future."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config.units import WAD, parse_wad
from oracles.price import PriceStatus
from oracles.pricing import PriceBook
from tests.oracles.evidence import EXACT, NOW_MS, http_settings, interval_of, quote
from tests.oracles.tape import Tape, lone, venues

HOUR_S, YEAR_S = 3_600, 31_536_000
HOLD_S = 900
HELD_BY: dict[str, dict[str, Any]] = {
    "move": {"max_move_bps": 1_000, "persist_s": 1_000_000.0},
    "peg": {"peg": "USD", "peg_value": "1000"},
    "magnitude": {"expected_high": "1100"},
    "rate": {"max_rate_growth_bps": 100},
}


@pytest.mark.parametrize("guard", HELD_BY)
@pytest.mark.parametrize("ahead_s", [HOUR_S, 10 * YEAR_S])
def test_a_hold_that_began_in_the_future_ends_a_hold_after_the_clock_is_right(
    guard: str, ahead_s: int
) -> None:
    tape = Tape(
        {"COIN": lone({"max_move_bps": 0, "hold_s": float(HOLD_S)} | HELD_BY[guard])},
        venues("COIN/USD", "only"),
    )
    if guard != "magnitude":
        tape.at(ahead_s, only="1000")
    tape.at(ahead_s + 1, only="1800")
    before = tape.price("COIN").holds
    tape.at(0, only="1800")
    back = tape.price("COIN").holds
    tape.at(HOLD_S - 1, only="1800")
    late = tape.price("COIN").holds
    tape.at(HOLD_S, only="1800")

    assert [guard] == [hold.guard for hold in before] == [hold.guard for hold in back]
    for holds in (back, late):
        assert [(NOW_MS, NOW_MS + 1_000 * HOLD_S)] == [(hold.since_ms, hold.until_ms) for hold in holds]
    assert () == tape.price("COIN").holds
    assert parse_wad("1800") == tape.price("COIN").mid_wad
    assert PriceStatus.DEGRADED is tape.price("COIN").status


def test_a_hold_a_person_has_ended_does_not_come_back_with_the_clock() -> None:
    tape = Tape({"COIN": lone({"peg": "USD", "peg_value": "1000"})}, venues("COIN/USD", "only"))
    tape.at(HOUR_S, only="1800")
    tape.guards.reset("COIN", tape.now_ms)
    tape.at(HOUR_S + 1, only="1801")
    tape.at(0, only="1802")

    assert () == tape.price("COIN").holds
    assert parse_wad("1802") == tape.price("COIN").mid_wad


def test_a_source_without_a_clock_that_repeats_its_value_counts_again_at_once() -> None:
    book = PriceBook({"ETH": EXACT}, [http_settings("only")])
    ahead_ms = NOW_MS + 1_000 * HOUR_S
    for now_ms in (ahead_ms, NOW_MS):
        said = quote("only", WAD, timed=False)
        book.update([replace(said, received_at_ms=now_ms, changed_at_ms=now_ms)], now_ms)

    assert (WAD, WAD, WAD) == interval_of(book.current.prices["ETH"])
