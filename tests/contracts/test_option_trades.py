"""Options are traded with the pool at a quorum's price, within what the desk's feed makes possible."""

from __future__ import annotations

import boa
import pytest

from chains.hub.attestation import Action
from keeper.planner.option_arithmetic import price_range, traded_price
from tests.contracts.option_scene import (
    CONTRACT,
    DAY_S,
    ETHER_OPTIONS,
    LISTING,
    OptionScene,
)
from tests.contracts.scene import ETHER, ETHER_TOKEN, NO_ATTESTATION, STABLE, USDC, WAD, refused, words

PRICE = 100 * WAD
SPREAD = 6 * WAD // 10
"""Three basis points of 2,000 dollars."""
BAND_BPS = 150


@pytest.fixture
def call(options: OptionScene) -> bytes:
    options.linked(options.base.trader)
    return options.open(options.call_at(2_100))


class TestPremium:
    def test_a_buyer_pays_the_price_and_the_spread(self, options: OptionScene, call: bytes) -> None:
        trader = options.base.trader
        cash = options.hub.pool_cash()

        options.trade(trader, call, 2 * CONTRACT, PRICE)

        premium = 2 * (PRICE + SPREAD) * USDC // WAD
        assert 10_000 * USDC - premium == options.base.leg(trader).collateral[STABLE]
        assert cash + premium == options.hub.pool_cash()
        assert 2 * CONTRACT == options.size(options.base.account(trader), call)

    def test_a_writer_gets_the_price_less_the_spread(self, options: OptionScene, call: bytes) -> None:
        trader = options.base.trader
        cash = options.hub.pool_cash()

        options.trade(trader, call, -2 * CONTRACT, PRICE)

        premium = 2 * (PRICE - SPREAD) * USDC // WAD
        assert 10_000 * USDC + premium == options.base.leg(trader).collateral[STABLE]
        assert cash - premium == options.hub.pool_cash()
        assert -2 * CONTRACT == options.size(options.base.account(trader), call)

    @pytest.mark.parametrize("side", [1, -1])
    def test_the_spread_is_a_part_of_a_cheap_option_at_most(
        self, options: OptionScene, call: bytes, side: int
    ) -> None:
        cheap = 4 * WAD // 10
        trader = options.base.trader

        options.trade(trader, call, side * CONTRACT, cheap)

        paid = traded_price(LISTING, cheap, 2_000 * WAD, side)
        assert cheap + side * cheap // 8 == paid
        assert 10_000 * USDC - side * paid * USDC // WAD == options.base.leg(trader).collateral[STABLE]

    def test_what_the_stable_does_not_pay_becomes_debt(self, options: OptionScene) -> None:
        other = options.base.other_trader
        options.base.deposit(other, ETHER_TOKEN, ETHER)
        options.base.link(other)
        series = options.open(options.put_at(1_900))

        options.trade(other, series, CONTRACT, PRICE)

        assert (PRICE + SPREAD) * USDC // WAD == options.base.leg(other).debt

    def test_a_premium_pays_debt_back_first(self, options: OptionScene, call: bytes) -> None:
        trader = options.base.trader
        options.trade(trader, call, 200 * CONTRACT, PRICE)
        owed = options.base.leg(trader).debt
        assert owed > 0

        options.trade(trader, call, -CONTRACT, PRICE)

        leg = options.base.leg(trader)
        assert (0, owed - (PRICE - SPREAD) * USDC // WAD) == (leg.collateral[STABLE], leg.debt)

    def test_fractions_are_rounded_for_the_pool(self, options: OptionScene, call: bytes) -> None:
        trader = options.base.trader

        options.trade(trader, call, 1, PRICE)
        options.trade(trader, call, -1, PRICE)

        assert 10_000 * USDC - 1 == options.base.leg(trader).collateral[STABLE]

    def test_the_pool_must_be_able_to_pay(self, options: OptionScene, call: bytes) -> None:
        base = options.base
        base.hub.withdraw_pool(base.hub.pool_cash(), sender=base.owner)

        with refused(base.hub, "pool"):
            options.trade(base.trader, call, -CONTRACT, PRICE)

    @pytest.mark.parametrize(("delta", "limit"), [(1, PRICE + SPREAD - 1), (-1, PRICE - SPREAD + 1)])
    def test_not_beyond_the_limit(self, options: OptionScene, call: bytes, delta: int, limit: int) -> None:
        with refused(options.hub, "price"):
            options.trade(options.base.trader, call, delta * CONTRACT, PRICE, limit=limit)

        options.trade(options.base.trader, call, delta * CONTRACT, PRICE, limit=limit + delta)


class TestWhatIsHeld:
    def test_it_is_logged_with_all_its_terms(self, options: OptionScene, call: bytes) -> None:
        options.trade(options.base.trader, call, -CONTRACT, PRICE)

        (event,) = options.base.events("OptionSet")
        version = options.base.leg(options.base.trader).version
        assert (
            *(options.base.account(options.base.trader), call, ETHER_OPTIONS, True, 2_100 * WAD),
            *(options.month, -CONTRACT, version),
        ) == tuple(event)[-8:]

    def test_the_legs_tell_the_same(self, options: OptionScene, call: bytes) -> None:
        put = options.open(options.put_at(1_800))
        base = options.base
        options.trade(base.trader, call, -CONTRACT, PRICE)
        options.trade(base.trader, put, 3 * CONTRACT, 30 * WAD)

        empty, both = options.held([base.account(base.stranger), base.account(base.trader)])

        assert [] == empty
        assert [
            (call, ETHER_OPTIONS, options.call_at(2_100), -CONTRACT),
            (put, ETHER_OPTIONS, options.put_at(1_800), 3 * CONTRACT),
        ] == [(row.series, row.market, row.terms, row.size_wad) for row in both]

    def test_two_hundred_and_fifty_full_legs_are_read_at_once(
        self, options: OptionScene, call: bytes
    ) -> None:
        account = options.base.account(options.base.trader)
        for dollars in range(1_900, 2_700, 100):
            options.trade(options.base.trader, options.open(options.call_at(dollars)), CONTRACT, PRICE)

        found = options.held([account] * 250)

        assert [8] * 250 == [len(rows) for rows in found]
        assert options.desk._computation.get_gas_used() < 30_000_000

    def test_eight_series_and_no_ninth(self, options: OptionScene, call: bytes) -> None:
        trader = options.base.trader
        opened = [options.open(options.call_at(dollars)) for dollars in range(1_900, 2_800, 100)]
        for series in opened[:8]:
            options.trade(trader, series, CONTRACT, PRICE)

        with refused(options.hub, "series"):
            options.trade(trader, opened[8], CONTRACT, PRICE)
        options.trade(trader, opened[3], -CONTRACT, PRICE)
        options.trade(trader, opened[8], CONTRACT, PRICE)

        account = options.base.account(trader)
        (held,) = options.held([account])
        assert {*opened} - {opened[3]} == {row.series for row in held}
        assert 8 == options.desk.series_count(account)

    def test_a_flip_moves_the_open_interest(self, options: OptionScene, call: bytes) -> None:
        options.trade(options.base.trader, call, CONTRACT, PRICE)
        options.trade(options.base.trader, call, -3 * CONTRACT, PRICE)

        info = options.desk.series_info(call)
        assert (0, 2 * CONTRACT) == (info.open_interest_long, info.open_interest_short)

    @pytest.mark.parametrize("side", [1, -1])
    def test_a_side_of_a_series_is_capped(self, options: OptionScene, call: bytes, side: int) -> None:
        options.linked(options.base.other_trader, 100_000)
        cheap = WAD
        options.trade(options.base.other_trader, call, side * 1_000 * CONTRACT, cheap)

        with refused(options.hub, "open interest"):
            options.trade(options.base.trader, call, side, cheap)
        options.trade(options.base.trader, call, -side * CONTRACT, cheap)
        options.trade(options.base.other_trader, call, -side * CONTRACT, cheap)
        options.trade(options.base.trader, call, side * 2 * CONTRACT, cheap)

    def test_a_trade_raises_the_version(self, options: OptionScene, call: bytes) -> None:
        base = options.base
        earlier = base.attest(Action.BORROW, base.trader, STABLE, USDC)
        options.trade(base.trader, call, CONTRACT, PRICE)

        with refused(base.hub, "version"):
            base.hub.borrow(0, USDC, words(earlier), base.sign(earlier), sender=base.trader)


class TestAttestation:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"health": WAD - 1}, "margin"),
            ({"max_size": CONTRACT - 1}, "size"),
            ({"action": int(Action.TRADE)}, "action"),
            ({"action": int(Action.OPTION_CLOSE)}, "action"),
            ({"item": 7}, "action"),
            ({"account": "0x" + "77" * 32}, "action"),
            ({"version": 1}, "version"),
            ({"epoch": 9}, "epoch"),
            ({"policy_hash": "0x" + "00" * 32}, "policy"),
            ({"deadline": 1}, "expired"),
            ({"observed_at": 1}, "observed"),
            ({"sequence": 0}, "sequence"),
        ],
    )
    def test_every_field_must_fit(
        self, options: OptionScene, call: bytes, changes: dict[str, int], reason: str
    ) -> None:
        with refused(options.hub, reason):
            options.trade(options.base.trader, call, CONTRACT, PRICE, **changes)

    def test_it_must_be_signed_by_the_quorum(self, options: OptionScene, call: bytes) -> None:
        base = options.base
        request = options.attest(Action.OPTION_TRADE, base.trader, call, CONTRACT, PRICE)

        for signers, reason in (((), "signatures"), (base.signers[:1], "signatures")):
            with refused(base.hub, reason):
                base.hub.trade_option(
                    0,
                    call,
                    CONTRACT,
                    2**255,
                    words(request),
                    base.sign(request, signers),
                    sender=base.trader,
                )

    def test_none_is_needed_by_nobody(self, options: OptionScene, call: bytes) -> None:
        with refused(options.hub, "underlying"):
            options.hub.trade_option(
                0, call, CONTRACT, 2**255, NO_ATTESTATION, [], sender=options.base.trader
            )

    def test_only_a_linked_leg_holds_options(self, options: OptionScene, call: bytes) -> None:
        options.base.deposit(options.base.other_trader, STABLE, 10_000 * USDC)

        with refused(options.hub, "margin"):
            options.trade(options.base.other_trader, call, CONTRACT, PRICE)

    def test_nothing_is_no_trade(self, options: OptionScene, call: bytes) -> None:
        with refused(options.hub, "size"):
            options.trade(options.base.trader, call, 0, PRICE)

    def test_paused(self, options: OptionScene, call: bytes) -> None:
        options.hub.set_paused(True, sender=options.base.owner)

        with refused(options.hub, "paused"):
            options.trade(options.base.trader, call, CONTRACT, PRICE)


