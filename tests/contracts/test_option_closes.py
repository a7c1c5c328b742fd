"""Liquidating options: at a quorum's price, within close factor, cooldown and what the desk's feed makes possible."""

from __future__ import annotations

import pytest

from chains.hub.attestation import Action
from chains.hub.options import item_of
from keeper.planner.option_arithmetic import penalty_price, price_range
from tests.contracts.option_scene import CONTRACT, DAY_S, LISTING, OptionScene
from tests.contracts.scene import NO_ATTESTATION, STABLE, USDC, WAD, ZERO_HASH, refused, words

PRICE = 100 * WAD
PENALTY = 4 * WAD
"""Twenty basis points of 2,000 dollars."""


@pytest.fixture
def call(options: OptionScene) -> bytes:
    """A call at 2,100 that the trader has written 100 of and the other trader bought 100 of."""
    series = options.open(options.call_at(2_100))
    for owner, side in ((options.base.trader, -1), (options.base.other_trader, 1)):
        options.linked(owner, 50_000)
        options.trade(owner, series, side * 100 * CONTRACT, PRICE)
    return series


def raw(value_wad: int) -> int:
    return value_wad * USDC // WAD


@pytest.mark.parametrize("side", [-1, 1])
def test_it_is_closed_at_the_attested_price_for_a_penalty(
    options: OptionScene, call: bytes, side: int
) -> None:
    base = options.base
    owner = base.trader if side < 0 else base.other_trader
    before, earned = base.leg(owner).collateral[STABLE], base.stable.balanceOf(base.liquidator)

    options.close(owner, call, 50 * CONTRACT, 120 * WAD)

    assert before + side * raw(50 * 120 * WAD) - raw(50 * PENALTY) == base.leg(owner).collateral[STABLE]
    assert side * 50 * CONTRACT == options.size(base.account(owner), call)
    kept = raw(50 * PENALTY) * 2_000 // 10_000
    assert kept == base.hub.insurance(STABLE)
    assert earned + raw(50 * PENALTY) - kept == base.stable.balanceOf(base.liquidator)


