"""How far a price may go, how a new level proves itself, and that every hold ends."""

from __future__ import annotations

from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD
from oracles.guards.band import beyond, reached_ms
from oracles.price import FailureKind, Price, PriceStatus
from tests.oracles.evidence import NOW_MS
from tests.oracles.tape import Tape, asset, lone, venues

GUARDS = {"max_move_bps": 1_000, "move_interval_s": 60.0, "persist_s": 30.0, "hold_s": 900.0}


def thin(**guards: object) -> Tape:
    return Tape({"ETH": lone(GUARDS | guards)}, venues("ETH/USD", "only"))


def wide(groups: int = 3, **guards: object) -> Tape:
    names = [f"v{number}" for number in range(groups)]
    settings = asset(GUARDS | guards, min_sources=groups, min_groups=groups)
    return Tape({"ETH": settings}, venues("ETH/USD", *names))


def everywhere(tape: Tape, value: str) -> dict[str, str]:
    return dict.fromkeys(tape.feeds, value)


def is_held(price: Price) -> bool:
    return price.status is PriceStatus.UNAVAILABLE and price.reason.startswith("held: move: ")


def test_a_wick_of_three_seconds_on_one_venue_is_never_a_price() -> None:
    tape = thin()
    tape.repeat(0, 120, only="2000")
    seen = []
    for second in (121, 122, 123):
        tape.at(second, only="555")
        seen.append(is_held(tape.price("ETH")))
    tape.at(124, only="2001")

    assert [True, True, True] == seen
    assert 2_001 * WAD == tape.price("ETH").mid_wad
    assert () == tape.price("ETH").holds


def test_a_level_that_stands_is_taken_after_it_stood_for_long_enough() -> None:
    tape = thin()
    tape.repeat(0, 100, only="2000")
    tape.repeat(101, 130, only="1000")
    before = tape.price("ETH")
    tape.at(131, only="1001")

    assert is_held(before)
    assert 1_001 * WAD == tape.price("ETH").mid_wad


def test_a_level_of_another_size_does_not_prove_itself_by_standing() -> None:
    tape = thin()
    tape.repeat(0, 100, only="2000")
    tape.repeat(101, 300, only="999")

    assert is_held(tape.price("ETH"))


def test_a_level_that_nobody_repeats_does_not_stand() -> None:
    tape = thin()
    tape.repeat(0, 100, only="2000")
    tape.at(101, only="1000")
    tape.at(400)

    assert is_held(tape.price("ETH"))


def test_a_level_seen_with_a_gap_stands_from_anew() -> None:
    tape = thin()
    tape.repeat(0, 100, only="2000")
    tape.repeat(101, 120, only="1000")
    tape.at(121, only=FailureKind.MALFORMED)
    tape.repeat(122, 151, only="1000")
    before = tape.price("ETH")
    tape.at(152, only="1000")

    assert is_held(before)
    assert 1_000 * WAD == tape.price("ETH").mid_wad


def test_a_crash_that_a_quorum_of_groups_sees_is_a_price_at_once() -> None:
    tape = wide(confirm_groups=3)
    tape.repeat(0, 100, 10, **everywhere(tape, "194"))
    tape.at(101, **everywhere(tape, "110"))

    assert 110 * WAD == tape.price("ETH").mid_wad
    assert PriceStatus.OK is tape.price("ETH").status


def test_with_no_number_of_groups_enough_even_a_quorum_must_persist() -> None:
    tape = wide(confirm_groups=0)
    tape.repeat(0, 100, 10, **everywhere(tape, "0.038"))
    tape.at(101, **everywhere(tape, "0.91"))

    assert is_held(tape.price("ETH"))


def test_small_steps_are_not_more_than_a_large_one() -> None:
    tape = thin(confirm_groups=0, persist_s=600.0)
    tape.at(0, only="100")
    value, published = 100.0, 100
    for second in range(1, 61):
        value *= 1.01
        tape.at(second, only=f"{value:.6f}")
        published = (tape.price("ETH").mid_wad or 0) // WAD or published

    assert published <= 110
    assert is_held(tape.price("ETH"))


