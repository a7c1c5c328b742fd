"""The contracts of the local chains: a feed, a token, a vault and batched reads."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.contracts.scene import DOLLAR, ETHER, NO_ATTESTATION, WAD, Scene, deploy, refused


class TestPriceFeed:
    @pytest.fixture
    def feed(self, scene: Scene) -> Any:
        with boa.env.prank(scene.owner):
            return deploy("PriceFeed", 8, "ETH / USD")

    def test_it_answers_like_chainlinks(self, scene: Scene, feed: Any) -> None:
        feed.set_answer(2_000 * DOLLAR, sender=scene.owner)
        feed.set_answer(2_001 * DOLLAR, sender=scene.owner)

        assert (2, 2_001 * DOLLAR, scene.now, scene.now, 2) == feed.latestRoundData()
        assert (1, 2_000 * DOLLAR, scene.now, scene.now, 1) == feed.getRoundData(1)
        assert (8, "ETH / USD", 4) == (feed.decimals(), feed.description(), feed.version())

    def test_an_answer_is_logged_like_chainlinks(self, scene: Scene, feed: Any) -> None:
        feed.set_answer(2_000 * DOLLAR, sender=scene.owner)

        (event,) = feed.get_logs()
        assert (2_000 * DOLLAR, 1, scene.now) == (event.current, event.roundId, event.updatedAt)

    def test_there_is_no_round_before_the_first(self, feed: Any) -> None:
        with refused(feed, "No data present"):
            feed.latestRoundData()
        with refused(feed, "No data present"):
            feed.getRoundData(0)

    def test_the_owner_and_the_updater_set_answers(self, scene: Scene, feed: Any) -> None:
        with refused(feed, "owner"):
            feed.set_answer(1, sender=scene.stranger)
        with refused(feed, "owner"):
            feed.set_updater(scene.stranger, sender=scene.stranger)

        feed.set_updater(scene.stranger, sender=scene.owner)
        feed.set_answer(1, sender=scene.stranger)

        assert 1 == feed.latestRoundData()[1]


class TestToken:
    def test_only_its_owner_mints(self, scene: Scene) -> None:
        with refused(scene.stable, "owner"):
            scene.stable.mint(scene.stranger, 1, sender=scene.stranger)

    def test_a_transfer_needs_balance_and_allowance(self, scene: Scene) -> None:
        balance = scene.stable.balanceOf(scene.trader)
        with refused(scene.stable, "balance"):
            scene.stable.transfer(scene.stranger, balance + 1, sender=scene.trader)
        scene.stable.approve(scene.stranger, 5, sender=scene.trader)
        with refused(scene.stable, "allowance"):
            scene.stable.transferFrom(scene.trader, scene.stranger, 6, sender=scene.stranger)

        scene.stable.transferFrom(scene.trader, scene.stranger, 4, sender=scene.stranger)

        assert 1 == scene.stable.allowance(scene.trader, scene.stranger)
        assert balance - 4 == scene.stable.balanceOf(scene.trader)

    def test_an_endless_allowance_is_not_used_up(self, scene: Scene) -> None:
        scene.stable.approve(scene.stranger, 2**256 - 1, sender=scene.trader)

        scene.stable.transferFrom(scene.trader, scene.stranger, 4, sender=scene.stranger)

        assert 2**256 - 1 == scene.stable.allowance(scene.trader, scene.stranger)


class TestShareVault:
    def test_a_donation_raises_every_share(self, scene: Scene) -> None:
        shares = scene.vault.balanceOf(scene.trader)
        scene.vault.donate(500 * ETHER, sender=scene.owner)

        before = scene.ether.balanceOf(scene.trader)
        scene.vault.redeem(shares, sender=scene.trader)

        gained = scene.ether.balanceOf(scene.trader) - before
        assert 0 <= 1_100 * ETHER - gained <= 1

    def test_going_in_and_out_earns_nothing(self, scene: Scene) -> None:
        scene.vault.donate(1_234_567, sender=scene.owner)
        for function, back in (("deposit", "redeem"), ("mint", "withdraw")):
            before = (scene.ether.balanceOf(scene.trader), scene.vault.balanceOf(scene.trader))
            other = getattr(scene.vault, function)(1_000_003, sender=scene.trader)
            getattr(scene.vault, back)(other if function == "deposit" else other - 1, sender=scene.trader)

            after = (scene.ether.balanceOf(scene.trader), scene.vault.balanceOf(scene.trader))
            assert sum(after) <= sum(before)

    def test_the_first_depositor_can_not_be_robbed(self, scene: Scene) -> None:
        vault = deploy("ShareVault", scene.ether.address, "Young", "yETH")
        for person in (scene.stranger, scene.trader):
            scene.ether.approve(vault.address, 2**256 - 1, sender=person)
        vault.deposit(1, sender=scene.stranger)
        vault.donate(100 * ETHER, sender=scene.stranger)

        vault.deposit(100 * ETHER, sender=scene.trader)

        stolen = vault.maxWithdraw(scene.stranger) - 100 * ETHER
        assert stolen < 0

    def test_shares_of_another_need_an_allowance(self, scene: Scene) -> None:
        with refused(scene.vault, "allowance"):
            scene.vault.redeem(1, scene.stranger, scene.trader, sender=scene.stranger)
        scene.vault.approve(scene.stranger, 5, sender=scene.trader)

        scene.vault.redeem(5, scene.stranger, scene.trader, sender=scene.stranger)

        assert 0 == scene.vault.allowance(scene.trader, scene.stranger)

    def test_no_more_than_one_has(self, scene: Scene) -> None:
        with refused(scene.vault, "balance"):
            scene.vault.redeem(scene.vault.balanceOf(scene.trader) + 1, sender=scene.trader)


class TestMulticall:
    def test_each_answer_in_order(self, scene: Scene) -> None:
        multicall = deploy("Multicall")
        calls = [
            (scene.stable.address, False, scene.stable.decimals.prepare_calldata()),
            (scene.hub.address, True, scene.hub.token_price.prepare_calldata(9)),
            (scene.hub.address, False, scene.hub.token_price.prepare_calldata(0)),
        ]

        results = multicall.aggregate3(calls)

        assert [True, False, True] == [result.success for result in results]
        assert (6, WAD) == (
            int.from_bytes(results[0].returnData, "big"),
            int.from_bytes(results[2].returnData, "big"),
        )

    def test_a_failure_that_is_not_allowed(self, scene: Scene) -> None:
        multicall = deploy("Multicall")

        with refused(multicall, "Multicall3: call failed"):
            multicall.aggregate3([(scene.hub.address, False, scene.hub.token_price.prepare_calldata(9))])

    def test_a_cut_answer_is_no_answer(self, scene: Scene) -> None:
        multicall = deploy("Multicall")
        long = scene.hub.legs.prepare_calldata([scene.account(scene.trader, n) for n in range(2)])

        with refused(multicall, "answer too long"):
            multicall.aggregate3([(scene.hub.address, False, long)])

    def test_its_interface_is_multicall3s(self) -> None:
        multicall = deploy("Multicall")

        assert bytes.fromhex("82ad56cb") == multicall.aggregate3.method_id


def test_a_call_that_nobody_made(scene: Scene) -> None:
    with refused(scene.hub, "action"):
        scene.hub.liquidate(NO_ATTESTATION, [], sender=scene.stranger)
