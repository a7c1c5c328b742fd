"""What an owner can do with an account: deposit, withdraw, borrow, repay, link and unlink."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.scene import (
    DOLLAR,
    ETHER,
    ETHER_TOKEN,
    NO_ATTESTATION,
    SHARE_TOKEN,
    STABLE,
    USDC,
    Scene,
    refused,
)

ETHER_CREDIT = 1_600 * USDC
"""What one ether lets one borrow: 2,000 USD at a weight of 80 %."""


class TestDeposit:
    def test_it_is_booked_and_taken(self, scene: Scene) -> None:
        before = scene.ether.balanceOf(scene.trader)

        scene.deposit(scene.trader, ETHER_TOKEN, 3 * ETHER)

        assert 3 * ETHER == scene.leg(scene.trader).collateral[ETHER_TOKEN]
        assert before - 3 * ETHER == scene.ether.balanceOf(scene.trader)

    def test_the_first_use_opens_the_account(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, ETHER, subaccount=7)

        (opened,) = scene.events("AccountOpened")
        assert (scene.account(scene.trader, 7), scene.trader, 7) == (
            opened.account,
            opened.owner,
            opened.subaccount,
        )
        scene.deposit(scene.trader, ETHER_TOKEN, ETHER, subaccount=7)
        assert [] == scene.events("AccountOpened")

    def test_each_raises_the_version(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, ETHER)
        scene.deposit(scene.trader, STABLE, 10 * USDC)

        assert [2] == [event.version for event in scene.events("CollateralSet")]
        assert 2 == scene.leg(scene.trader).version

    def test_dust_is_refused(self, scene: Scene) -> None:
        with refused(scene.hub, "dust"):
            scene.deposit(scene.trader, STABLE, 10 * USDC - 1)

    def test_nothing_is_refused_even_without_a_minimum(self, scene: Scene) -> None:
        scene.set_limits(min_deposit_value=0)

        with refused(scene.hub, "size"):
            scene.deposit(scene.trader, STABLE, 0)

    @pytest.mark.parametrize("token_id", [3, 6, 2**256 - 1])
    def test_an_unlisted_token_is_refused(self, scene: Scene, token_id: int) -> None:
        with refused(scene.hub, "token"):
            scene.deposit(scene.trader, token_id, ETHER)

    def test_a_top_up_needs_no_fresh_price(self, scene: Scene) -> None:
        boa.env.evm.patch.timestamp += 1_000_000

        scene.deposit(scene.trader, ETHER_TOKEN, ETHER)

    def test_a_top_up_is_never_paused(self, scene: Scene) -> None:
        scene.hub.set_paused(True, sender=scene.owner)

        scene.deposit(scene.trader, ETHER_TOKEN, ETHER)

    def test_it_can_not_be_made_for_another(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, ETHER)
        scene.deposit(scene.stranger, ETHER_TOKEN, 2 * ETHER)

        assert (1, ETHER) == (
            scene.leg(scene.trader).version,
            scene.leg(scene.trader).collateral[ETHER_TOKEN],
        )


class TestLocalMargin:
    @pytest.fixture(autouse=True)
    def one_ether(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, ETHER)

    def test_one_borrows_up_to_the_initial_weight(self, scene: Scene) -> None:
        before = scene.stable.balanceOf(scene.trader)

        scene.borrow(scene.trader, ETHER_CREDIT)

        assert ETHER_CREDIT == scene.leg(scene.trader).debt
        assert before + ETHER_CREDIT == scene.stable.balanceOf(scene.trader)

    def test_and_not_a_unit_more(self, scene: Scene) -> None:
        with refused(scene.hub, "margin"):
            scene.borrow(scene.trader, ETHER_CREDIT + 1)

    def test_a_dearer_stable_weighs_more(self, scene: Scene) -> None:
        scene.stable_feed.set_answer(DOLLAR + 1, sender=scene.owner)

        with refused(scene.hub, "margin"):
            scene.borrow(scene.trader, ETHER_CREDIT)

    def test_one_withdraws_down_to_the_initial_weight(self, scene: Scene) -> None:
        scene.borrow(scene.trader, ETHER_CREDIT // 2)

        scene.hub.withdraw(0, ETHER_TOKEN, ETHER // 2, NO_ATTESTATION, [], sender=scene.trader)

        with refused(scene.hub, "margin"):
            scene.hub.withdraw(0, ETHER_TOKEN, 1, NO_ATTESTATION, [], sender=scene.trader)

    def test_without_debt_all_comes_out_even_if_the_feeds_are_dead(self, scene: Scene) -> None:
        scene.ether_feed.set_answer(0, sender=scene.owner)

        scene.hub.withdraw(0, ETHER_TOKEN, ETHER, NO_ATTESTATION, [], sender=scene.trader)

        assert 0 == scene.leg(scene.trader).collateral[ETHER_TOKEN]

    def test_with_debt_a_dead_feed_stops_it(self, scene: Scene) -> None:
        scene.borrow(scene.trader, 100 * USDC)
        scene.ether_feed.set_answer(0, sender=scene.owner)

        with refused(scene.hub, "feed"):
            scene.hub.withdraw(0, ETHER_TOKEN, 1, NO_ATTESTATION, [], sender=scene.trader)

    @pytest.mark.parametrize("amount", [0, ETHER + 1])
    def test_not_nothing_and_not_more_than_there_is(self, scene: Scene, amount: int) -> None:
        with refused(scene.hub, "size"):
            scene.hub.withdraw(0, ETHER_TOKEN, amount, NO_ATTESTATION, [], sender=scene.trader)

    def test_an_unlisted_token_is_refused(self, scene: Scene) -> None:
        with refused(scene.hub, "token"):
            scene.hub.withdraw(0, 3, 1, NO_ATTESTATION, [], sender=scene.trader)

    def test_paused(self, scene: Scene) -> None:
        scene.hub.set_paused(True, sender=scene.owner)

        with refused(scene.hub, "paused"):
            scene.hub.withdraw(0, ETHER_TOKEN, 1, NO_ATTESTATION, [], sender=scene.trader)
        with refused(scene.hub, "paused"):
            scene.borrow(scene.trader, 1)

    def test_the_pool_lends_no_more_than_it_has(self, scene: Scene) -> None:
        scene.hub.withdraw_pool(scene.hub.pool_cash() - 100 * USDC, sender=scene.owner)

        with refused(scene.hub, "pool"):
            scene.borrow(scene.trader, 100 * USDC + 1)

    def test_and_all_that_it_has(self, scene: Scene) -> None:
        scene.hub.withdraw_pool(scene.hub.pool_cash() - 100 * USDC, sender=scene.owner)

        scene.borrow(scene.trader, 100 * USDC)

        assert 0 == scene.hub.pool_cash()

    def test_deposits_of_the_stable_are_not_lent(self, scene: Scene) -> None:
        scene.hub.withdraw_pool(scene.hub.pool_cash(), sender=scene.owner)
        scene.deposit(scene.other_trader, STABLE, 1_000 * USDC)

        with refused(scene.hub, "pool"):
            scene.borrow(scene.trader, 1)

    def test_nothing_is_not_borrowed(self, scene: Scene) -> None:
        with refused(scene.hub, "size"):
            scene.borrow(scene.trader, 0)

    def test_one_subaccount_does_not_back_another(self, scene: Scene) -> None:
        with refused(scene.hub, "margin"):
            scene.borrow(scene.trader, 1, subaccount=1)

    def test_a_share_counts_at_its_capped_rate(self, scene: Scene) -> None:
        scene.vault.transfer(scene.other_trader, 10 * ETHER, sender=scene.trader)
        scene.vault.donate(5_000 * ETHER, sender=scene.owner)
        scene.deposit(scene.other_trader, SHARE_TOKEN, ETHER)

        # 1.1 ether of 2,000 USD at 75 %, though the vault would give twice as much.
        scene.borrow(scene.other_trader, 1_650 * USDC)
        with refused(scene.hub, "margin"):
            scene.borrow(scene.other_trader, 1)


class TestRepay:
    @pytest.fixture(autouse=True)
    def borrower(self, scene: Scene) -> None:
        scene.deposit(scene.trader, ETHER_TOKEN, ETHER)
        scene.borrow(scene.trader, 1_000 * USDC)

    def test_by_the_owner_it_raises_the_version(self, scene: Scene) -> None:
        scene.hub.repay(scene.account(scene.trader), 400 * USDC, sender=scene.trader)

        assert (3, 600 * USDC) == (scene.leg(scene.trader).version, scene.leg(scene.trader).debt)

    def test_by_another_it_does_not(self, scene: Scene) -> None:
        scene.hub.repay(scene.account(scene.trader), 400 * USDC, sender=scene.stranger)

        assert (2, 600 * USDC) == (scene.leg(scene.trader).version, scene.leg(scene.trader).debt)

    def test_no_more_than_the_debt_is_taken(self, scene: Scene) -> None:
        before = scene.stable.balanceOf(scene.trader)

        scene.hub.repay(scene.account(scene.trader), 2**256 - 1, sender=scene.trader)

        assert 0 == scene.leg(scene.trader).debt
        assert before - 1_000 * USDC == scene.stable.balanceOf(scene.trader)

    def test_an_owners_dust_would_void_attestations_for_free(self, scene: Scene) -> None:
        with refused(scene.hub, "dust"):
            scene.hub.repay(scene.account(scene.trader), 10 * USDC - 1, sender=scene.trader)

    def test_the_last_dust_can_be_repaid(self, scene: Scene) -> None:
        scene.hub.repay(scene.account(scene.trader), 999 * USDC, sender=scene.trader)

        scene.hub.repay(scene.account(scene.trader), 1 * USDC, sender=scene.trader)

        assert 0 == scene.leg(scene.trader).debt

    def test_it_is_never_paused_and_needs_no_fresh_price(self, scene: Scene) -> None:
        scene.hub.set_paused(True, sender=scene.owner)
        boa.env.evm.patch.timestamp += 1_000_000

        scene.hub.repay(scene.account(scene.trader), 400 * USDC, sender=scene.trader)

    def test_without_debt_there_is_nothing_to_repay(self, scene: Scene) -> None:
        with refused(scene.hub, "size"):
            scene.hub.repay(scene.account(scene.stranger), 1, sender=scene.stranger)
