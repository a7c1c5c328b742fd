"""Closing positions and repaying debt for a quorum that says so, within the hub's own bounds."""

from __future__ import annotations

import dataclasses
from typing import Any

import boa
import pytest

from chains.hub.attestation import Action, Attestation
from tests.contracts.scene import (
    BITCOIN,
    BITCOIN_MARKET,
    DOLLAR,
    ETHER,
    ETHER_MARKET,
    ETHER_TOKEN,
    SHARE_TOKEN,
    STABLE,
    USDC,
    WAD,
    Scene,
    refused,
    words,
)

DEEP = WAD * 94 // 100
"""A health below which one step may close everything."""


class TestAnyStep:
    """What holds for CLOSE holds for each step that takes from an account."""

    @pytest.fixture(params=[Action.CLOSE, Action.REPAY, Action.REPAY_CROSS])
    def action(self, request: pytest.FixtureRequest) -> Action:
        return Action(request.param)

    @pytest.fixture(autouse=True)
    def account(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, 10 * ETHER)
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.borrow(scene.trader, 10_000 * USDC)

    @staticmethod
    def held(action: Action) -> int:
        return BITCOIN if action is Action.CLOSE else 10_000 * USDC

    def attest(self, scene: Scene, action: Action, size: int, **changes: Any) -> Attestation:
        item = ETHER_TOKEN if action is Action.REPAY else 0
        return scene.attest(action, scene.trader, item, size, **changes)

    def left(self, scene: Scene, action: Action) -> int:
        leg = scene.leg(scene.trader)
        return leg.positions[BITCOIN_MARKET][0] if action is Action.CLOSE else leg.debt

    def test_up_to_the_close_factor(self, scene: Scene, action: Action) -> None:
        scene.liquidate(self.attest(scene, action, self.held(action) // 2))

        assert self.held(action) // 2 == self.left(scene, action)

    def test_not_beyond_the_close_factor(self, scene: Scene, action: Action) -> None:
        with refused(scene.hub, "close factor"):
            scene.liquidate(self.attest(scene, action, self.held(action) // 2 + 1))

    def test_the_whole_when_health_is_deep_down(self, scene: Scene, action: Action) -> None:
        scene.liquidate(self.attest(scene, action, self.held(action), health=DEEP))

        assert 0 == self.left(scene, action)

    def test_not_the_whole_at_the_deep_bound(self, scene: Scene, action: Action) -> None:
        with refused(scene.hub, "close factor"):
            scene.liquidate(self.attest(scene, action, self.held(action), health=WAD * 95 // 100))

    def test_the_whole_when_half_would_be_dust(self, scene: Scene, action: Action) -> None:
        half_value = 25_000 * WAD if action is Action.CLOSE else 5_000 * WAD
        scene.set_limits(dust_value=half_value)

        scene.liquidate(self.attest(scene, action, self.held(action)))

        assert 0 == self.left(scene, action)

    def test_not_the_whole_when_half_is_a_little_more(self, scene: Scene, action: Action) -> None:
        half_value = 25_000 * WAD if action is Action.CLOSE else 5_000 * WAD
        scene.set_limits(dust_value=half_value - 1)

        with refused(scene.hub, "close factor"):
            scene.liquidate(self.attest(scene, action, self.held(action)))

    def test_what_is_left_caps_the_size(self, scene: Scene, action: Action) -> None:
        scene.liquidate(self.attest(scene, action, 2 * self.held(action), health=DEEP))

        assert 0 == self.left(scene, action)

    def test_not_again_within_the_cooldown(self, scene: Scene, action: Action) -> None:
        scene.liquidate(self.attest(scene, action, self.held(action) // 4))
        scene.wait(29)

        with refused(scene.hub, "cooldown"):
            scene.liquidate(self.attest(scene, action, self.held(action) // 4))

    def test_again_after_the_cooldown(self, scene: Scene, action: Action) -> None:
        scene.liquidate(self.attest(scene, action, self.held(action) // 4))
        scene.wait(30)

        scene.liquidate(self.attest(scene, action, self.held(action) // 4))

        assert self.held(action) // 2 == self.left(scene, action)

    @pytest.mark.parametrize("off_bps", [150, -150])
    def test_a_price_at_the_bands_edge(self, scene: Scene, action: Action, off_bps: int) -> None:
        attestation = self.attest(scene, action, self.held(action) // 4)
        price = attestation.price * (10_000 + off_bps) // 10_000

        scene.liquidate(dataclasses.replace(attestation, price=price))

        assert self.held(action) > self.left(scene, action)

    @pytest.mark.parametrize("off_bps", [150, -150])
    def test_a_price_beyond_the_bands_edge(self, scene: Scene, action: Action, off_bps: int) -> None:
        attestation = self.attest(scene, action, self.held(action) // 4)
        price = attestation.price * (10_000 + off_bps) // 10_000 + (1 if off_bps > 0 else -1)

        with refused(scene.hub, "price"):
            scene.liquidate(dataclasses.replace(attestation, price=price))

    @pytest.mark.parametrize("price", [0, 2**256 - 1])
    def test_a_senseless_price(self, scene: Scene, action: Action, price: int) -> None:
        with refused(scene.hub, "price"):
            scene.liquidate(self.attest(scene, action, self.held(action) // 4, price=price))

    def test_a_stale_feed(self, scene: Scene, action: Action) -> None:
        attestation = self.attest(scene, action, self.held(action) // 4)
        boa.env.evm.patch.timestamp += 3_901

        with refused(scene.hub, "feed"):
            scene.liquidate(dataclasses.replace(attestation, observed_at=scene.now, deadline=scene.now))

    def test_nothing(self, scene: Scene, action: Action) -> None:
        with refused(scene.hub, "size"):
            scene.liquidate(self.attest(scene, action, 0))

    def test_where_there_is_nothing(self, scene: Scene, action: Action) -> None:
        scene.deposit(scene.other_trader, ETHER_TOKEN, ETHER)
        item = ETHER_TOKEN if action is Action.REPAY else 0

        with refused(scene.hub, "size"):
            scene.liquidate(scene.attest(action, scene.other_trader, item, self.held(action)))

    def test_the_version_stays_and_the_sequence_is_used(self, scene: Scene, action: Action) -> None:
        version = scene.leg(scene.trader).version

        scene.liquidate(self.attest(scene, action, self.held(action) // 4, sequence=9))

        assert (version, 9) == (scene.leg(scene.trader).version, scene.leg(scene.trader).last_sequence)

    def test_it_says_what_it_did(self, scene: Scene, action: Action) -> None:
        attestation = self.attest(scene, action, self.held(action) // 4, sequence=9)
        digest = scene.hub.attestation_digest(words(attestation))

        scene.liquidate(attestation)

        (event,) = scene.events("Liquidated")
        assert (int(action), attestation.item, attestation.max_size, attestation.price) == (
            event.action,
            event.item,
            event.size,
            event.price_wad,
        )
        assert (attestation.health, scene.liquidator, 9, digest) == (
            event.health_wad,
            event.liquidator,
            event.sequence,
            event.attestation,
        )

    @pytest.mark.parametrize("other", [0, 4, 5, 6, 7, 8, 9, 10])
    def test_only_for_its_own_actions(self, scene: Scene, action: Action, other: int) -> None:
        attestation = dataclasses.replace(self.attest(scene, action, self.held(action) // 4), action=other)

        with refused(scene.hub, "action"):
            scene.hub.liquidate(words(attestation), scene.sign(attestation), sender=scene.liquidator)

    def test_not_by_the_functions_for_others(self, scene: Scene, action: Action) -> None:
        attestation = self.attest(scene, action, self.held(action) // 4)

        for function in (scene.hub.seize, scene.hub.write_off):
            with refused(scene.hub, "action"):
                function(words(attestation), scene.sign(attestation), sender=scene.liquidator)


class TestClose:
    @pytest.fixture(autouse=True)
    def long(self, scene: Scene) -> None:
        scene.deposit(scene.trader, STABLE, 10_000 * USDC)
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)

    def close(self, scene: Scene, size: int, **changes: Any) -> None:
        scene.liquidate(scene.attest(Action.CLOSE, scene.trader, BITCOIN_MARKET, size, **changes))

    def test_a_loss_and_the_penalty_come_out_of_the_stake(self, scene: Scene) -> None:
        scene.set_price(scene.bitcoin_feed, 42_000)
        pool = scene.hub.pool_cash()
        liquidator = scene.stable.balanceOf(scene.liquidator)

        self.close(scene, BITCOIN // 2)

        (event,) = scene.events("Liquidated")
        assert (21_000 * WAD, 210 * WAD) == (event.value_wad, event.penalty_wad)
        assert (10_000 - 4_000 - 210) * USDC == scene.leg(scene.trader).collateral[STABLE]
        assert (BITCOIN // 2, 50_000 * WAD) == scene.leg(scene.trader).positions[BITCOIN_MARKET]
        assert pool + 4_000 * USDC == scene.hub.pool_cash()
        # A fifth of the penalty is the insurance fund's.
        assert 42 * USDC == scene.hub.insurance(STABLE)
        assert liquidator + 168 * USDC == scene.stable.balanceOf(scene.liquidator)

    def test_a_gain_is_the_accounts(self, scene: Scene) -> None:
        scene.set_price(scene.bitcoin_feed, 60_000)

        self.close(scene, BITCOIN // 2)

        assert (10_000 + 5_000 - 300) * USDC == scene.leg(scene.trader).collateral[STABLE]

    def test_a_short_is_closed_too(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, -2 * BITCOIN)
        scene.set_price(scene.bitcoin_feed, 55_000)

        self.close(scene, BITCOIN // 2)

        assert (-BITCOIN // 2, 50_000 * WAD) == scene.leg(scene.trader).positions[BITCOIN_MARKET]
        assert (10_000 - 2_500 - 275) * USDC == scene.leg(scene.trader).collateral[STABLE]

    def test_a_loss_beyond_the_stake_becomes_debt_and_the_pool_lends_the_penalty(self, scene: Scene) -> None:
        scene.set_price(scene.bitcoin_feed, 30_000)
        pool = scene.hub.pool_cash()

        self.close(scene, BITCOIN, health=DEEP)

        leg = scene.leg(scene.trader)
        assert ((10_000 + 300) * USDC, 0) == (leg.debt, leg.collateral[STABLE])
        assert (0, 0) == leg.positions[BITCOIN_MARKET]
        assert pool + 10_000 * USDC - 300 * USDC == scene.hub.pool_cash()

    def test_a_penalty_is_only_what_the_pool_can_pay_out(self, scene: Scene) -> None:
        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN)
        scene.hub.withdraw(
            0,
            STABLE,
            10_000 * USDC,
            words(scene.attest(Action.WITHDRAW, scene.trader, 0, 0)),
            [],
            sender=scene.trader,
        )
        scene.deposit(scene.trader, ETHER_TOKEN, 10 * ETHER)
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.hub.withdraw_pool(scene.hub.pool_cash() - 100 * USDC, sender=scene.owner)
        liquidator = scene.stable.balanceOf(scene.liquidator)

        self.close(scene, BITCOIN // 2)

        (event,) = scene.events("Liquidated")
        assert 100 * WAD == event.penalty_wad
        assert (100 * USDC, 0) == (scene.leg(scene.trader).debt, scene.hub.pool_cash())
        assert liquidator + 80 * USDC == scene.stable.balanceOf(scene.liquidator)

    def test_a_gain_that_the_pool_can_not_pay_is_not_cut(self, scene: Scene) -> None:
        scene.set_price(scene.bitcoin_feed, 60_000)
        scene.hub.withdraw_pool(scene.hub.pool_cash(), sender=scene.owner)

        with refused(scene.hub, "pool"):
            self.close(scene, BITCOIN // 2)

    def test_open_interest_follows(self, scene: Scene) -> None:
        self.close(scene, BITCOIN // 2)

        assert BITCOIN // 2 == scene.hub.market_info(BITCOIN_MARKET).open_interest_long

    def test_cooldowns_are_per_market(self, scene: Scene) -> None:
        scene.trade(scene.trader, ETHER_MARKET, ETHER)
        self.close(scene, BITCOIN // 2)

        scene.liquidate(scene.attest(Action.CLOSE, scene.trader, ETHER_MARKET, ETHER // 2))

        assert ETHER // 2 == scene.leg(scene.trader).positions[ETHER_MARKET][0]

    @pytest.mark.parametrize("market_id", [2, 4, 2**256 - 1])
    def test_an_unlisted_market(self, scene: Scene, market_id: int) -> None:
        attestation = scene.attest(Action.CLOSE, scene.trader, BITCOIN_MARKET, 1)

        with refused(scene.hub, "market"):
            scene.liquidate(dataclasses.replace(attestation, item=market_id))


class TestRepay:
    @pytest.fixture(autouse=True)
    def borrower(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, 10 * ETHER)
        scene.borrow(scene.trader, 16_000 * USDC)
        scene.set_price(scene.ether_feed, 1_800)

    def repay(self, scene: Scene, size: int, item: int = ETHER_TOKEN, **changes: Any) -> None:
        scene.liquidate(scene.attest(Action.REPAY, scene.trader, item, size, **changes))

    def test_the_liquidator_pays_debt_and_takes_collateral_with_the_penalty(self, scene: Scene) -> None:
        pool = scene.hub.pool_cash()
        stable = scene.stable.balanceOf(scene.liquidator)
        ether = scene.ether.balanceOf(scene.liquidator)

        self.repay(scene, 3_600 * USDC)

        (event,) = scene.events("Liquidated")
        assert (3_600 * WAD, 180 * WAD) == (event.value_wad, event.penalty_wad)
        leg = scene.leg(scene.trader)
        # 3,600 USD are 2 ether, and 5 % more is a tenth; a fifth of that is the insurance fund's.
        assert (12_400 * USDC, 79 * ETHER // 10) == (leg.debt, leg.collateral[ETHER_TOKEN])
        assert pool + 3_600 * USDC == scene.hub.pool_cash()
        assert stable - 3_600 * USDC == scene.stable.balanceOf(scene.liquidator)
        assert ether + 208 * ETHER // 100 == scene.ether.balanceOf(scene.liquidator)
        assert 2 * ETHER // 100 == scene.hub.insurance(ETHER_TOKEN)

    def test_what_is_taken_is_rounded_down(self, scene: Scene) -> None:
        scene.ether_feed.set_answer(1_700 * DOLLAR, sender=scene.owner)

        self.repay(scene, 1_000 * USDC)

        # 1,050 / 1,700 = 0.617647058823529411_76...
        assert 10 * ETHER - 617647058823529411 == scene.leg(scene.trader).collateral[ETHER_TOKEN]

    def test_short_of_collateral_less_is_repaid(self, scene: Scene) -> None:
        scene.set_price(scene.ether_feed, 700)
        stable = scene.stable.balanceOf(scene.liquidator)

        self.repay(scene, 16_000 * USDC, health=WAD // 2)

        leg = scene.leg(scene.trader)
        # 7,000 / 1.05 = 6,666.666666_67: up, for the account.
        assert (16_000 * USDC - 6_666_666_667, 0) == (leg.debt, leg.collateral[ETHER_TOKEN])
        assert stable - 6_666_666_667 == scene.stable.balanceOf(scene.liquidator)

    def test_a_dearer_stable_takes_more(self, scene: Scene) -> None:
        scene.stable_feed.set_answer(DOLLAR * 11 // 10, sender=scene.owner)

        self.repay(scene, 3_600 * USDC)

        assert 10 * ETHER - 231 * ETHER // 100 == scene.leg(scene.trader).collateral[ETHER_TOKEN]

    def test_with_the_stable_itself(self, scene: Scene) -> None:
        scene.deposit(scene.trader, STABLE, 1_000 * USDC)
        before = scene.stable.balanceOf(scene.liquidator)

        self.repay(scene, 500 * USDC, item=STABLE)

        leg = scene.leg(scene.trader)
        assert (15_500 * USDC, 495 * USDC) == (leg.debt, leg.collateral[STABLE])
        # 1 % penalty, a fifth of it insurance.
        assert before + 4 * USDC == scene.stable.balanceOf(scene.liquidator)

    def test_with_a_vaults_share_at_its_rate(self, scene: Scene) -> None:
        scene.vault.donate(250 * ETHER, sender=scene.owner)
        scene.deposit(scene.trader, SHARE_TOKEN, 10 * ETHER)
        price = scene.hub.token_price(SHARE_TOKEN)
        assert 1_890 * WAD == pytest.approx(price, rel=1e-15)

        self.repay(scene, 1_000 * USDC, item=SHARE_TOKEN)

        taken = 10 * ETHER - scene.leg(scene.trader).collateral[SHARE_TOKEN]
        assert 1_070 * WAD * WAD // price == taken

    def test_a_token_that_the_account_does_not_have(self, scene: Scene) -> None:
        with refused(scene.hub, "size"):
            self.repay(scene, 100 * USDC, item=SHARE_TOKEN)

    @pytest.mark.parametrize("token_id", [3, 6, 2**256 - 1])
    def test_an_unlisted_token(self, scene: Scene, token_id: int) -> None:
        attestation = scene.attest(Action.REPAY, scene.trader, ETHER_TOKEN, 1)

        with refused(scene.hub, "token"):
            scene.liquidate(dataclasses.replace(attestation, item=token_id))

    def test_so_little_that_nothing_could_be_taken(self, scene: Scene) -> None:
        scene.deposit(scene.trader, STABLE, 1_000 * USDC)
        scene.stable_feed.set_answer(1, sender=scene.owner)
        scene.set_price(scene.ether_feed, 10**12)

        with refused(scene.hub, "size"):
            self.repay(scene, 1)

    def test_a_liquidator_who_does_not_pay(self, scene: Scene) -> None:
        scene.stable.approve(scene.hub.address, 0, sender=scene.liquidator)

        with pytest.raises(boa.BoaError):
            self.repay(scene, 3_600 * USDC)
        assert 16_000 * USDC == scene.leg(scene.trader).debt
