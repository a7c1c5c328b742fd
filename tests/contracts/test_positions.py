"""Perpetuals against the pool: entry, margin, results, and who they are paid from."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.scene import (
    BITCOIN,
    BITCOIN_MARKET,
    DOLLAR,
    ETHER,
    ETHER_MARKET,
    ETHER_TOKEN,
    NO_ATTESTATION,
    STABLE,
    USDC,
    WAD,
    Scene,
    refused,
)

PRICE = 50_000 * WAD
ANY_PRICE = 2**256 - 1
STAKE = 10_000 * USDC
LARGEST = 19 * BITCOIN // 10
"""What the stake carries: 10,000 at 95 % over an initial margin of 10 % of 50,000."""


@pytest.fixture(autouse=True)
def stake(scene: Scene) -> None:
    scene.deposit(scene.trader, STABLE, STAKE)


def position(scene: Scene) -> tuple[int, int]:
    return scene.leg(scene.trader).positions[BITCOIN_MARKET]


def test_it_is_entered_at_the_feeds_price(scene: Scene) -> None:
    scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN)

    (event,) = scene.events("PositionSet")
    assert (BITCOIN_MARKET, -BITCOIN, PRICE, 2) == (
        event.market,
        event.size_wad,
        event.entry_price_wad,
        event.version,
    )
    assert (-BITCOIN, PRICE) == position(scene)


class TestMargin:
    @pytest.mark.parametrize("side", [1, -1])
    def test_up_to_the_initial_margin(self, scene: Scene, side: int) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, side * LARGEST)

        assert side * LARGEST == position(scene)[0]

    @pytest.mark.parametrize("side", [1, -1])
    def test_and_not_a_wei_more(self, scene: Scene, side: int) -> None:
        with refused(scene.hub, "margin"):
            scene.trade(scene.trader, BITCOIN_MARKET, side * (LARGEST + 1))

    def test_a_loss_counts_in_full(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.set_price(scene.bitcoin_feed, 45_000)

        # 9,500 of credit less 5,000 lost and 4,500 of margin leave nothing to borrow on.
        with refused(scene.hub, "margin"):
            scene.borrow(scene.trader, 1)

    def test_a_gain_counts_nothing(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.set_price(scene.bitcoin_feed, 95_000)

        with refused(scene.hub, "margin"):
            scene.borrow(scene.trader, 1)

    def test_markets_add_up(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.trade(scene.trader, ETHER_MARKET, -22 * ETHER)

        with refused(scene.hub, "margin"):
            scene.trade(scene.trader, ETHER_MARKET, -ETHER)

    def test_the_open_interest_of_a_side_is_capped(self, scene: Scene) -> None:
        scene.deposit(scene.other_trader, STABLE, 1_000_000 * USDC)
        scene.trade(scene.other_trader, BITCOIN_MARKET, 100 * BITCOIN)

        with refused(scene.hub, "open interest"):
            scene.trade(scene.trader, BITCOIN_MARKET, 1)
        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN)

        info = scene.hub.market_info(BITCOIN_MARKET)
        assert (100 * BITCOIN, BITCOIN) == (info.open_interest_long, info.open_interest_short)

    def test_open_interest_follows_a_flip_and_a_close(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN * 3 // 2)
        info = scene.hub.market_info(BITCOIN_MARKET)
        assert (0, BITCOIN // 2) == (info.open_interest_long, info.open_interest_short)

        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN // 2)

        info = scene.hub.market_info(BITCOIN_MARKET)
        assert (0, 0) == (info.open_interest_long, info.open_interest_short)

    def test_paused(self, scene: Scene) -> None:
        scene.hub.set_paused(True, sender=scene.owner)

        with refused(scene.hub, "paused"):
            scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)


class TestOrder:
    @pytest.mark.parametrize(("delta", "limit"), [(BITCOIN, PRICE - 1), (-BITCOIN, PRICE + 1)])
    def test_not_beyond_the_limit_price(self, scene: Scene, delta: int, limit: int) -> None:
        with refused(scene.hub, "price"):
            scene.hub.change_position(
                0, BITCOIN_MARKET, delta, limit, NO_ATTESTATION, [], sender=scene.trader
            )

    @pytest.mark.parametrize("delta", [BITCOIN, -BITCOIN])
    def test_at_the_limit_price(self, scene: Scene, delta: int) -> None:
        scene.hub.change_position(0, BITCOIN_MARKET, delta, PRICE, NO_ATTESTATION, [], sender=scene.trader)

        assert delta == position(scene)[0]

    def test_nothing_is_no_order(self, scene: Scene) -> None:
        with refused(scene.hub, "size"):
            scene.trade(scene.trader, BITCOIN_MARKET, 0)

    @pytest.mark.parametrize("market_id", [2, 4, 2**256 - 1])
    def test_an_unlisted_market(self, scene: Scene, market_id: int) -> None:
        with refused(scene.hub, "market"):
            scene.trade(scene.trader, market_id, BITCOIN)

    @pytest.mark.parametrize("delta", [-(2**255), 2**255 - 1])
    def test_the_largest_integers_do_not_wrap(self, scene: Scene, delta: int) -> None:
        with refused(scene.hub, ""):
            scene.trade(scene.trader, BITCOIN_MARKET, delta)

    def test_no_trade_at_a_stale_price(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        boa.env.evm.patch.timestamp += 3_901

        with refused(scene.hub, "feed"):
            scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN)


class TestEntryPrice:
    @pytest.mark.parametrize(("side", "last_digit"), [(1, 7), (-1, 6)])
    def test_an_average_is_rounded_against_the_account(
        self, scene: Scene, side: int, last_digit: int
    ) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, side * BITCOIN // 2)
        scene.set_price(scene.bitcoin_feed, 50_001)
        scene.trade(scene.trader, BITCOIN_MARKET, side * BITCOIN)

        assert 50_000_666666666666666660 + last_digit == position(scene)[1]

    def test_reducing_leaves_it(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.set_price(scene.bitcoin_feed, 51_000)
        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN // 4)

        assert (BITCOIN * 3 // 4, PRICE) == position(scene)

    def test_a_flip_starts_anew(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.set_price(scene.bitcoin_feed, 51_000)
        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN * 3 // 2)

        assert (-BITCOIN // 2, 51_000 * WAD) == position(scene)
        assert STAKE + 1_000 * USDC == scene.leg(scene.trader).collateral[STABLE]

    def test_a_flip_needs_margin(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)

        with refused(scene.hub, "margin"):
            scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN - LARGEST - 1)

    def test_closing_forgets_it(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN)

        assert (0, 0) == position(scene)


class TestResult:
    @pytest.mark.parametrize(("side", "price"), [(1, 51_000), (-1, 49_000)])
    def test_a_gain_is_paid_by_the_pool(self, scene: Scene, side: int, price: int) -> None:
        pool = scene.hub.pool_cash()
        scene.trade(scene.trader, BITCOIN_MARKET, side * BITCOIN)
        scene.set_price(scene.bitcoin_feed, price)

        scene.trade(scene.trader, BITCOIN_MARKET, -side * BITCOIN)

        assert STAKE + 1_000 * USDC == scene.leg(scene.trader).collateral[STABLE]
        assert pool - 1_000 * USDC == scene.hub.pool_cash()

    @pytest.mark.parametrize(("side", "price"), [(1, 49_000), (-1, 51_000)])
    def test_a_loss_goes_to_the_pool(self, scene: Scene, side: int, price: int) -> None:
        pool = scene.hub.pool_cash()
        scene.trade(scene.trader, BITCOIN_MARKET, side * BITCOIN)
        scene.set_price(scene.bitcoin_feed, price)

        scene.trade(scene.trader, BITCOIN_MARKET, -side * BITCOIN)

        assert STAKE - 1_000 * USDC == scene.leg(scene.trader).collateral[STABLE]
        assert pool + 1_000 * USDC == scene.hub.pool_cash()

    def test_a_gain_pays_debt_first(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.borrow(scene.trader, 600 * USDC)
        scene.set_price(scene.bitcoin_feed, 51_000)

        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN)

        leg = scene.leg(scene.trader)
        assert (0, STAKE + 400 * USDC) == (leg.debt, leg.collateral[STABLE])

    def test_a_loss_beyond_the_stake_becomes_debt(self, scene: Scene) -> None:
        pool = scene.hub.pool_cash()
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.set_price(scene.bitcoin_feed, 38_000)

        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN)

        leg = scene.leg(scene.trader)
        assert (2_000 * USDC, 0) == (leg.debt, leg.collateral[STABLE])
        assert pool + STAKE == scene.hub.pool_cash()

    def test_a_gain_that_the_pool_can_not_pay_is_not_cut(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.hub.withdraw_pool(scene.hub.pool_cash() - 999 * USDC, sender=scene.owner)
        scene.set_price(scene.bitcoin_feed, 51_000)

        with refused(scene.hub, "pool"):
            scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN)

    def test_a_gain_may_take_all_that_the_pool_has(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.hub.withdraw_pool(scene.hub.pool_cash() - 1_000 * USDC, sender=scene.owner)
        scene.set_price(scene.bitcoin_feed, 51_000)

        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN)

        assert 0 == scene.hub.pool_cash()

    @pytest.mark.parametrize(("side", "change"), [(1, 0), (-1, -1)])
    def test_the_smallest_result_is_rounded_for_the_pool(self, scene: Scene, side: int, change: int) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, side * BITCOIN)
        scene.bitcoin_feed.set_answer(50_000 * DOLLAR + 1, sender=scene.owner)

        scene.trade(scene.trader, BITCOIN_MARKET, -side * BITCOIN)

        assert STAKE + change == scene.leg(scene.trader).collateral[STABLE]

    def test_results_are_dollars_paid_in_the_stable_at_its_price(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.set_price(scene.bitcoin_feed, 51_000)
        scene.stable_feed.set_answer(DOLLAR * 8 // 10, sender=scene.owner)

        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN)

        assert STAKE + 1_250 * USDC == scene.leg(scene.trader).collateral[STABLE]


class TestReducing:
    @pytest.fixture(autouse=True)
    def long(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)

    def test_it_is_allowed_when_nothing_else_is(self, scene: Scene) -> None:
        scene.set_price(scene.bitcoin_feed, 30_000)
        scene.hub.set_paused(True, sender=scene.owner)

        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN // 2)

        assert BITCOIN // 2 == position(scene)[0]

    def test_dust_would_void_attestations_for_free(self, scene: Scene) -> None:
        tenth_of_a_cent = BITCOIN // 50_000_000

        with refused(scene.hub, "dust"):
            scene.trade(scene.trader, BITCOIN_MARKET, -tenth_of_a_cent)

    def test_the_last_dust_can_be_closed(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN + 1)

        scene.trade(scene.trader, BITCOIN_MARKET, -1)

        assert (0, 0) == position(scene)

    def test_it_never_lowers_what_may_be_borrowed(self, scene: Scene) -> None:
        scene.set_price(scene.bitcoin_feed, 48_000)
        # 9,500 - 2,000 - 4,800; closing half realises 1,000 at a weight of 95 %.
        scene.borrow(scene.trader, 2_700 * USDC)

        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN // 2)

        scene.borrow(scene.trader, 2_450 * USDC)


def test_another_accounts_position_is_not_touched(scene: Scene) -> None:
    scene.deposit(scene.other_trader, ETHER_TOKEN, 10 * ETHER)
    scene.trade(scene.other_trader, BITCOIN_MARKET, -BITCOIN // 4)
    before = scene.leg(scene.other_trader)

    scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)

    assert before == scene.leg(scene.other_trader)
