"""Which statements the hub takes for good, and which it refuses, each for its own reason."""

from __future__ import annotations

import dataclasses
from typing import Any

import boa
import pytest
from eth_account.messages import encode_typed_data
from eth_utils import keccak

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
    deploy,
    refused,
    typed_data,
    words,
)

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def underwater(scene: Scene) -> Scene:
    """The trader holds one bitcoin long; whether that is unhealthy is the quorum's to say."""
    scene.deposit(scene.trader, STABLE, 10_000 * USDC)
    scene.trade(scene.trader, BITCOIN_MARKET, 1 * BITCOIN)
    return scene


def close(scene: Scene, **changes: Any) -> Attestation:
    return scene.attest(Action.CLOSE, scene.trader, BITCOIN_MARKET, BITCOIN // 2, **changes)


def test_a_good_attestation_goes_through(underwater: Scene) -> None:
    underwater.liquidate(close(underwater))

    assert BITCOIN // 2 == underwater.leg(underwater.trader).positions[BITCOIN_MARKET][0]


class TestDigest:
    def test_it_is_what_eth_account_signs(self, scene: Scene) -> None:
        attestation = Attestation(
            action=3,
            account="0x" + "11" * 32,
            version=2,
            sequence=2**64,
            epoch=5,
            item=1,
            max_size=10**24,
            price=2_000 * WAD,
            health=2**256 - 1,
            value=137,
            claim="0x" + "22" * 32,
            target="0x52908400098527886E0F7030069857D2E4169EE7",
            beneficiary="0x8617E340B3D01FA5F11F306F4090FD50E238070D",
            blocks_root="0x" + "33" * 32,
            policy_hash="0x" + "44" * 32,
            price_set="0x" + "55" * 32,
            observed_at=1_700_000_000,
            deadline=1_700_000_060,
        )
        document = typed_data(attestation, boa.env.evm.patch.chain_id, scene.hub.address)
        message = encode_typed_data(full_message=document)

        expected = keccak(b"\x19" + message.version + message.header + message.body)

        assert expected == scene.hub.attestation_digest(words(attestation))

    @pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Attestation)])
    def test_every_field_is_signed(self, underwater: Scene, field: str) -> None:
        attestation = close(underwater)
        value = getattr(attestation, field)
        other = value + 1 if isinstance(value, int) else value[:-1] + ("1" if value[-1] != "1" else "2")
        change: dict[str, Any] = {field: other}
        changed = dataclasses.replace(attestation, **change)

        before = underwater.hub.attestation_digest(words(attestation))

        assert before != underwater.hub.attestation_digest(words(changed))


class TestReplay:
    @pytest.fixture(autouse=True)
    def one_signer(self, underwater: Scene) -> None:
        # With one signature any recovered address is in order, so only being a signer is in question.
        underwater.hub.set_signers([underwater.signers[0].address], 1, sender=underwater.owner)

    def test_not_on_another_chain(self, underwater: Scene) -> None:
        attestation = close(underwater)
        signatures = underwater.sign(attestation, underwater.signers[:1])

        boa.env.evm.patch.chain_id = boa.env.evm.patch.chain_id + 1

        with refused(underwater.hub, "signatures"):
            underwater.liquidate(attestation, signatures)

    def test_not_on_another_contract(self, underwater: Scene) -> None:
        attestation = close(underwater)
        signatures = underwater.sign(
            attestation, underwater.signers[:1], contract=underwater.stable_feed.address
        )

        with refused(underwater.hub, "signatures"):
            underwater.liquidate(attestation, signatures)

    def test_not_with_a_field_changed(self, underwater: Scene) -> None:
        attestation = close(underwater)
        signatures = underwater.sign(attestation, underwater.signers[:1])

        with refused(underwater.hub, "signatures"):
            underwater.liquidate(dataclasses.replace(attestation, max_size=1), signatures)

    def test_not_twice(self, underwater: Scene) -> None:
        attestation = close(underwater)
        signatures = underwater.sign(attestation, underwater.signers[:1])
        underwater.liquidate(attestation, signatures)
        underwater.wait(31)

        with refused(underwater.hub, "sequence"):
            underwater.liquidate(attestation, signatures)


