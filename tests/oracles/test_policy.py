"""P, R and X: the decision table, row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD
from oracles.policy import (
    Disagreements,
    Execution,
    Liveness,
    Outcome,
    Protocol,
    Reading,
    Rules,
    Tier,
    are_apart,
    band_bps,
    judge,
    reading,
)
from oracles.price import Hold, Price, PriceStatus

BAND_BPS = 150
RULES = Rules()
LIVE = Liveness(live=True)
R = Price("ETH", PriceStatus.OK, "", 2_000 * WAD, 2_000 * WAD, 2_000 * WAD, 0, ())
NO_R = Price("ETH", PriceStatus.UNAVAILABLE, "quorum: 1 of 3 sources", None, None, None, None, ())


def outcome(
    p: Protocol | int,
    r: Price | None = R,
    x: Execution | None = None,
    chain: Liveness = LIVE,
    apart_ms: int = 0,
    rules: Rules = RULES,
) -> Outcome:
    protocol = p if isinstance(p, Protocol) else Protocol(p * WAD)
    return judge(protocol, r, x, chain, BAND_BPS, apart_ms, rules)


def test_within_the_band_all_proceeds() -> None:
    for value in (1_971, 2_000, 2_030):
        assert Outcome(Tier.PROCEED) == outcome(value)


@pytest.mark.parametrize("value", [1_970, 2_031])
def test_beyond_the_band_nothing_new_is_begun_and_after_a_while_the_asset_is_held(value: int) -> None:
    assert Tier.HOLD_NEW is outcome(value).tier
    assert Tier.HOLD_NEW is outcome(value, apart_ms=12_000).tier
    assert Tier.HOLD_ASSET is outcome(value, apart_ms=12_001).tier


@pytest.mark.parametrize("value", [1_900, 2_100, 1, 1_000_000])
def test_far_beyond_the_band_the_asset_is_held_at_once(value: int) -> None:
    assert Tier.HOLD_ASSET is outcome(value).tier


def test_the_reason_names_both_prices_their_distance_and_the_limit() -> None:
    said = outcome(1_100).reason

    assert said.startswith(
        "the venue's own price, 1100.0000, is 8181 bps below the reference, 2000.0000, over the 150"
    )


def test_a_price_at_its_bound_or_hard_wired_is_held_as_soon_as_it_is_off() -> None:
    bound = outcome(Protocol(1_960 * WAD, at_bound=True))
    wired = outcome(Protocol(1_960 * WAD, unchanged_ms=RULES.constant_ms + 1))

    assert (Tier.HOLD_ASSET, True) == (bound.tier, "pinned at a bound" in bound.reason)
    assert (Tier.HOLD_ASSET, True) == (wired.tier, "hard-wired" in wired.reason)


def test_a_price_that_never_moves_is_fine_while_it_is_right() -> None:
    assert Tier.PROCEED is outcome(Protocol(2_000 * WAD, unchanged_ms=10**12)).tier


def test_a_chain_that_stalls_holds_everything_whatever_prices_are() -> None:
    stalled = outcome(2_000, chain=Liveness(live=False, reason="no new block for 40 s"))
    sequencer = outcome(2_000, chain=Liveness(live=True, sequencer_up=False))

    assert Outcome(Tier.HOLD_CHAIN, "no new block for 40 s") == stalled
    assert Outcome(Tier.HOLD_CHAIN, "its sequencer is down") == sequencer
    assert Tier.PROCEED is outcome(2_000, chain=Liveness(live=True, sequencer_up=True)).tier


def test_without_the_venue_s_price_nothing_new_is_begun() -> None:
    assert Tier.HOLD_NEW is outcome(Protocol(None)).tier


def test_a_price_that_the_venue_itself_refuses_as_old_is_waited_for() -> None:
    rules = replace(RULES, max_age_ms=3_600_000)

    assert Tier.PROCEED is outcome(Protocol(2_000 * WAD, age_ms=3_600_000), rules=rules).tier
    assert Tier.HOLD_NEW is outcome(Protocol(2_000 * WAD, age_ms=3_600_001), rules=rules).tier


@pytest.mark.parametrize("reference", [None, NO_R])
def test_without_a_reference_it_is_the_operator_s_choice(reference: Price | None) -> None:
    small = replace(RULES, small_without_reference=True)

    assert Tier.HOLD_NEW is outcome(2_000, reference).tier
    assert Tier.PROCEED_SMALL is outcome(2_000, reference, rules=small).tier
    assert Tier.HOLD_NEW is outcome(Protocol(2_000 * WAD, at_bound=True), reference, rules=small).tier
    wired = Protocol(2_000 * WAD, unchanged_ms=RULES.constant_ms + 1)
    assert Tier.HOLD_NEW is outcome(wired, reference, rules=small).tier


def test_a_widened_reference_is_good_for_small_steps() -> None:
    widened = replace(R, holds=(Hold("rate", "above its cap", 0, 1),))
    found = outcome(2_000, widened)

    assert Outcome(Tier.PROCEED_SMALL, "the reference price is widened: rate: above its cap") == found


@pytest.mark.parametrize(
    ("sold", "tier"),
    [
        (2_000, Tier.PROCEED),
        (1_952, Tier.PROCEED),
        (1_951, Tier.PROCEED_SMALL),
        (1_905, Tier.PROCEED_SMALL),
        (1_904, Tier.HOLD_NEW),
    ],
)
def test_what_it_sells_for_decides_how_much(sold: int, tier: Tier) -> None:
    assert tier is outcome(2_000, x=Execution(sold * WAD, 500)).tier


def test_a_band_is_the_sum_of_its_legs_and_room_for_lag() -> None:
    assert 50 + 200 + 25 == band_bps([50, 200], 25)


@given(st.integers(1, 10**30), st.integers(1, 10**30), st.integers(0, 10_000))
def test_distance_is_the_same_from_both_sides(p_wad: int, r_wad: int, allowed_bps: int) -> None:
    assert are_apart(p_wad, r_wad, allowed_bps) is are_apart(r_wad, p_wad, allowed_bps)


@given(st.integers(1, 10**24), st.integers(0, 100_000), st.booleans(), st.booleans())
def test_nothing_proceeds_at_a_price_out_of_its_band(
    p_wad: int, apart_ms: int, bound: bool, live: bool
) -> None:
    found = outcome(Protocol(p_wad, at_bound=bound), chain=Liveness(live=live), apart_ms=apart_ms)

    assert found.tier.holds or not are_apart(p_wad, 2_000 * WAD, BAND_BPS)
    assert live or found.tier is Tier.HOLD_CHAIN


@pytest.mark.parametrize(
    ("by_protocol", "by_reference", "expected"),
    [
        (True, True, Reading.AGREED),
        (False, False, Reading.AGREED),
        (True, False, Reading.MISPRICED),
        (False, True, Reading.LATE),
        (None, True, Reading.UNKNOWN),
        (True, None, Reading.UNKNOWN),
    ],
)
def test_two_healths_of_an_account_say_which_price_is_in_question(
    by_protocol: bool | None, by_reference: bool | None, expected: Reading
) -> None:
    assert expected is reading(unhealthy_by_protocol=by_protocol, unhealthy_by_reference=by_reference)


class TestDisagreements:
    def test_the_time_counts_from_its_beginning_and_anew_after_an_agreement(self) -> None:
        its = Disagreements(RULES)

        assert [0, 5, 12] == [its.apart_ms("a", "ETH", at_ms, apart=True) for at_ms in (100, 105, 112)]
        assert 0 == its.apart_ms("a", "ETH", 113, apart=False)
        assert 0 == its.apart_ms("a", "ETH", 114, apart=True)
        assert 2 == its.begun

    def test_chains_and_assets_are_counted_apart(self) -> None:
        its = Disagreements(RULES)
        its.apart_ms("a", "ETH", 0, apart=True)

        assert 0 == its.apart_ms("b", "ETH", 10, apart=True)
        assert 10 == its.apart_ms("a", "ETH", 10, apart=True)

    def test_a_hold_that_lasts_is_renewed_and_counted(self) -> None:
        its = Disagreements(replace(RULES, hold_ms=1_000))
        for at_ms in range(0, 3_500, 100):
            its.apart_ms("a", "ETH", at_ms, apart=True)

        assert 3 == its.standing["a", "ETH"].renewed
        assert 4_000 == its.standing["a", "ETH"].until_ms

    def test_a_clock_that_is_set_back_counts_anew(self) -> None:
        its = Disagreements(replace(RULES, hold_ms=1_000))
        its.apart_ms("a", "ETH", 9_000_000, apart=True)

        assert [0, 5] == [its.apart_ms("a", "ETH", at_ms, apart=True) for at_ms in (100, 105)]
        assert 1_100 == its.standing["a", "ETH"].until_ms
        assert 1 == its.begun
