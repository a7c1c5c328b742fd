"""Repaying on one chain to be made whole on another, and writing off what nothing backs."""

from __future__ import annotations

import dataclasses
from typing import Any

import boa
import pytest
from eth_abi import encode
from eth_utils import keccak

from chains.hub.attestation import Action, Attestation
from tests.contracts.scene import (
    BITCOIN,
    BITCOIN_MARKET,
    DOLLAR,
    ETHER,
    ETHER_TOKEN,
    NO_ATTESTATION,
    STABLE,
    USDC,
    WAD,
    ZERO_HASH,
    Scene,
    refused,
    words,
)

CLAIM = "0x" + "c1" * 32
FAR_CHAIN = 4_242
FAR_TOKEN = "0x52908400098527886E0F7030069857D2E4169EE7"


class TestRepayCross:
    @pytest.fixture(autouse=True)
    def borrower(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, 10 * ETHER)
        scene.borrow(scene.trader, 10_000 * USDC)

    def attest(self, scene: Scene, size: int, **changes: Any) -> Attestation:
        return scene.attest(
            Action.REPAY_CROSS,
            scene.trader,
            STABLE,
            size,
            **{"value": FAR_CHAIN, "target": FAR_TOKEN, "sequence": 5, **changes},
        )

    def test_it_takes_nothing_here_and_opens_a_claim(self, scene: Scene) -> None:
        pool = scene.hub.pool_cash()
        before = scene.stable.balanceOf(scene.liquidator)
        account = scene.account(scene.trader)
        chain_id = boa.env.evm.patch.chain_id
        claim = keccak(
            encode(["uint256", "address", "bytes32", "uint256"], [chain_id, scene.hub.address, account, 5])
        )

        scene.liquidate(self.attest(scene, 4_000 * USDC))

        (event,) = scene.events("ClaimOpened")
        assert (account, claim, FAR_CHAIN, FAR_TOKEN, 4_000 * WAD, scene.liquidator) == (
            event.account,
            event.claim,
            event.target_chain_id,
            event.target_token,
            event.value_wad,
            event.beneficiary,
        )
        leg = scene.leg(scene.trader)
        assert (6_000 * USDC, 10 * ETHER) == (leg.debt, leg.collateral[ETHER_TOKEN])
        assert 4_000 * WAD == scene.hub.claim_value(claim)
        assert pool + 4_000 * USDC == scene.hub.pool_cash()
        assert before - 4_000 * USDC == scene.stable.balanceOf(scene.liquidator)

    def test_a_claim_is_worth_what_the_stable_is(self, scene: Scene) -> None:
        scene.stable_feed.set_answer(DOLLAR * 9 // 10, sender=scene.owner)

        scene.liquidate(self.attest(scene, 1_000 * USDC))

        (event,) = scene.events("ClaimOpened")
        assert 900 * WAD == event.value_wad

    def test_another_item_is_no_way_around_the_cooldown(self, scene: Scene) -> None:
        scene.liquidate(self.attest(scene, 1_000 * USDC))

        with refused(scene.hub, "cooldown"):
            scene.liquidate(dataclasses.replace(self.attest(scene, 1_000 * USDC, sequence=6), item=77))


class TestSeize:
    @pytest.fixture(autouse=True)
    def leg_that_backs_others(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, 10 * ETHER)
        scene.link(scene.trader)

    def attest(self, scene: Scene, value: int, **changes: Any) -> Attestation:
        size = 10 * ETHER
        return dataclasses.replace(
            scene.attest(Action.SEIZE, scene.trader, ETHER_TOKEN, size, value=value, claim=CLAIM),
            **changes,
        )

    def test_it_pays_the_claim_with_the_penalty(self, scene: Scene) -> None:
        before = scene.ether.balanceOf(scene.liquidator)

        scene.liquidate(self.attest(scene, 4_000 * WAD))

        (paid,) = scene.events("ClaimPaid")
        assert (bytes.fromhex(CLAIM[2:]), scene.ether.address, 21 * ETHER // 10) == (
            paid.claim,
            paid.token,
            paid.amount,
        )
        (step,) = scene.events("Liquidated")
        assert (21 * ETHER // 10, 4_000 * WAD, 200 * WAD) == (step.size, step.value_wad, step.penalty_wad)
        assert 79 * ETHER // 10 == scene.leg(scene.trader).collateral[ETHER_TOKEN]
        assert before + 208 * ETHER // 100 == scene.ether.balanceOf(scene.liquidator)
        assert 2 * ETHER // 100 == scene.hub.insurance(ETHER_TOKEN)
        assert scene.hub.claim_paid(bytes.fromhex(CLAIM[2:]))

    def test_a_claim_is_paid_once(self, scene: Scene) -> None:
        scene.liquidate(self.attest(scene, 100 * WAD))

        with refused(scene.hub, "claim paid"):
            scene.liquidate(self.attest(scene, 100 * WAD))

    def test_no_claim_is_no_claim(self, scene: Scene) -> None:
        with refused(scene.hub, "claim"):
            scene.liquidate(self.attest(scene, 100 * WAD, claim=ZERO_HASH))

    def test_two_claims_need_no_cooldown(self, scene: Scene) -> None:
        scene.liquidate(self.attest(scene, 2_000 * WAD))
        scene.liquidate(self.attest(scene, 2_000 * WAD, claim="0x" + "c2" * 32))

        assert 79 * ETHER // 10 == scene.leg(scene.trader).collateral[ETHER_TOKEN]

    def test_health_may_have_recovered(self, scene: Scene) -> None:
        scene.liquidate(self.attest(scene, 100 * WAD, health=2**256 - 1))

        assert scene.hub.claim_paid(bytes.fromhex(CLAIM[2:]))

    def test_a_leg_that_backs_no_other_chain_is_out_of_reach(self, scene: Scene) -> None:
        scene.deposit(scene.other_trader, ETHER_TOKEN, ETHER)
        attestation = scene.attest(
            Action.SEIZE, scene.other_trader, ETHER_TOKEN, ETHER, value=100 * WAD, claim=CLAIM
        )

        with refused(scene.hub, "margin"):
            scene.liquidate(attestation)

    def test_no_more_than_the_attested_size(self, scene: Scene) -> None:
        scene.liquidate(self.attest(scene, 4_000 * WAD, max_size=ETHER))

        assert 9 * ETHER == scene.leg(scene.trader).collateral[ETHER_TOKEN]

    def test_short_of_collateral_the_liquidator_is_made_whole_first(self, scene: Scene) -> None:
        before = scene.ether.balanceOf(scene.liquidator)

        # 9.9 ether are owed without the penalty; of the tenth left over a fifth is insurance.
        scene.liquidate(self.attest(scene, 19_800 * WAD, max_size=100 * ETHER))

        assert before + 998 * ETHER // 100 == scene.ether.balanceOf(scene.liquidator)
        assert 2 * ETHER // 100 == scene.hub.insurance(ETHER_TOKEN)

    def test_with_too_little_there_is_no_insurance_share(self, scene: Scene) -> None:
        scene.liquidate(self.attest(scene, 40_000 * WAD, max_size=100 * ETHER))

        (step,) = scene.events("Liquidated")
        assert 19_047 == step.value_wad // WAD
        assert 0 == scene.hub.insurance(ETHER_TOKEN)
        assert 0 == scene.leg(scene.trader).collateral[ETHER_TOKEN]

    @pytest.mark.parametrize("value", [0, 1])
    def test_nothing_to_take_keeps_the_claim(self, scene: Scene, value: int) -> None:
        scene.set_price(scene.ether_feed, 10**10)

        with refused(scene.hub, "size"):
            scene.liquidate(self.attest(scene, value))
        assert not scene.hub.claim_paid(bytes.fromhex(CLAIM[2:]))

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"price": 2_031 * WAD}, "price"),
            ({"item": 3}, "token"),
            ({"version": 3}, "version"),
            ({"sequence": 0}, "sequence"),
            ({"deadline": 0}, "expired"),
            ({"observed_at": 0}, "observed"),
            ({"epoch": 0}, "epoch"),
            ({"policy_hash": ZERO_HASH}, "policy"),
            ({"beneficiary": FAR_TOKEN}, "beneficiary"),
            ({"max_size": 0}, "size"),
        ],
    )
    def test_the_common_guards(self, scene: Scene, changes: dict[str, Any], reason: str) -> None:
        with refused(scene.hub, reason):
            scene.liquidate(self.attest(scene, 100 * WAD, **changes))

    def test_paused(self, scene: Scene) -> None:
        scene.hub.set_paused(True, sender=scene.owner)

        with refused(scene.hub, "paused"):
            scene.liquidate(self.attest(scene, 100 * WAD))

    def test_without_signatures(self, scene: Scene) -> None:
        with refused(scene.hub, "signatures"):
            scene.liquidate(self.attest(scene, 100 * WAD), signatures=[])


