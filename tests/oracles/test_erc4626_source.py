from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.source_settings import Erc4626SourceSettings
from config.units import WAD
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.erc4626 import Erc4626Source
from tests.oracles.words import BLOCK_S, FEED, kind_of, word

DAY_S = 86_400
YEAR_S = 365 * DAY_S
START = 1_050_000
"""1.05, in the six decimals of the asset."""


def vault(**more: Any) -> Erc4626Source:
    return Erc4626Source(
        Erc4626SourceSettings.model_validate(
            {
                "kind": "erc4626",
                "name": "vault",
                "pair": "sUSDC/USDC",
                "group": "vault",
                "chain": "alpha",
                "address": FEED,
                "share_decimals": 18,
                "asset_decimals": 6,
                "max_rate": "2.2",
            }
            | more
        )
    )


def at(source: Erc4626Source, converted: int, seconds: float = 0) -> Quote | QuoteFailure:
    """What the source makes of a rate, so many seconds after the start."""
    block_s = BLOCK_S + int(seconds)
    return source.read([word(converted)], block_s, block_s * 1000)


def test_a_vault_is_asked_for_one_whole_share() -> None:
    assert vault().calls() == [(FEED, bytes.fromhex("07a2d13a") + word(WAD))]


def test_a_rate_is_a_quote_as_of_the_block() -> None:
    quote = at(vault(), START, -3)
    assert isinstance(quote, Quote)
    assert quote.value_wad == WAD * 105 // 100
    assert quote.source_time_ms == (BLOCK_S - 3) * 1000


@pytest.mark.parametrize(
    ("converted", "expected"),
    [
        (word(2_200_001), FailureKind.AT_BOUND),
        (word(2**256 - 1), FailureKind.AT_BOUND),
        (word(0), FailureKind.NOT_A_PRICE),
        (None, FailureKind.REFUSED),
        (b"\x01", FailureKind.MALFORMED),
    ],
)
def test_a_rate_that_is_no_price_says_why(converted: bytes | None, expected: FailureKind) -> None:
    assert expected is kind_of(vault(max_growth_bps=10_000).read([converted], BLOCK_S, BLOCK_S * 1000))


def test_the_largest_rate_itself_is_allowed() -> None:
    assert isinstance(at(vault(), 2_200_000), Quote)


class TestGrowthCap:
    def test_without_one_a_rate_may_double_at_once(self) -> None:
        source = vault()
        at(source, START)
        assert isinstance(at(source, 2 * START, 12), Quote)

    def test_a_gift_that_doubles_the_rate_is_at_its_bound(self) -> None:
        source = vault(max_growth_bps=1_000)
        at(source, START)

        jumped = at(source, 2 * START, 12)

        assert isinstance(jumped, QuoteFailure)
        assert FailureKind.AT_BOUND is jumped.kind
        assert "rate 2.100000 is above the cap of 1.050287" == jumped.detail

    def test_a_rate_that_is_back_is_taken_again_at_once(self) -> None:
        source = vault(max_growth_bps=1_000)
        at(source, START)
        at(source, 2 * START, 12)
        assert isinstance(at(source, START + 1, 24), Quote)

    def test_a_fall_beyond_the_drop_is_at_its_bound(self) -> None:
        source = vault(max_growth_bps=1_000, max_drop_bps=100)
        at(source, START)
        assert isinstance(at(source, START * 99 // 100, 12), Quote)
        assert FailureKind.AT_BOUND is kind_of(at(source, START * 99 // 100 - 1, 24))

    def test_a_yield_within_the_cap_passes_for_years(self) -> None:
        source = vault(max_growth_bps=1_000)
        for day in range(0, 3 * 365, 7):
            assert isinstance(at(source, START + START * day * 95 // 365_000, day * DAY_S), Quote), day

    def test_small_gifts_every_block_gain_no_more_than_a_days_growth_a_day(self) -> None:
        source = vault(max_growth_bps=1_000)
        at(source, START)
        a_day = START * 1_000 // 10_000 // 365
        assert isinstance(at(source, START + a_day, 12), Quote)
        assert FailureKind.AT_BOUND is kind_of(at(source, START + 2 * a_day, 24))
        assert FailureKind.AT_BOUND is kind_of(at(source, START + 2 * a_day, DAY_S - 1))

    def test_a_level_that_stands_for_a_day_is_what_the_vault_is_worth(self) -> None:
        source = vault(max_growth_bps=1_000)
        at(source, START)
        kind_of(at(source, 2 * START, 12))
        assert FailureKind.AT_BOUND is kind_of(at(source, 2 * START, 12 + DAY_S - 1))
        assert isinstance(at(source, 2 * START, 12 + DAY_S), Quote)
        assert FailureKind.AT_BOUND is kind_of(at(source, START, 24 + DAY_S))

    def test_a_level_that_keeps_moving_never_settles(self) -> None:
        source = vault(max_growth_bps=1_000)
        at(source, START)
        for hour in range(1, 100):
            moving = 2 * START if hour % 2 else START * 3 // 2
            assert FailureKind.AT_BOUND is kind_of(at(source, moving, hour * 3_600))


class TestSnapshotOfTheSettings:
    def source(self, rate: str = "1.05", seconds: int = 0, **more: Any) -> Erc4626Source:
        return vault(max_growth_bps=1_000, snapshot_rate=rate, snapshot_time_s=BLOCK_S + seconds, **more)

    def test_it_bounds_the_very_first_rate(self) -> None:
        assert isinstance(at(self.source(), START), Quote)
        assert FailureKind.AT_BOUND is kind_of(at(self.source(), START * 101 // 100))
        assert FailureKind.AT_BOUND is kind_of(at(self.source(), START * 98 // 100))

    def test_it_grows_from_its_time(self) -> None:
        assert isinstance(at(self.source(seconds=-YEAR_S), START * 110 // 100), Quote)
        assert FailureKind.AT_BOUND is kind_of(at(self.source(seconds=-YEAR_S), START * 110 // 100 + 1))

    def test_a_rate_moved_without_its_time_is_found_by_the_live_rate(self) -> None:
        """As wstETH's cap in March 2026: the true rate lies outside of what the snapshot allows."""
        assert FailureKind.AT_BOUND is kind_of(at(self.source("1.0200", -3 * DAY_S), START))
        assert FailureKind.AT_BOUND is kind_of(at(self.source("1.0815", -3 * DAY_S), START))

    def test_one_of_the_future_bounds_nothing_and_takes_nothing(self) -> None:
        assert FailureKind.AT_BOUND is kind_of(at(self.source(seconds=1), START))


@given(st.lists(st.tuples(st.integers(0, 2_200_000), st.integers(0, DAY_S)), max_size=40))
def test_no_tape_of_rates_within_a_day_is_taken_above_a_days_growth(tape: list[tuple[int, int]]) -> None:
    source = vault(max_growth_bps=1_000, snapshot_rate="1.05", snapshot_time_s=BLOCK_S)
    highest = 1_050_000 + 288
    for converted, seconds in sorted(tape, key=lambda each: each[1]):
        found = at(source, converted, min(seconds, DAY_S - 1))
        if isinstance(found, Quote):
            assert found.value_wad <= highest * 10**12
            assert found.value_wad >= WAD * 105 * 99 // 10_000
