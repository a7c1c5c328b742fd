"""Adding risk on cross margin: only what a quorum says is good for the unified account."""

from __future__ import annotations

import dataclasses
from typing import Any

import boa
import pytest

from chains.hub.attestation import Action, Attestation
from tests.contracts.scene import (
    BITCOIN,
    BITCOIN_MARKET,
    ETHER,
    ETHER_TOKEN,
    NO_ATTESTATION,
    STABLE,
    USDC,
    WAD,
    Scene,
    refused,
    words,
)


@pytest.fixture
def linked(scene: Scene) -> Scene:
    """The trader has an ether here, and what is on other chains is the quorum's to know."""
    scene.deposit(scene.trader, ETHER_TOKEN, ETHER)
    scene.link(scene.trader)
    return scene


def borrow(scene: Scene, amount: int, attestation: Attestation) -> None:
    scene.hub.borrow(0, amount, words(attestation), scene.sign(attestation), sender=scene.trader)


def test_one_borrows_what_other_chains_back(linked: Scene) -> None:
    borrow(linked, 50_000 * USDC, linked.attest(Action.BORROW, linked.trader, STABLE, 50_000 * USDC))

    assert 50_000 * USDC == linked.leg(linked.trader).debt


def test_one_withdraws_what_other_chains_make_free(linked: Scene) -> None:
    borrow(linked, 1_000 * USDC, linked.attest(Action.BORROW, linked.trader, STABLE, 1_000 * USDC))
    attestation = linked.attest(Action.WITHDRAW, linked.trader, ETHER_TOKEN, ETHER)

    linked.hub.withdraw(
        0, ETHER_TOKEN, ETHER, words(attestation), linked.sign(attestation), sender=linked.trader
    )

    assert 0 == linked.leg(linked.trader).collateral[ETHER_TOKEN]


@pytest.mark.parametrize("delta", [2 * BITCOIN, -2 * BITCOIN])
def test_one_trades_what_other_chains_back(linked: Scene, delta: int) -> None:
    attestation = linked.attest(Action.TRADE, linked.trader, BITCOIN_MARKET, 2 * BITCOIN)

    linked.hub.change_position(
        0,
        BITCOIN_MARKET,
        delta,
        2**256 - 1 if delta > 0 else 0,
        words(attestation),
        linked.sign(attestation),
        sender=linked.trader,
    )

    assert delta == linked.leg(linked.trader).positions[BITCOIN_MARKET][0]


def test_reducing_needs_no_attestation(linked: Scene) -> None:
    attestation = linked.attest(Action.TRADE, linked.trader, BITCOIN_MARKET, 2 * BITCOIN)
    linked.hub.change_position(
        0,
        BITCOIN_MARKET,
        2 * BITCOIN,
        2**256 - 1,
        words(attestation),
        linked.sign(attestation),
        sender=linked.trader,
    )

    linked.trade(linked.trader, BITCOIN_MARKET, -BITCOIN)

    assert BITCOIN == linked.leg(linked.trader).positions[BITCOIN_MARKET][0]