class TestContext:
    def test_expired(self, underwater: Scene) -> None:
        with refused(underwater.hub, "expired"):
            underwater.liquidate(close(underwater, deadline=underwater.now - 1))

    def test_good_up_to_its_deadline(self, underwater: Scene) -> None:
        underwater.liquidate(close(underwater, deadline=underwater.now))

    def test_observed_too_long_ago(self, underwater: Scene) -> None:
        with refused(underwater.hub, "observed"):
            underwater.liquidate(close(underwater, observed_at=underwater.now - 61))

    def test_observed_as_long_ago_as_allowed(self, underwater: Scene) -> None:
        underwater.liquidate(close(underwater, observed_at=underwater.now - 60))

    def test_observed_in_the_future(self, underwater: Scene) -> None:
        with refused(underwater.hub, "observed"):
            underwater.liquidate(close(underwater, observed_at=underwater.now + 31))

    def test_a_clock_a_little_ahead_is_allowed(self, underwater: Scene) -> None:
        underwater.liquidate(close(underwater, observed_at=underwater.now + 30))

    def test_a_huge_time_is_refused_not_overflowed(self, underwater: Scene) -> None:
        with refused(underwater.hub, "observed"):
            underwater.liquidate(close(underwater, observed_at=2**256 - 1))

    def test_old_epoch(self, underwater: Scene) -> None:
        attestation = close(underwater)
        addresses = [signer.address for signer in underwater.signers]
        underwater.hub.set_signers(addresses, 2, sender=underwater.owner)

        with refused(underwater.hub, "epoch"):
            underwater.liquidate(attestation)

    def test_wrong_policy(self, underwater: Scene) -> None:
        with refused(underwater.hub, "policy"):
            underwater.liquidate(close(underwater, policy_hash="0x" + "00" * 32))

    def test_a_top_up_voids_the_attestation(self, underwater: Scene) -> None:
        attestation = close(underwater)
        underwater.deposit(underwater.trader, ETHER_TOKEN, ETHER)

        with refused(underwater.hub, "version"):
            underwater.liquidate(attestation)

    def test_a_strangers_repayment_does_not_void_it(self, underwater: Scene) -> None:
        underwater.borrow(underwater.trader, 100 * USDC)
        attestation = close(underwater)
        underwater.hub.repay(underwater.account(underwater.trader), 50 * USDC, sender=underwater.stranger)

        underwater.liquidate(attestation)

        assert BITCOIN // 2 == underwater.leg(underwater.trader).positions[BITCOIN_MARKET][0]

    def test_a_liquidation_step_does_not_void_the_next(self, underwater: Scene) -> None:
        underwater.deposit(underwater.trader, ETHER_TOKEN, ETHER)
        underwater.borrow(underwater.trader, 1_000 * USDC)
        first = close(underwater)
        second = underwater.attest(Action.REPAY, underwater.trader, ETHER_TOKEN, 100 * USDC, sequence=2)

        underwater.liquidate(first)
        underwater.liquidate(second)

        assert 2 == underwater.leg(underwater.trader).last_sequence

    @pytest.mark.parametrize("sequence", [6, 7])
    def test_old_sequence(self, underwater: Scene, sequence: int) -> None:
        underwater.liquidate(close(underwater, sequence=7))
        underwater.wait(31)

        with refused(underwater.hub, "sequence"):
            underwater.liquidate(close(underwater, sequence=sequence))

    def test_a_sequence_beyond_the_time_in_nanoseconds(self, underwater: Scene) -> None:
        # One huge sequence would put the account out of liquidation's reach for ever.
        with refused(underwater.hub, "sequence"):
            underwater.liquidate(close(underwater, sequence=underwater.now * 10**9 + 1))

    def test_after_the_highest_sequence_there_is_a_next(self, underwater: Scene) -> None:
        underwater.liquidate(close(underwater, sequence=underwater.now * 10**9))
        underwater.wait(31)

        attestation = close(underwater)
        underwater.liquidate(dataclasses.replace(attestation, max_size=attestation.max_size // 2))

        assert BITCOIN // 4 == underwater.leg(underwater.trader).positions[BITCOIN_MARKET][0]

    def test_only_the_beneficiary(self, underwater: Scene) -> None:
        with refused(underwater.hub, "beneficiary"):
            underwater.liquidate(close(underwater, beneficiary=underwater.stranger))

    def test_paused(self, underwater: Scene) -> None:
        underwater.hub.set_paused(True, sender=underwater.owner)

        with refused(underwater.hub, "paused"):
            underwater.liquidate(close(underwater))

    @pytest.mark.parametrize("health", [WAD, WAD + 1, 2**256 - 1])
    def test_healthy(self, underwater: Scene, health: int) -> None:
        with refused(underwater.hub, "healthy"):
            underwater.liquidate(close(underwater, health=health))


class TestSignatures:
    def test_wrong_order(self, underwater: Scene) -> None:
        attestation = close(underwater)
        signatures = underwater.sign(attestation)[::-1]

        with refused(underwater.hub, "signer order"):
            underwater.liquidate(attestation, signatures)

    def test_one_signer_twice(self, underwater: Scene) -> None:
        attestation = close(underwater)
        signatures = underwater.sign(attestation, [underwater.signers[0]] * 2)

        with refused(underwater.hub, "signer order"):
            underwater.liquidate(attestation, signatures)

    def test_an_outsider(self, underwater: Scene) -> None:
        attestation = close(underwater)
        pair = sorted([underwater.signers[0], underwater.outsider], key=lambda key: key.address.lower())

        with refused(underwater.hub, "signatures"):
            underwater.liquidate(attestation, underwater.sign(attestation, pair))

    def test_any_two_of_the_three(self, underwater: Scene) -> None:
        attestation = close(underwater)

        underwater.liquidate(attestation, underwater.sign(attestation, underwater.signers[1:]))

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_exactly_as_many_as_the_threshold(self, underwater: Scene, count: int) -> None:
        attestation = close(underwater)

        with refused(underwater.hub, "signatures"):
            underwater.liquidate(attestation, underwater.sign(attestation, underwater.signers[:count]))

    def test_high_s(self, underwater: Scene) -> None:
        attestation = close(underwater)
        first, second = underwater.sign(attestation)
        twin_s = CURVE_ORDER - int.from_bytes(first[32:64], "big")
        twin = first[:32] + twin_s.to_bytes(32, "big") + bytes([27 + 28 - first[64]])

        with refused(underwater.hub, "high s"):
            underwater.liquidate(attestation, [twin, second])

    @pytest.mark.parametrize("shift", [-27, 2, 8])
    def test_v_is_27_or_28(self, underwater: Scene, shift: int) -> None:
        attestation = close(underwater)
        first, second = underwater.sign(attestation)

        with refused(underwater.hub, "v"):
            underwater.liquidate(attestation, [first[:64] + bytes([first[64] + shift]), second])

    def test_a_short_signature(self, underwater: Scene) -> None:
        attestation = close(underwater)
        first, second = underwater.sign(attestation)

        with refused(underwater.hub, "signatures"):
            underwater.liquidate(attestation, [first[:64], second])

    @pytest.mark.parametrize("r", [0, CURVE_ORDER])
    def test_what_recovers_to_nobody(self, underwater: Scene, r: int) -> None:
        attestation = close(underwater)
        first, second = underwater.sign(attestation)

        with refused(underwater.hub, "signer order"):
            underwater.liquidate(attestation, [r.to_bytes(32, "big") + first[32:], second])

    def test_no_signers_yet_means_nothing_is_signed(self, underwater: Scene) -> None:
        with boa.env.prank(underwater.owner):
            young = deploy("MarginHub", underwater.stable.address, underwater.stable_feed.address, 6)
        young.set_cross_margin(0, True, NO_ATTESTATION, [], sender=underwater.trader)
        attestation = dataclasses.replace(
            underwater.attest(Action.UNLINK, underwater.trader, 0, 0),
            version=1,
            epoch=0,
            policy_hash="0x" + "00" * 32,
        )

        with refused(young, "signatures"):
            young.set_cross_margin(0, False, words(attestation), [], sender=underwater.trader)