class TestWriteOff:
    @pytest.fixture(autouse=True)
    def ruined(self, scene: Scene) -> None:
        """The trader lost 12,000 on a stake of 10,000."""
        scene.deposit(scene.trader, STABLE, 10_000 * USDC)
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.set_price(scene.bitcoin_feed, 38_000)
        scene.trade(scene.trader, BITCOIN_MARKET, -BITCOIN)

    def attest(self, scene: Scene, size: int, **changes: Any) -> Attestation:
        return scene.attest(Action.WRITE_OFF, scene.trader, STABLE, size, **{"health": 0, **changes})

    def test_without_insurance_it_is_the_pools_loss(self, scene: Scene) -> None:
        pool = scene.hub.pool_cash()

        scene.liquidate(self.attest(scene, 2_000 * USDC))

        (event,) = scene.events("BadDebtRecorded")
        assert (2_000 * USDC, 0) == (event.amount, event.covered)
        assert 0 == scene.leg(scene.trader).debt
        assert (pool, 2_000 * USDC) == (scene.hub.pool_cash(), scene.hub.bad_debt_total())

    def test_insurance_covers_first(self, scene: Scene) -> None:
        scene.hub.fund_insurance(500 * USDC, sender=scene.stranger)
        pool = scene.hub.pool_cash()

        scene.liquidate(self.attest(scene, 2_000 * USDC))

        (event,) = scene.events("BadDebtRecorded")
        assert (2_000 * USDC, 500 * USDC) == (event.amount, event.covered)
        assert (pool + 500 * USDC, 1_500 * USDC) == (scene.hub.pool_cash(), scene.hub.bad_debt_total())
        assert 0 == scene.hub.insurance(STABLE)

    def test_no_more_than_attested_and_no_more_than_owed(self, scene: Scene) -> None:
        scene.liquidate(self.attest(scene, 500 * USDC))
        assert 1_500 * USDC == scene.leg(scene.trader).debt

        scene.liquidate(self.attest(scene, 5_000 * USDC))
        assert 2_000 * USDC == scene.hub.bad_debt_total()

        with refused(scene.hub, "size"):
            scene.liquidate(self.attest(scene, 1))

    def test_not_while_collateral_is_left(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, ETHER)

        with refused(scene.hub, "margin"):
            scene.liquidate(self.attest(scene, 2_000 * USDC))

    def test_not_while_a_position_is_left(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, 10 * ETHER)
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN // 100)
        scene.hub.set_cross_margin(0, True, NO_ATTESTATION, [], sender=scene.trader)
        out = scene.attest(Action.WITHDRAW, scene.trader, ETHER_TOKEN, 10 * ETHER)
        scene.hub.withdraw(0, ETHER_TOKEN, 10 * ETHER, words(out), scene.sign(out), sender=scene.trader)

        with refused(scene.hub, "margin"):
            scene.liquidate(self.attest(scene, 2_000 * USDC))

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [({"health": WAD}, "healthy"), ({"price": WAD * 2}, "price"), ({"version": 1}, "version")],
    )
    def test_the_common_guards(self, scene: Scene, changes: dict[str, Any], reason: str) -> None:
        with refused(scene.hub, reason):
            scene.liquidate(self.attest(scene, 2_000 * USDC, **changes))