def test_the_penalty_is_a_part_of_a_cheap_option_at_most(options: OptionScene, call: bytes) -> None:
    base = options.base
    before = base.leg(base.other_trader).collateral[STABLE]

    options.close(base.other_trader, call, 50 * CONTRACT, 2 * WAD)

    assert WAD // 4 == penalty_price(LISTING, 2 * WAD, 2_000 * WAD)
    assert before + raw(50 * (2 * WAD - WAD // 4)) == base.leg(base.other_trader).collateral[STABLE]


def test_it_is_logged_like_every_step(options: OptionScene, call: bytes) -> None:
    base = options.base

    options.close(base.trader, call, 50 * CONTRACT, 120 * WAD)

    (held,) = base.events("OptionSet")
    (step,) = base.events("Liquidated")
    leg = base.leg(base.trader)
    assert (-50 * CONTRACT, leg.version) == (held.size_wad, held.version)
    assert (
        *(int(Action.OPTION_CLOSE), item_of("0x" + call.hex()), 50 * CONTRACT, 120 * WAD, 6_000 * WAD),
        *(50 * PENALTY, WAD * 97 // 100, base.liquidator, leg.last_sequence),
    ) == tuple(step)[-11:][1:-1]


def test_a_whole_position_leaves_nothing(options: OptionScene, call: bytes) -> None:
    base = options.base

    options.close(base.trader, call, 200 * CONTRACT, 120 * WAD, health=WAD // 2)

    account = base.account(base.trader)
    assert [[]] == options.held([account])
    assert 0 == options.desk.series_count(account) == options.size(account, call)
    info = options.desk.series_info(call)
    assert (100 * CONTRACT, 0) == (info.open_interest_long, info.open_interest_short)


def test_a_loss_beyond_the_stable_becomes_debt(options: OptionScene, call: bytes) -> None:
    base = options.base
    held = base.leg(base.trader).collateral[STABLE]
    base.set_price(base.ether_feed, 3_500)

    options.close(base.trader, call, 50 * CONTRACT, 1_400 * WAD)

    leg = base.leg(base.trader)
    penalty = raw(50 * 7 * WAD)
    assert (0, raw(50 * 1_400 * WAD) + penalty - held) == (leg.collateral[STABLE], leg.debt)


class TestBounds:
    def test_the_close_factor(self, options: OptionScene, call: bytes) -> None:
        with refused(options.hub, "close factor"):
            options.close(options.base.trader, call, 50 * CONTRACT + 1, PRICE)

        options.close(options.base.trader, call, 50 * CONTRACT, PRICE)

    def test_not_for_one_that_is_far_gone(self, options: OptionScene, call: bytes) -> None:
        options.close(options.base.trader, call, 100 * CONTRACT, PRICE, health=WAD * 94 // 100)

        assert 0 == options.size(options.base.account(options.base.trader), call)

    def test_nor_for_what_would_be_dust(self, options: OptionScene, call: bytes) -> None:
        options.linked(options.base.stranger)
        options.trade(options.base.stranger, call, -CONTRACT // 50, PRICE)

        options.close(options.base.stranger, call, CONTRACT // 50, PRICE)

        assert 0 == options.size(options.base.account(options.base.stranger), call)

    def test_the_cooldown_of_a_series(self, options: OptionScene, call: bytes) -> None:
        options.close(options.base.trader, call, CONTRACT, PRICE)
        with refused(options.hub, "cooldown"):
            options.close(options.base.trader, call, CONTRACT, PRICE)

        options.base.wait(30)
        options.close(options.base.trader, call, CONTRACT, PRICE)

    def test_each_series_has_its_own(self, options: OptionScene, call: bytes) -> None:
        put = options.open(options.put_at(1_900))
        options.trade(options.base.trader, put, -10 * CONTRACT, PRICE)

        options.close(options.base.trader, call, CONTRACT, PRICE)
        options.close(options.base.trader, put, CONTRACT, PRICE)

    def test_the_highest_and_the_lowest_price(self, options: OptionScene, call: bytes) -> None:
        low, high = price_range(options.call_at(2_100), LISTING, 2_000 * WAD, 150, options.base.now)
        assert 0 == low
        with refused(options.hub, "price"):
            options.close(options.base.trader, call, CONTRACT, high + 1)

        options.close(options.base.trader, call, CONTRACT, high)

    def test_the_lowest_price_of_one_in_the_money(self, options: OptionScene, call: bytes) -> None:
        options.base.set_price(options.base.ether_feed, 2_500)
        low, _ = price_range(options.call_at(2_100), LISTING, 2_500 * WAD, 150, options.base.now)
        with refused(options.hub, "price"):
            options.close(options.base.trader, call, CONTRACT, low - 1)

        options.close(options.base.trader, call, CONTRACT, low)

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"health": WAD}, "healthy"),
            ({"max_size": 0}, "size"),
            ({"version": 9}, "version"),
            ({"sequence": 0}, "sequence"),
            ({"value": 2_031 * WAD}, "underlying"),
            ({"beneficiary": "0x" + "11" * 20}, "beneficiary"),
            ({"action": int(Action.OPTION_TRADE)}, "action"),
            ({"action": int(Action.CLOSE)}, "market"),
            ({"action": int(Action.REPAY)}, "token"),
            ({"item": 1}, "series"),
        ],
    )
    def test_every_field_must_fit(
        self, options: OptionScene, call: bytes, changes: dict[str, int], reason: str
    ) -> None:
        with refused(options.hub, reason):
            options.close(options.base.trader, call, CONTRACT, PRICE, **changes)

    def test_one_without_the_option(self, options: OptionScene, call: bytes) -> None:
        options.linked(options.base.stranger)

        with refused(options.hub, "size"):
            options.close(options.base.stranger, call, CONTRACT, PRICE)

    def test_an_attestation_of_the_owners_trade_is_none(self, options: OptionScene, call: bytes) -> None:
        base = options.base
        request = options.attest(Action.OPTION_TRADE, base.trader, call, CONTRACT, PRICE)

        with refused(base.hub, "action"):
            base.hub.liquidate(words(request), base.sign(request), sender=base.liquidator)

    def test_not_while_paused(self, options: OptionScene, call: bytes) -> None:
        options.hub.set_paused(True, sender=options.base.owner)

        with refused(options.hub, "paused"):
            options.close(options.base.trader, call, CONTRACT, PRICE)

    def test_not_after_expiry(self, options: OptionScene, call: bytes) -> None:
        options.expire(2_000)

        with refused(options.hub, "expired"):
            options.close(options.base.trader, call, CONTRACT, PRICE)


class TestOtherWaysOut:
    def test_an_account_with_options_is_not_unlinked(self, options: OptionScene, call: bytes) -> None:
        base = options.base
        request = base.attest(Action.UNLINK, base.trader, STABLE, 0)

        with refused(base.hub, "options"):
            base.hub.set_cross_margin(0, False, words(request), base.sign(request), sender=base.trader)

        options.trade(base.trader, call, 100 * CONTRACT, PRICE)
        request = base.attest(Action.UNLINK, base.trader, STABLE, 0)
        base.hub.set_cross_margin(0, False, words(request), base.sign(request), sender=base.trader)

    def test_debt_is_not_written_off_while_options_may_pay_it(
        self, options: OptionScene, call: bytes
    ) -> None:
        base = options.base
        base.set_price(base.ether_feed, 3_500)
        options.trade(base.trader, call, 10 * CONTRACT, 1_410 * WAD)
        options.close(base.trader, call, 60 * CONTRACT, 1_410 * WAD, health=WAD // 2)
        leg = base.leg(base.trader)
        assert leg.debt > 0
        assert not any(leg.collateral)

        with refused(base.hub, "options"):
            base.liquidate(base.attest(Action.WRITE_OFF, base.trader, STABLE, leg.debt, health=0))

        options.close(base.trader, call, 60 * CONTRACT, 1_410 * WAD, **_later(options))
        owed = base.leg(base.trader).debt
        base.liquidate(base.attest(Action.WRITE_OFF, base.trader, STABLE, owed, health=0))
        assert 0 == base.leg(base.trader).debt


class TestDesk:
    def test_is_named_once_by_the_owner(self, options: OptionScene) -> None:
        base = options.base
        with refused(base.hub, "owner"):
            base.hub.set_option_desk(options.desk.address, sender=base.stranger)
        with refused(base.hub, "desk"):
            base.hub.set_option_desk(options.desk.address, sender=base.owner)
        assert options.desk.address == base.hub.option_desk()
        assert base.hub.address == options.desk.hub()

    def test_only_it_settles_at_the_hub(self, options: OptionScene, call: bytes) -> None:
        account = options.base.account(options.base.trader)
        for sender in (options.base.owner, options.base.trader):
            with refused(options.hub, "desk"):
                options.hub.settle_option(account, CONTRACT, PRICE, sender=sender)

    def test_only_the_hub_changes_what_is_held(self, options: OptionScene, call: bytes) -> None:
        account = options.base.account(options.base.trader)
        for sender in (options.base.owner, options.base.trader):
            with refused(options.desk, "desk"):
                options.desk.change(account, item_of("0x" + call.hex()), CONTRACT, 1, sender=sender)

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"market": b"\0" * 32}, "market"),
            ({"market": b"ETH-OPTIONS".ljust(32, b"\0")}, "market"),
            ({"spread_bps": 3_001}, "limits"),
            ({"penalty_bps": 3_001}, "limits"),
            ({"cap_bps": 3_001}, "limits"),
            ({"max_volatility": 0}, "limits"),
            ({"max_volatility": 10 * WAD + 1}, "limits"),
        ],
    )
    def test_a_market_within_limits(
        self, options: OptionScene, changes: dict[str, int | bytes], reason: str
    ) -> None:
        good: dict[str, object] = {
            "market": b"NEW".ljust(32, b"\0"),
            "feed": options.base.ether_feed.address,
            "spread_bps": 3_000,
            "penalty_bps": 3_000,
            "cap_bps": 3_000,
            "max_volatility": 10 * WAD,
            "max_open_interest": CONTRACT,
        }
        with refused(options.desk, reason):
            options.desk.add_market(*(good | changes).values(), sender=options.base.owner)

        options.desk.add_market(*good.values(), sender=options.base.owner)
        assert tuple(good.values())[1:] == tuple(options.desk.market_info(good["market"]))

    def test_a_market_is_the_hubs_owners_to_list(self, options: OptionScene) -> None:
        with refused(options.desk, "owner"):
            options.desk.add_market(
                b"NEW".ljust(32, b"\0"),
                options.base.ether_feed.address,
                *(0, 0, 0, WAD, CONTRACT),
                sender=options.base.stranger,
            )


def test_a_hub_without_a_desk_trades_no_options(options: OptionScene) -> None:
    from tests.contracts.scene import build, deploy

    base = build()
    base.deposit(base.trader, STABLE, 1_000 * USDC)
    base.link(base.trader)
    with refused(base.hub, "desk"):
        base.hub.trade_option(0, b"\1" * 32, CONTRACT, 2**255, NO_ATTESTATION, [], sender=base.trader)
    with refused(base.hub, "desk"):
        base.hub.set_option_desk(options.desk.address, sender=base.owner)
    with refused(base.hub, "desk"):
        base.hub.settle_option(bytes(32), CONTRACT, PRICE, sender=base.trader)
    request = base.attest(Action.UNLINK, base.trader, STABLE, 0, claim=ZERO_HASH)
    base.hub.set_cross_margin(0, False, words(request), base.sign(request), sender=base.trader)
    other = deploy("OptionDesk", base.hub.address)
    base.hub.set_option_desk(other.address, sender=base.owner)


def _later(options: OptionScene) -> dict[str, int]:
    options.base.wait(min(30, DAY_S))
    return {"health": WAD // 2, "observed_at": options.base.now, "deadline": options.base.now + 60}
