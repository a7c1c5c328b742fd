from __future__ import annotations

from dataclasses import replace

from oracles.freshness import AgePolicy
from oracles.price import PriceStatus, Quote
from oracles.pricing import PriceBook
from tests.oracles.evidence import (
    EXACT,
    NOW_MS,
    ages,
    http_settings,
    interval_of,
    price_of,
    priced,
    quote,
    reason_of,
    used_by,
)

FROZEN = EXACT.model_copy(update={"frozen_after_s": 600.0, "frozen_bps": 200, "outlier_floor_bps": 10_000})
AFTER_MS = 600_000


def repeated(source: str, value: int, for_ms: int, *, group: str | None = None) -> Quote:
    """A quote that is stamped with now, and whose value did not change for a while."""
    return replace(quote(source, value, group=group), changed_at_ms=NOW_MS - for_ms)


def test_a_source_that_repeats_itself_while_the_others_moved_away_is_refused() -> None:
    price = price_of([quote("a", 1_030), quote("b", 1_031), repeated("x", 1_000, AFTER_MS + 1)], FROZEN)
    assert (
        reason_of(price, "x")
        == f"frozen: unchanged since {NOW_MS - AFTER_MS - 1} ms, 300 bps from the others"
    )
    assert {"a", "b"} == used_by(price)
    assert PriceStatus.DEGRADED is price.status


def test_at_the_limits_of_time_and_distance_it_still_counts() -> None:
    in_time = [quote("a", 1_030), quote("b", 1_031), repeated("x", 1_000, AFTER_MS)]
    near = [quote("a", 1_020), quote("b", 1_020), repeated("x", 1_000, AFTER_MS + 1)]
    assert "" == reason_of(price_of(in_time, FROZEN), "x")
    assert "" == reason_of(price_of(near, FROZEN), "x")
    assert "frozen" in reason_of(price_of([*near[2:], quote("a", 1_021), quote("b", 1_021)], FROZEN), "x")


def test_it_is_as_frozen_above_the_others_as_below() -> None:
    price = price_of([quote("a", 1_000), quote("b", 1_000), repeated("x", 1_021, AFTER_MS + 1)], FROZEN)
    assert "frozen" in reason_of(price, "x")


def test_a_quiet_market_has_no_frozen_source() -> None:
    quiet = [repeated(name, 1_000, 10 * AFTER_MS) for name in "abc"]
    assert PriceStatus.OK is price_of(quiet, FROZEN).status


def test_one_that_moves_alone_does_not_make_the_others_frozen() -> None:
    answers = [quote("mover", 1_100), repeated("a", 1_000, AFTER_MS + 1), repeated("b", 1_000, AFTER_MS + 1)]
    assert {"a", "b", "mover"} == used_by(price_of(answers, FROZEN))


def test_sources_behind_one_upstream_do_not_testify_against_another() -> None:
    answers = [
        quote("u1", 1_100, group="u"),
        quote("u2", 1_100, group="u"),
        repeated("x", 1_000, AFTER_MS + 1),
    ]
    assert "x" in used_by(price_of(answers, FROZEN))


def test_as_many_liars_as_honest_others_do_not_make_an_honest_source_look_frozen() -> None:
    answers = [
        quote("liar1", 2_000),
        quote("liar2", 2_000),
        quote("honest1", 1_001),
        quote("honest2", 999),
        repeated("slow", 1_000, AFTER_MS + 1),
    ]
    assert not reason_of(price_of(answers, FROZEN), "slow").startswith("frozen")


def test_half_of_the_others_standing_still_is_no_moving_market() -> None:
    moved = [quote("a", 1_030), quote("b", 1_030)]
    still = [repeated("c", 1_030, 3 * AFTER_MS), repeated("d", 1_030, 3 * AFTER_MS)]
    one = repeated("x", 1_000, 2 * AFTER_MS)
    assert "x" in used_by(price_of([*moved, *still, one], FROZEN))
    assert "x" not in used_by(price_of([*moved, *still[:1], one], FROZEN))


def test_a_source_is_measured_against_the_others_and_not_against_itself() -> None:
    others = [quote("a", 1_005), quote("b", 1_030), quote("c", 1_030)]
    assert "frozen" in reason_of(price_of([*others, repeated("x", 1_000, AFTER_MS + 1)], FROZEN), "x")


def test_the_quorum_is_counted_without_what_is_frozen() -> None:
    settings = FROZEN.model_copy(update={"min_sources": 3})
    answers = [quote("a", 1_030), quote("b", 1_030), repeated("x", 1_000, AFTER_MS + 1)]
    assert "quorum: 2 of 3 sources, 2 of 1 groups" == price_of(answers, settings).reason


def test_refusing_a_frozen_source_does_not_hand_the_median_to_a_minority() -> None:
    answers = [
        quote("liar", 1_080),
        quote("a", 1_030),
        quote("b", 1_031),
        quote("c", 1_032),
        repeated("x", 1_000, AFTER_MS + 1),
    ]
    price = price_of(answers, FROZEN)
    assert price.mid_wad is not None
    assert 1_000 <= price.mid_wad <= 1_032


def test_time_alone_shows_that_a_source_is_frozen() -> None:
    names = ["a", "b", "x"]
    book = PriceBook({"ETH": FROZEN}, [http_settings(name, max_age_s=3_600.0) for name in names])
    start_ms = NOW_MS - AFTER_MS
    book.update([replace(quote("x", 1_000), changed_at_ms=start_ms)], start_ms)
    book.update([quote("a", 1_030), quote("b", 1_030), quote("x", 1_000)], NOW_MS)
    assert (1_030, 1_030, 1_030) == interval_of(book.current.prices["ETH"])
    assert "x" in used_by(book.current.prices["ETH"])
    book.tick(NOW_MS + 1)
    assert {"a", "b"} == used_by(book.current.prices["ETH"])


def test_the_moment_of_being_frozen_is_a_due_time_of_its_own() -> None:
    answers = [quote("a", 1_030), quote("b", 1_030), repeated("x", 1_000, AFTER_MS)]
    policy: AgePolicy = ages(answers, 10 * AFTER_MS)
    assert "x" in used_by(priced("ETH", FROZEN, answers, policy, NOW_MS))
    assert "x" not in used_by(priced("ETH", FROZEN, answers, policy, NOW_MS + 1))


def test_a_source_that_moves_again_is_believed_again() -> None:
    answers = [quote("a", 1_030), quote("b", 1_031), quote("x", 1_029)]
    assert PriceStatus.OK is price_of(answers, FROZEN).status