class TestEveryWayToAddRisk:
    """The same guards stand before each of the four."""

    @pytest.fixture(params=[Action.WITHDRAW, Action.BORROW, Action.TRADE, Action.UNLINK])
    def action(self, request: pytest.FixtureRequest) -> Action:
        return Action(request.param)

    @staticmethod
    def item_of(action: Action) -> int:
        return ETHER_TOKEN if action is Action.WITHDRAW else 0

    def attest(self, scene: Scene, action: Action, **changes: Any) -> Attestation:
        return scene.attest(action, scene.trader, self.item_of(action), ETHER // 2, **changes)

    def take(
        self, scene: Scene, action: Action, attestation: Attestation, signatures: list[bytes] | None = None
    ) -> None:
        signed = scene.sign(attestation) if signatures is None else signatures
        proof = (words(attestation), signed)
        match action:
            case Action.WITHDRAW:
                scene.hub.withdraw(0, ETHER_TOKEN, ETHER // 2, *proof, sender=scene.trader)
            case Action.BORROW:
                scene.hub.borrow(0, 100 * USDC, *proof, sender=scene.trader)
            case Action.TRADE:
                scene.hub.change_position(
                    0, BITCOIN_MARKET, ETHER // 2, 2**256 - 1, *proof, sender=scene.trader
                )
            case _:
                scene.hub.set_cross_margin(0, False, *proof, sender=scene.trader)

    def test_with_a_good_one_it_goes_through(self, linked: Scene, action: Action) -> None:
        self.take(linked, action, self.attest(linked, action))

        assert 3 == linked.leg(linked.trader).version

    def test_a_health_of_exactly_one_will_do(self, linked: Scene, action: Action) -> None:
        self.take(linked, action, self.attest(linked, action, health=WAD))

        assert 3 == linked.leg(linked.trader).version

    def test_the_last_sequence_stays(self, linked: Scene, action: Action) -> None:
        # What an owner asks for must not make the liquidators' next one old.
        self.take(linked, action, self.attest(linked, action, sequence=linked.now * 10**9))

        assert 0 == linked.leg(linked.trader).last_sequence

    def test_without_signatures(self, linked: Scene, action: Action) -> None:
        with refused(linked.hub, "signatures"):
            self.take(linked, action, self.attest(linked, action), signatures=[])

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"action": 1}, "action"),
            ({"account": "0x" + "11" * 32}, "action"),
            ({"item": 3}, "action"),
            ({"version": 1}, "version"),
            ({"version": 3}, "version"),
            ({"sequence": 0}, "sequence"),
            ({"epoch": 2}, "epoch"),
            ({"policy_hash": "0x" + "00" * 32}, "policy"),
            ({"deadline": 0}, "expired"),
            ({"observed_at": 0}, "observed"),
            ({"health": WAD - 1}, "margin"),
        ],
    )
    def test_one_that_does_not_fit(
        self, linked: Scene, action: Action, changes: dict[str, Any], reason: str
    ) -> None:
        attestation = dataclasses.replace(self.attest(linked, action), **changes)

        with refused(linked.hub, reason):
            self.take(linked, action, attestation)

    def test_used_twice(self, linked: Scene, action: Action) -> None:
        attestation = self.attest(linked, action)
        self.take(linked, action, attestation)
        if not linked.leg(linked.trader).cross_margin:
            linked.link(linked.trader)

        with refused(linked.hub, "version"):
            self.take(linked, action, attestation)

    def test_paused(self, linked: Scene, action: Action) -> None:
        linked.hub.set_paused(True, sender=linked.owner)

        with refused(linked.hub, "paused"):
            self.take(linked, action, self.attest(linked, action))

    def test_of_another_owner(self, linked: Scene, action: Action) -> None:
        linked.deposit(linked.other_trader, ETHER_TOKEN, ETHER)
        linked.link(linked.other_trader)
        attestation = linked.attest(action, linked.other_trader, self.item_of(action), ETHER // 2)

        with refused(linked.hub, "action"):
            self.take(linked, action, attestation)

    @pytest.mark.parametrize("action", [Action.WITHDRAW, Action.BORROW, Action.TRADE])
    @pytest.mark.parametrize("off_bps", [151, -151])
    def test_a_price_off_the_local_feed(self, linked: Scene, action: Action, off_bps: int) -> None:
        attestation = self.attest(linked, action)
        price = attestation.price * (10_000 + off_bps) // 10_000

        with refused(linked.hub, "price"):
            self.take(linked, action, dataclasses.replace(attestation, price=price))

    @pytest.mark.parametrize("action", [Action.WITHDRAW, Action.BORROW, Action.TRADE])
    def test_more_than_attested(self, linked: Scene, action: Action) -> None:
        attestation = self.attest(linked, action)
        limit = 100 * USDC if action is Action.BORROW else ETHER // 2

        with refused(linked.hub, "size"):
            self.take(linked, action, dataclasses.replace(attestation, max_size=limit - 1))


class TestLink:
    def test_linking_is_free(self, scene: Scene) -> None:
        scene.link(scene.trader)

        (event,) = scene.events("CrossMarginSet")
        assert (True, 1) == (event.enabled, event.version)
        assert scene.leg(scene.trader).cross_margin

    @pytest.mark.parametrize("enabled", [True, False])
    def test_a_change_to_the_same_would_raise_the_version_for_free(self, scene: Scene, enabled: bool) -> None:
        if enabled:
            scene.link(scene.trader)

        with refused(scene.hub, "action"):
            scene.hub.set_cross_margin(0, enabled, NO_ATTESTATION, [], sender=scene.trader)

    def test_unlinking_leaves_a_leg_that_stands_alone(self, linked: Scene) -> None:
        borrow(linked, 1_601 * USDC, linked.attest(Action.BORROW, linked.trader, STABLE, 2_000 * USDC))
        attestation = linked.attest(Action.UNLINK, linked.trader, 0, 0)

        with refused(linked.hub, "margin"):
            linked.hub.set_cross_margin(
                0, False, words(attestation), linked.sign(attestation), sender=linked.trader
            )

    def test_a_stale_feed_stops_risk_but_not_repayment(self, linked: Scene) -> None:
        borrow(linked, 1_000 * USDC, linked.attest(Action.BORROW, linked.trader, STABLE, 1_000 * USDC))
        attestation = linked.attest(Action.BORROW, linked.trader, STABLE, 1_000 * USDC)
        boa.env.evm.patch.timestamp += 3_901
        late = dataclasses.replace(attestation, observed_at=linked.now, deadline=linked.now)

        with refused(linked.hub, "feed"):
            borrow(linked, 100 * USDC, late)
        linked.hub.repay(linked.account(linked.trader), 500 * USDC, sender=linked.trader)