class TestPriceBounds:
    @pytest.mark.parametrize("is_call", [True, False])
    @pytest.mark.parametrize("dollars", [1_500, 1_990, 2_000, 2_010, 3_000])
    def test_the_lowest_and_the_highest_price(
        self, options: OptionScene, is_call: bool, dollars: int
    ) -> None:
        trader = options.base.trader
        options.linked(trader, 10_000)
        terms = options.call_at(dollars) if is_call else options.put_at(dollars)
        series = options.open(terms)
        low, high = price_range(terms, LISTING, 2_000 * WAD, BAND_BPS, options.base.now)

        options.trade(trader, series, CONTRACT, high)
        options.trade(trader, series, CONTRACT, low)

        with refused(options.hub, "price"):
            options.trade(trader, series, CONTRACT, high + 1)
        if low:
            with refused(options.hub, "price"):
                options.trade(trader, series, CONTRACT, low - 1)

    def test_time_value_melts(self, options: OptionScene, call: bytes) -> None:
        _, high = price_range(options.call_at(2_100), LISTING, 2_000 * WAD, BAND_BPS, options.base.now)
        options.base.wait(29 * DAY_S)

        with refused(options.hub, "price"):
            options.trade(options.base.trader, call, CONTRACT, high)

    @pytest.mark.parametrize("dollars", [1_971, 2_029])
    def test_the_underlying_within_the_band(self, options: OptionScene, call: bytes, dollars: int) -> None:
        options.trade(options.base.trader, call, CONTRACT, PRICE, value=dollars * WAD)

    @pytest.mark.parametrize("dollars", [1_969, 2_031, 0, 2**190])
    def test_and_not_beyond_it(self, options: OptionScene, call: bytes, dollars: int) -> None:
        with refused(options.hub, "underlying"):
            options.trade(options.base.trader, call, CONTRACT, PRICE, value=dollars * WAD)

    def test_a_price_made_before_the_underlying_moved(self, options: OptionScene, call: bytes) -> None:
        base = options.base
        request = options.attest(Action.OPTION_TRADE, base.trader, call, CONTRACT, PRICE)
        base.set_price(base.ether_feed, 2_100)

        with refused(base.hub, "underlying"):
            base.hub.trade_option(
                0, call, CONTRACT, 2**255, words(request), base.sign(request), sender=base.trader
            )

    def test_a_stale_feed(self, options: OptionScene, call: bytes) -> None:
        base = options.base
        boa.env.evm.patch.timestamp += base.hub.limits().feed_max_age_s + 1
        base.set_price(base.stable_feed, 1)

        with refused(base.hub, "feed"):
            options.trade(base.trader, call, CONTRACT, PRICE, value=2_000 * WAD)
