"""The last unit: every rounding goes against whoever could gain by repeating it."""

from __future__ import annotations

import dataclasses
from typing import Any

import boa
import pytest

from chains.hub.attestation import Action
from tests.contracts.scene import (
    BITCOIN_MARKET,
    DOLLAR,
    ETHER_TOKEN,
    NO_ATTESTATION,
    POLICY,
    STABLE,
    USDC,
    WAD,
    Scene,
    deploy,
    refused,
)


@pytest.fixture
def fine(scene: Scene) -> Any:
    """A hub whose stable has 18 decimals and is worth a hair over a dollar; token 1 counts in full."""
    scene.stable_feed.set_answer(DOLLAR + 1, sender=scene.owner)
    with boa.env.prank(scene.owner):
        stable = deploy("TestToken", "Dai", "DAI", 18)
        full = deploy("TestToken", "Full", "FULL", 18)
        dollar = deploy("PriceFeed", 8, "FULL / USD")
        dollar.set_answer(DOLLAR)
        hub = deploy("MarginHub", stable.address, scene.stable_feed.address, 18)
        hub.add_token(full.address, dollar.address, 18, False, 10_000, 10_000, 0, 0)
        hub.add_market(scene.bitcoin_feed.address, 1_000, 500, 100, WAD)
        hub.set_limits(*(hub.limits()._asdict() | {"min_deposit_value": 0}).values())
        for token in (stable, full):
            token.mint(scene.trader, 10**6 * WAD)
            token.approve(hub.address, 2**256 - 1, sender=scene.trader)
    stable.approve(hub.address, 2**256 - 1, sender=scene.trader)
    hub.fund_pool(1_000 * WAD, sender=scene.trader)
    return hub


def test_debt_counts_up(scene: Scene, fine: Any) -> None:
    # Worth 1.000000010000000001 USD and a little more.
    debt = WAD + 1
    fine.deposit(0, 1, 1_000000010000000001, sender=scene.trader)
    with refused(fine, "margin"):
        fine.borrow(0, debt, NO_ATTESTATION, [], sender=scene.trader)

    fine.deposit(0, 1, 1, sender=scene.trader)

    fine.borrow(0, debt, NO_ATTESTATION, [], sender=scene.trader)


@pytest.mark.parametrize("answer", [DOLLAR, DOLLAR // 2])
def test_the_smallest_position_needs_margin(scene: Scene, fine: Any, answer: int) -> None:
    scene.bitcoin_feed.set_answer(answer, sender=scene.owner)
    order: tuple[Any, ...] = (0, BITCOIN_MARKET, 1, 2**255, NO_ATTESTATION, [])

    with refused(fine, "margin"):
        fine.change_position(*order, sender=scene.trader)
    fine.deposit(0, 1, 1, sender=scene.trader)

    fine.change_position(*order, sender=scene.trader)


def test_collateral_counts_down(scene: Scene) -> None:
    scene.set_limits(min_deposit_value=0)
    with boa.env.prank(scene.owner):
        half = deploy("TestToken", "Half", "HALF", 18)
        feed = deploy("PriceFeed", 8, "HALF / USD")
        feed.set_answer(DOLLAR // 2)
        scene.hub.add_token(half.address, feed.address, 18, False, 10_000, 10_000, 0, 0)
        half.mint(scene.trader, 2)
    half.approve(scene.hub.address, 2, sender=scene.trader)
    scene.bitcoin_feed.set_answer(DOLLAR, sender=scene.owner)
    scene.deposit(scene.trader, 3, 1)
    with refused(scene.hub, "margin"):
        scene.trade(scene.trader, BITCOIN_MARKET, 1)

    scene.deposit(scene.trader, 3, 1)

    scene.trade(scene.trader, BITCOIN_MARKET, 1)


def test_the_smallest_loss_costs_a_unit(scene: Scene) -> None:
    scene.deposit(scene.trader, STABLE, 100 * USDC)
    scene.bitcoin_feed.set_answer(DOLLAR, sender=scene.owner)
    scene.trade(scene.trader, BITCOIN_MARKET, 1)
    scene.bitcoin_feed.set_answer(DOLLAR // 2, sender=scene.owner)

    scene.trade(scene.trader, BITCOIN_MARKET, -1)

    assert 100 * USDC - 1 == scene.leg(scene.trader).collateral[STABLE]


def test_the_smallest_collateral_is_not_taken_for_nothing(scene: Scene) -> None:
    scene.set_limits(min_deposit_value=0)
    scene.deposit(scene.trader, STABLE, 100 * USDC)
    scene.deposit(scene.trader, ETHER_TOKEN, 1)
    scene.borrow(scene.trader, 50 * USDC)
    scene.ether_feed.set_answer(DOLLAR // 2, sender=scene.owner)

    scene.liquidate(scene.attest(Action.REPAY, scene.trader, ETHER_TOKEN, 50 * USDC, health=0))

    leg = scene.leg(scene.trader)
    assert (50 * USDC - 1, 0) == (leg.debt, leg.collateral[ETHER_TOKEN])


def test_what_would_be_left_counts_up_against_dust(scene: Scene) -> None:
    scene.deposit(scene.trader, STABLE, 100 * USDC)
    scene.bitcoin_feed.set_answer(DOLLAR // 2, sender=scene.owner)
    scene.trade(scene.trader, BITCOIN_MARKET, WAD + 1)
    # Half would leave 0.5 + 10**-18 at half a dollar each.
    scene.set_limits(dust_value=WAD // 4)

    with refused(scene.hub, "close factor"):
        scene.liquidate(scene.attest(Action.CLOSE, scene.trader, BITCOIN_MARKET, WAD + 1))
    scene.set_limits(dust_value=WAD // 4 + 1)
    scene.liquidate(scene.attest(Action.CLOSE, scene.trader, BITCOIN_MARKET, WAD + 1))


def test_a_claim_is_never_worth_nothing(scene: Scene, fine: Any) -> None:
    fine.deposit(0, 1, 10 * WAD, sender=scene.trader)
    fine.borrow(0, WAD, NO_ATTESTATION, [], sender=scene.trader)
    fine.set_signers([signer.address for signer in scene.signers], 2, sender=scene.owner)
    fine.set_policy(POLICY, sender=scene.owner)
    scene.stable_feed.set_answer(DOLLAR // 2, sender=scene.owner)
    there = dataclasses.replace(scene, hub=fine)

    with refused(fine, "size"):
        there.liquidate(there.attest(Action.REPAY_CROSS, scene.trader, STABLE, 1))


class TestOnlyTheFeedsThatMatter:
    def test_without_debt_the_stables_is_not_asked(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, WAD)
        scene.stable_feed.set_answer(0, sender=scene.owner)

        scene.trade(scene.trader, BITCOIN_MARKET, WAD // 100)

        assert WAD // 100 == scene.leg(scene.trader).positions[BITCOIN_MARKET][0]

    def test_nor_that_of_a_token_one_does_not_have(self, scene: Scene) -> None:
        scene.deposit(scene.trader, 0, 1_000 * 10**6)
        scene.ether_feed.set_answer(0, sender=scene.owner)

        scene.borrow(scene.trader, 100 * 10**6)

        assert 100 * 10**6 == scene.leg(scene.trader).debt