def test_the_band_widens_until_the_price_is_within_it() -> None:
    tape = thin(persist_s=899.0)
    tape.at(0, only="1000")
    tape.at(1, only="1200")
    until = reached_ms(1_200, 1_000, 1_000, 60_000)
    tape.book.tick(NOW_MS + until - 1)
    before = tape.price("ETH")
    tape.book.tick(NOW_MS + until)

    assert 240_000 == until
    assert is_held(before)
    assert 1_200 * WAD == tape.price("ETH").mid_wad


def test_a_hold_expires_and_says_so() -> None:
    tape = thin(persist_s=499.0, hold_s=500.0)
    tape.at(0, only="1000")
    tape.at(1, only="9000")
    (hold,) = tape.price("ETH").holds
    tape.book.tick(NOW_MS + 501_000)
    freed = tape.price("ETH")

    assert (NOW_MS + 1_000, NOW_MS + 501_000) == (hold.since_ms, hold.until_ms)
    assert 9_000 * WAD == freed.mid_wad
    assert PriceStatus.DEGRADED is freed.status
    assert freed.reason.startswith("hold expired: move: ")
    tally = tape.guards.tallies["ETH", "move"]
    assert (1, 1) == (tally.begun, tally.expired)


def test_an_operator_ends_a_hold() -> None:
    tape = thin(persist_s=899.0)
    tape.at(0, only="1000")
    tape.at(1, only="9000")

    assert ["move"] == tape.guards.reset("ETH", tape.now_ms)
    tape.at(2, only="9000")
    assert 9_000 * WAD == tape.price("ETH").mid_wad
    assert [] == tape.guards.reset("ETH", tape.now_ms)
    assert [] == tape.guards.reset("no such asset", tape.now_ms)


def test_what_a_hold_kept_back_is_counted() -> None:
    tape = thin()
    tape.at(0, only="1000")
    tape.guards.held_back("ETH", 5)
    tape.repeat(1, 4, only="9000")
    tape.guards.held_back("ETH", 7)
    tally = tape.guards.tallies["ETH", "move"]

    assert (1, 4, 7) == (tally.begun, tally.prices, tally.liquidations)


def test_a_crash_of_the_unit_is_no_move_of_what_is_priced_in_it() -> None:
    settings = {
        "ETH": asset(GUARDS, min_sources=3, min_groups=3),
        "VAULT": lone(GUARDS, priced_in="ETH"),
    }
    tape = Tape(settings, venues("ETH/USD", "a", "b", "c") | venues("VAULT/ETH", "rate"))
    tape.repeat(0, 100, 10, a="194", b="194", c="194", rate="1.1")
    tape.at(101, a="110", b="110", c="110", rate="1.1")

    assert 121 * WAD == tape.price("VAULT").mid_wad


def test_a_move_along_another_path_is_measured_in_dollars() -> None:
    settings = {
        "USDT": asset(GUARDS, min_sources=2),
        "ETH": asset(GUARDS, min_sources=2, also_priced_in=["USDT"]),
    }
    feeds = venues("USDT/USD", "u1", "u2") | venues("ETH/USD", "e1", "e2") | venues("ETH/USDT", "t1", "t2")
    tape = Tape(settings, feeds)
    tape.at(0, u1="0.5", u2="0.5", e1="2000", e2="2000", t1="4000", t2="4000")
    tape.at(5, e1=FailureKind.STALE, e2=FailureKind.STALE)

    assert 2_000 * WAD == tape.price("ETH").mid_wad


POSITIVE = st.integers(1, 10**30)


@given(POSITIVE, POSITIVE, st.integers(1, 20_000), st.integers(1, 10**7))
def test_a_band_reaches_every_level_and_not_before(a: int, b: int, bps: int, interval_ms: int) -> None:
    at_ms = reached_ms(a, b, bps, interval_ms)

    assert not beyond(a, b, bps, interval_ms, at_ms)
    assert at_ms == interval_ms or beyond(a, b, bps, interval_ms, at_ms - 1)


@pytest.mark.parametrize("intervals", [1, 4, 9, 100])
def test_the_band_grows_with_the_square_root_of_time(intervals: int) -> None:
    edge = 1_000_000 + 100_000 * isqrt(intervals)

    assert not beyond(edge, 1_000_000, 1_000, 60_000, intervals * 60_000)
    assert beyond(edge + 1, 1_000_000, 1_000, 60_000, intervals * 60_000)
