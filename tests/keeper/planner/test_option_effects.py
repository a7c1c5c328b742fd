"""The planner's arithmetic of options against the real contracts, to the last unit."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import boa
import pytest

from chains.hub.attestation import Action
from chains.hub.options import item_of
from config.units import WAD
from keeper.domain.account import Account, OptionPosition
from keeper.planner.effects import Effect, Move, Refusal, effect
from keeper.planner.facts import OptionMarketFacts, VenueFacts
from keeper.planner.ground import Ground, Prices
from keeper.planner.option_arithmetic import price_range
from keeper.planner.option_steps import MAX_SERIES, option_traded
from tests.contracts.option_scene import CONTRACT, LISTING, OptionScene, build_options
from tests.contracts.scene import DOLLAR, USDC
from tests.keeper.planner.test_effects import HERE, facts, ground

MARKET = OptionMarketFacts("ETH-OPTIONS", "T1", LISTING.spread_bps, LISTING.penalty_bps, LISTING.cap_bps)


@pytest.fixture(scope="module")
def deployed() -> OptionScene:
    return build_options()


@pytest.fixture
def scene(deployed: OptionScene) -> Iterator[OptionScene]:
    with boa.env.anchor():
        deployed.base.set_limits(close_factor_bps=10_000, cooldown_s=0)
        deployed.linked(deployed.base.trader, 30_000)
        yield deployed


def venue_of(scene: OptionScene) -> VenueFacts:
    return replace(facts(scene.base), option_markets=(MARKET,))


def at(scene: OptionScene, venue: VenueFacts) -> Ground:
    (held,) = scene.held([scene.base.account(scene.base.trader)])
    options = [
        OptionPosition(
            "ETH-OPTIONS",
            "0x" + row.series.hex(),
            "T1",
            row.terms.is_call,
            row.terms.strike_wad,
            row.terms.expiry_s,
            row.size_wad,
        )
        for row in held
    ]
    found = ground(scene.base, venue)
    leg = replace(found.account.legs[0], options=tuple(sorted(options, key=lambda its: its.series)))
    return Ground(Account("a", "", 0, (leg,)), found.pool_cash)


def some_price(scene: OptionScene, option: OptionPosition, source: random.Random) -> int:
    terms = (
        scene.call_at(option.strike_wad // WAD) if option.is_call else scene.put_at(option.strike_wad // WAD)
    )
    low, high = price_range(terms, LISTING, scene.hub.token_price(1), 150, scene.base.now)
    return source.randrange(low, min(high, low + 400 * WAD))


def opened(scene: OptionScene, source: random.Random) -> OptionPosition:
    is_call, dollars = source.random() < 0.5, source.randrange(1_500, 2_500, 100)
    series = scene.open(scene.call_at(dollars) if is_call else scene.put_at(dollars))
    return OptionPosition("ETH-OPTIONS", "0x" + series.hex(), "T1", is_call, dollars * WAD, scene.month, 0)


def a_call(scene: OptionScene) -> OptionPosition:
    series = scene.open(scene.call_at(2_100))
    return OptionPosition("ETH-OPTIONS", "0x" + series.hex(), "T1", True, 2_100 * WAD, scene.month, 0)


@pytest.mark.parametrize("seed", range(12))
def test_trades_and_closes_do_what_the_contracts_do(scene: OptionScene, seed: int) -> None:
    source = random.Random(seed)
    base = scene.base
    for _ in range(5):
        venue, option = venue_of(scene), opened(scene, source)
        before = at(scene, venue)
        delta, price = source.randrange(-(10**20), 10**20), some_price(scene, option, source)
        foreseen = option_traded(
            before.account.legs[0], venue, option, delta, price, Prices({}, {HERE: venue})
        )
        scene.trade(base.trader, bytes.fromhex(option.series[2:]), delta, price)

        assert not isinstance(foreseen, str)
        assert replace(foreseen, version=foreseen.version + 1) == at(scene, venue).account.legs[0]
        base.set_price(base.ether_feed, source.randrange(1_600, 2_400))
        base.stable_feed.set_answer(DOLLAR + source.randrange(-(10**6), 10**6), sender=base.owner)
    while (before := at(scene, venue_of(scene))).account.legs[0].options:
        venue, option = venue_of(scene), source.choice(before.account.legs[0].options)
        price = some_price(scene, option, source)
        size = source.choice((abs(option.size_wad), source.randrange(abs(option.size_wad)) + 1, 2**200))
        move = Move(Action.OPTION_CLOSE, HERE, item_of(option.series), size)
        result = effect(before, move, Prices({}, {HERE: venue}, {option.series: price}))
        paid = base.stable.balanceOf(base.liquidator)
        scene.close(base.trader, bytes.fromhex(option.series[2:]), size, price, health=WAD // 2)

        assert isinstance(result, Effect)
        (logged,) = base.events("Liquidated")
        assert (result.size, result.value_wad, result.penalty_wad) == (
            logged.size,
            logged.value_wad,
            logged.penalty_wad,
        )
        assert replace(result.ground, account=at(scene, venue).account) == result.ground
        earned = base.stable.balanceOf(base.liquidator) - paid
        assert result.earned_wad == earned * scene.hub.token_price(0) // USDC


class TestWhatTheHubWouldRefuse:
    def test_an_option_that_is_not_held_has_no_price_or_no_size(self, scene: OptionScene) -> None:
        venue, option = venue_of(scene), a_call(scene)
        scene.trade(scene.base.trader, bytes.fromhex(option.series[2:]), -CONTRACT, 100 * WAD)
        before, item = at(scene, venue), item_of(option.series)
        prices = Prices({}, {HERE: venue}, {option.series: WAD})

        for move, at_prices, reason in (
            (Move(Action.OPTION_CLOSE, HERE, item + 1, 1), prices, "no such option"),
            (Move(Action.OPTION_CLOSE, HERE, item, 1), Prices({}, {HERE: venue}), "has no price"),
            (Move(Action.OPTION_CLOSE, HERE, item, 0), prices, "size"),
        ):
            found = effect(before, move, at_prices)
            assert isinstance(found, Refusal)
            assert reason in found.reason

    def test_a_gain_or_premium_that_the_pool_can_not_pay(self, scene: OptionScene) -> None:
        venue, option = venue_of(scene), a_call(scene)
        scene.trade(scene.base.trader, bytes.fromhex(option.series[2:]), CONTRACT, 100 * WAD)
        poor = replace(at(scene, venue), pool_cash={HERE: 0})
        prices = Prices({}, {HERE: venue}, {option.series: 100 * WAD})

        found = effect(poor, Move(Action.OPTION_CLOSE, HERE, item_of(option.series), CONTRACT), prices)
        leg = poor.account.legs[0]
        traded = option_traded(leg, replace(venue, pool_cash=0), option, -CONTRACT, 100 * WAD, prices)

        assert Refusal("the pool can not pay the gain") == found
        assert traded == "the pool on here can not pay the premium"

    def test_a_ninth_series(self, scene: OptionScene) -> None:
        venue, source = venue_of(scene), random.Random(3)
        leg = at(scene, venue).account.legs[0]
        series = {option.series: option for option in (opened(scene, source) for _ in range(60))}
        first, *others = series.values()
        full = replace(leg, options=tuple(replace(its, size_wad=1) for its in others[:MAX_SERIES]))
        prices = Prices({}, {HERE: venue})

        assert "8 series" in str(option_traded(full, venue, first, CONTRACT, WAD, prices))
        assert not isinstance(option_traded(full, venue, others[0], CONTRACT, WAD, prices), str)

    def test_a_market_that_the_desk_does_not_list(self, scene: OptionScene) -> None:
        bare, option = facts(scene.base), a_call(scene)

        assert "not known" in str(
            option_traded(at(scene, bare).account.legs[0], bare, option, 1, WAD, Prices({}, {HERE: bare}))
        )

    def test_debt_beside_an_option_is_not_written_off(self, scene: OptionScene) -> None:
        venue, option = venue_of(scene), a_call(scene)
        leg = replace(at(scene, venue).account.legs[0], collateral=(), options=(replace(option, size_wad=1),))

        found = effect(
            Ground(Account("a", "", 0, (leg,)), {HERE: 0}),
            Move(Action.WRITE_OFF, HERE, 0, 1),
            Prices({}, {HERE: venue}),
        )

        assert Refusal("the leg has more than debt") == found
