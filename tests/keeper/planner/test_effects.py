"""The planner's arithmetic against the real contract, to the last unit."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import boa
import pytest

from chains.hub.attestation import Action
from config.units import WAD
from keeper.domain.account import Account, Collateral, Debt, Leg, PendingClaim, Position
from keeper.planner.effects import Effect, Move, Refusal, effect
from keeper.planner.facts import MarketFacts, TokenFacts, VenueFacts
from keeper.planner.ground import Ground, Prices
from keeper.planner.hub_arithmetic import with_penalty
from keeper.planner.initial import traded
from tests.contracts.scene import DOLLAR, ETHER, USDC, Scene, build

HERE = "here"
CLAIM = "0x" + "c1" * 32


@pytest.fixture(scope="module")
def deployed() -> Scene:
    return build()


@pytest.fixture
def scene(deployed: Scene) -> Iterator[Scene]:
    with boa.env.anchor():
        deployed.set_limits(close_factor_bps=10_000, cooldown_s=0, price_band_bps=9_999)
        yield deployed


def facts(scene: Scene) -> VenueFacts:
    limits = scene.hub.limits()
    tokens = []
    for token_id in range(scene.hub.token_count()):
        info = scene.hub.token_info(token_id)
        tokens.append(TokenFacts(token_id, info.token, f"T{token_id}", info.decimals, info.penalty_bps))
    markets = tuple(
        MarketFacts(number, f"M{number}", f"A{number}", scene.hub.market_info(number).penalty_bps)
        for number in range(scene.hub.market_count())
    )
    prices = {its.asset: scene.hub.token_price(its.token_id) for its in tokens}
    prices |= {its.asset: scene.hub.market_price(its.hub_id) for its in markets}
    return VenueFacts(
        chain=HERE,
        close_factor_bps=limits.close_factor_bps,
        full_close_health_wad=limits.full_close_health,
        cooldown_s=limits.cooldown_s,
        price_band_bps=limits.price_band_bps,
        insurance_share_bps=limits.insurance_share_bps,
        dust_value_wad=limits.dust_value,
        claim_confirmations=0,
        pool_cash=scene.hub.pool_cash(),
        tokens=tuple(tokens),
        markets=markets,
        hub_prices_wad=prices,
    )


def ground(scene: Scene, venue: VenueFacts, claims: tuple[PendingClaim, ...] = ()) -> Ground:
    found = scene.leg(scene.trader)
    held = [
        Collateral(token.token, token.asset, token.decimals, found.collateral[token.token_id])
        for token in venue.tokens
        if found.collateral[token.token_id]
    ]
    stable = venue.stable
    leg = Leg(
        chain=HERE,
        version=found.version,
        cross_margin=found.cross_margin,
        collateral=tuple(sorted(held, key=lambda its: its.token)),
        debt=Debt(stable.asset, stable.decimals, found.debt) if found.debt else None,
        positions=tuple(
            Position(market.market, market.hub_id, market.asset, *found.positions[market.hub_id])
            for market in venue.markets
            if found.positions[market.hub_id][0]
        ),
        claims=claims,
    )
    return Ground(Account("a", "", 0, (leg,)), {HERE: scene.hub.pool_cash()})


def troubled(scene: Scene, source: random.Random) -> None:
    """Bring the trader into debt, with collateral of all kinds and positions both ways, then move the prices."""
    scene.deposit(scene.trader, 1, source.randrange(1, 30) * ETHER // source.choice((3, 60)))
    scene.deposit(scene.trader, 0, source.randrange(20, 30_000) * USDC + source.randrange(USDC))
    if source.random() < 0.5:
        scene.deposit(scene.trader, 2, source.randrange(1, 30) * ETHER // 7)
    if source.random() < 0.7:
        scene.borrow(scene.trader, source.randrange(100, 1_000) * USDC + source.randrange(USDC))
    for market in (0, 1):
        size = source.randrange(1, 10**17) * source.choice((1, -1))
        if source.random() < 0.6:
            scene.trade(scene.trader, market, size * (1 if market == 0 else 8) // 4)
    scene.link(scene.trader)
    scene.set_price(scene.ether_feed, source.randrange(900, 3_000))
    scene.set_price(scene.bitcoin_feed, source.randrange(30_000, 70_000))
    scene.stable_feed.set_answer(DOLLAR + source.randrange(-(10**6), 10**6), sender=scene.owner)
    if source.random() < 0.3:
        scene.hub.withdraw_pool(scene.hub.pool_cash() - source.randrange(200 * USDC), sender=scene.owner)


def a_move(scene: Scene, source: random.Random, at: Ground) -> Move | None:
    leg = at.account.legs[0]
    choices = [Move(Action.CLOSE, HERE, its.hub_id, abs(its.size_wad)) for its in leg.positions]
    if leg.debt is not None:
        numbers = {scene.hub.token_info(number).token: number for number in range(3)}
        choices += [Move(Action.REPAY, HERE, numbers[its.token], leg.debt.amount) for its in leg.collateral]
        if not leg.collateral and not leg.positions:
            choices.append(Move(Action.WRITE_OFF, HERE, 0, leg.debt.amount))
    if not choices:
        return None
    chosen = source.choice(choices)
    part = source.choice((chosen.size, chosen.size + 5, source.randrange(chosen.size) + 1, 1))
    return Move(chosen.action, HERE, chosen.item, part)


@pytest.mark.parametrize("seed", range(24))
def test_every_step_does_what_the_contract_does(scene: Scene, seed: int) -> None:
    source = random.Random(seed)
    troubled(scene, source)
    for _ in range(8):
        venue = facts(scene)
        before = ground(scene, venue)
        move = a_move(scene, source, before)
        if move is None:
            return
        foreseen = effect(before, move, Prices({}, {HERE: venue}))
        paid = scene.stable.balanceOf(scene.liquidator)
        attested = scene.attest(move.action, scene.trader, move.item, move.size)
        if isinstance(foreseen, Refusal):
            with pytest.raises(boa.BoaError):
                scene.liquidate(attested)
            return
        scene.liquidate(attested)

        (logged,) = scene.events("Liquidated")
        assert (logged.size, logged.value_wad, logged.penalty_wad) == (
            foreseen.size,
            foreseen.value_wad,
            foreseen.penalty_wad,
        )
        assert ground(scene, venue) == foreseen.ground
        if move.action is Action.REPAY and move.item != 0:
            assert paid - scene.stable.balanceOf(scene.liquidator) == foreseen.outlay


def test_debt_that_nothing_backs_is_written_off_as_the_contract_does(scene: Scene) -> None:
    scene.deposit(scene.trader, 1, ETHER)
    scene.borrow(scene.trader, 1_000 * USDC)
    scene.set_price(scene.ether_feed, 500)
    for move in (Move(Action.REPAY, HERE, 1, 999 * USDC), Move(Action.WRITE_OFF, HERE, 0, 10**12)):
        venue = facts(scene)
        foreseen = effect(ground(scene, venue), move, Prices({}, {HERE: venue}))
        scene.liquidate(scene.attest(move.action, scene.trader, move.item, move.size))

        assert isinstance(foreseen, Effect)
        assert scene.events("Liquidated")[0].size == foreseen.size
        assert ground(scene, venue).account == foreseen.ground.account
    assert scene.leg(scene.trader).debt == 0


@pytest.mark.parametrize("seed", range(10))
def test_an_owners_trade_does_what_the_contract_does(scene: Scene, seed: int) -> None:
    source = random.Random(seed)
    scene.deposit(scene.trader, 0, 500_000 * USDC + source.randrange(USDC))
    for _ in range(6):
        venue = facts(scene)
        leg = ground(scene, venue).account.legs[0]
        delta = source.choice((1, -1)) * source.randrange(10**16, 4 * 10**18)
        foreseen = traded(leg, venue, 1, delta, Prices({}, {HERE: venue}))
        scene.trade(scene.trader, 1, delta)

        assert not isinstance(foreseen, str)
        assert ground(scene, venue).account.legs[0] == replace(foreseen, version=leg.version + 1)
        scene.set_price(scene.ether_feed, source.randrange(1_500, 2_500))


@pytest.mark.parametrize("seed", range(10))
def test_a_claim_is_opened_and_seized_as_the_contract_does(scene: Scene, seed: int) -> None:
    source = random.Random(seed)
    scene.deposit(scene.trader, 1, ETHER * source.randrange(1, 8) // 5)
    scene.deposit(scene.trader, 0, 2_000 * USDC)
    scene.borrow(scene.trader, source.randrange(100, 1_000) * USDC)
    scene.link(scene.trader)
    venue = facts(scene)
    before = ground(scene, venue)
    target = ("there", venue.tokens[1].token)
    prices = Prices({"T0": WAD}, {HERE: venue, "there": replace(venue, chain="there")})
    backing = Leg("there", 1, True, (Collateral(target[1], "T1", 18, ETHER),), None, ())
    size = source.randrange(USDC, 90 * USDC)
    repaid = effect(before.with_leg(backing), Move(Action.REPAY_CROSS, HERE, 0, size, *target), prices)
    scene.liquidate(scene.attest(Action.REPAY_CROSS, scene.trader, 0, size, value=2, target=target[1]))
    (opened,) = scene.events("ClaimOpened")

    assert isinstance(repaid, Effect)
    assert opened.value_wad == repaid.value_wad
    assert ground(scene, venue).account.legs[0] == repaid.ground.leg(HERE)

    value_wad = source.choice((repaid.value_wad, 10**6 * WAD))
    claim = PendingClaim(CLAIM, "x", target[1], "T1", value_wad, 500, scene.liquidator, 1)
    before = ground(scene, venue, (claim,))
    asked = source.choice((ETHER * 100, ETHER // 90))
    seized = effect(before, Move(Action.SEIZE, HERE, 1, asked, claim=CLAIM), prices)
    held = scene.ether.balanceOf(scene.liquidator)
    scene.liquidate(scene.attest(Action.SEIZE, scene.trader, 1, asked, value=value_wad, claim=CLAIM))
    (logged,) = scene.events("Liquidated")

    assert isinstance(seized, Effect)
    assert (logged.size, logged.value_wad) == (seized.size, seized.value_wad)
    assert ground(scene, venue).account == seized.ground.account
    earned = scene.ether.balanceOf(scene.liquidator) - held
    assert seized.earned_wad == earned * scene.hub.token_price(1) // ETHER
    assert with_penalty(value_wad, 500) >= logged.value_wad
