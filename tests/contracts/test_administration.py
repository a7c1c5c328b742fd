"""What the owner may do, and what not even the owner may."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.scene import (
    DOLLAR,
    ETHER,
    ETHER_TOKEN,
    STABLE,
    USDC,
    WAD,
    Scene,
    deploy,
    refused,
)

GOOD_LIMITS = (5_000, WAD, 30, 150, 3_600, 2_000, 50 * WAD, 10 * WAD, 60)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("add_token", ("0x" + "11" * 20, "0x" + "11" * 20, 18, False, 0, 0, 0, 0)),
        ("add_market", ("0x" + "11" * 20, 1_000, 500, 100, 1)),
        ("set_signers", (["0x" + "11" * 20], 1)),
        ("set_policy", (b"\x01" * 32,)),
        ("set_paused", (True,)),
        ("set_limits", GOOD_LIMITS),
        ("withdraw_pool", (1,)),
        ("withdraw_insurance", (0, 0)),
        ("transfer_ownership", ("0x" + "11" * 20,)),
    ],
)
def test_only_the_owner(scene: Scene, function: str, arguments: tuple[object, ...]) -> None:
    with refused(scene.hub, "owner"):
        getattr(scene.hub, function)(*arguments, sender=scene.stranger)


class TestOwnership:
    def test_it_moves_in_two_steps(self, scene: Scene) -> None:
        scene.hub.transfer_ownership(scene.stranger, sender=scene.owner)
        assert scene.owner == scene.hub.owner()

        scene.hub.accept_ownership(sender=scene.stranger)

        assert scene.stranger == scene.hub.owner()
        with refused(scene.hub, "owner"):
            scene.hub.set_paused(True, sender=scene.owner)

    def test_only_the_one_it_was_offered_to(self, scene: Scene) -> None:
        scene.hub.transfer_ownership(scene.stranger, sender=scene.owner)

        with refused(scene.hub, "owner"):
            scene.hub.accept_ownership(sender=scene.trader)

    def test_an_offer_can_be_taken_back_and_is_used_once(self, scene: Scene) -> None:
        scene.hub.transfer_ownership(scene.stranger, sender=scene.owner)
        scene.hub.transfer_ownership("0x" + "00" * 20, sender=scene.owner)

        with refused(scene.hub, "owner"):
            scene.hub.accept_ownership(sender=scene.stranger)


class TestMoney:
    def test_the_owner_can_not_touch_collateral(self, scene: Scene) -> None:
        scene.deposit(scene.trader, STABLE, 1_000 * USDC)
        scene.deposit(scene.trader, ETHER_TOKEN, ETHER)
        pool = scene.hub.pool_cash()

        with refused(scene.hub, "pool"):
            scene.hub.withdraw_pool(pool + 1, sender=scene.owner)
        for token_id in (STABLE, ETHER_TOKEN):
            with refused(scene.hub, "pool"):
                scene.hub.withdraw_insurance(token_id, 1, sender=scene.owner)

    def test_the_owner_takes_back_what_is_the_pools(self, scene: Scene) -> None:
        before = scene.stable.balanceOf(scene.owner)

        scene.hub.withdraw_pool(1_000_000 * USDC, sender=scene.owner)

        assert (0, before + 1_000_000 * USDC) == (
            scene.hub.pool_cash(),
            scene.stable.balanceOf(scene.owner),
        )

    def test_anyone_funds(self, scene: Scene) -> None:
        pool = scene.hub.pool_cash()

        scene.hub.fund_pool(5 * USDC, sender=scene.stranger)
        scene.hub.fund_insurance(7 * USDC, sender=scene.stranger)

        assert (pool + 5 * USDC, 7 * USDC) == (scene.hub.pool_cash(), scene.hub.insurance(STABLE))
        scene.hub.withdraw_insurance(STABLE, 7 * USDC, sender=scene.owner)
        assert 0 == scene.hub.insurance(STABLE)

    def test_an_unlisted_tokens_insurance(self, scene: Scene) -> None:
        with refused(scene.hub, "token"):
            scene.hub.withdraw_insurance(3, 0, sender=scene.owner)


class TestSigners:
    def test_a_new_set_is_a_new_epoch(self, scene: Scene) -> None:
        address = scene.signers[1].address

        scene.hub.set_signers([address], 1, sender=scene.owner)

        assert (2, 1, [address]) == (scene.hub.epoch(), scene.hub.threshold(), scene.hub.signers())
        assert scene.hub.is_signer(2, address)
        assert not scene.hub.is_signer(2, scene.signers[0].address)
        assert scene.hub.is_signer(1, scene.signers[0].address)

    @pytest.mark.parametrize("threshold", [0, 4, 2**256 - 1])
    def test_the_threshold_is_one_to_all(self, scene: Scene, threshold: int) -> None:
        with refused(scene.hub, "signatures"):
            scene.hub.set_signers([signer.address for signer in scene.signers], threshold, sender=scene.owner)

    @pytest.mark.parametrize("order", [(1, 0), (0, 0)])
    def test_strictly_ascending(self, scene: Scene, order: tuple[int, int]) -> None:
        with refused(scene.hub, "signer order"):
            scene.hub.set_signers([scene.signers[i].address for i in order], 1, sender=scene.owner)

    def test_nobody_is_no_signer(self, scene: Scene) -> None:
        with refused(scene.hub, "signer order"):
            scene.hub.set_signers(["0x" + "00" * 20], 1, sender=scene.owner)

    def test_sixteen_at_most(self, scene: Scene) -> None:
        addresses = [f"0x{number:040x}" for number in range(1, 18)]

        with refused(scene.hub, ""):
            scene.hub.set_signers(addresses, 1, sender=scene.owner)
        scene.hub.set_signers(addresses[:16], 16, sender=scene.owner)


class TestLimits:
    def test_they_are_told_in_the_order_they_are_set(self, scene: Scene) -> None:
        scene.hub.set_limits(*GOOD_LIMITS, sender=scene.owner)

        assert GOOD_LIMITS == tuple(scene.hub.limits())

    @pytest.mark.parametrize(
        ("position", "value"), [(0, 0), (0, 10_001), (1, WAD + 1), (3, 10_000), (5, 10_001)]
    )
    def test_senseless_ones_are_refused(self, scene: Scene, position: int, value: int) -> None:
        limits = list(GOOD_LIMITS)
        limits[position] = value

        with refused(scene.hub, "limits"):
            scene.hub.set_limits(*limits, sender=scene.owner)

    @pytest.mark.parametrize(("position", "value"), [(0, 10_000), (1, WAD), (3, 9_999), (5, 10_000)])
    def test_the_extremes_are_allowed(self, scene: Scene, position: int, value: int) -> None:
        limits = list(GOOD_LIMITS)
        limits[position] = value

        scene.hub.set_limits(*limits, sender=scene.owner)

        assert value == scene.hub.limits()[position]


class TestListing:
    def test_a_token(self, scene: Scene) -> None:
        with boa.env.prank(scene.owner):
            token = deploy("TestToken", "Bitcoin", "WBTC", 8)
            assert 3 == scene.hub.add_token(
                token.address, scene.bitcoin_feed.address, 8, False, 7_000, 7_500, 800, 0
            )

        assert (token.address, scene.bitcoin_feed.address, 8, False, 7_000, 7_500, 800, 0) == tuple(
            scene.hub.token_info(3)
        )
        assert (4, 50_000 * WAD) == (scene.hub.token_count(), scene.hub.token_price(3))

    def test_six_tokens_and_four_markets(self, scene: Scene) -> None:
        with boa.env.prank(scene.owner):
            for name in ("three", "four", "five", "six"):
                token = deploy("TestToken", name, name, 8)
                add = (token.address, scene.bitcoin_feed.address, 8, False, 7_000, 7_500, 800, 0)
                if name == "six":
                    with refused(scene.hub, "token"):
                        scene.hub.add_token(*add)
                else:
                    scene.hub.add_token(*add)
            add_market = (scene.bitcoin_feed.address, 1_000, 500, 100, 1)
            scene.hub.add_market(*add_market)
            scene.hub.add_market(*add_market)
            with refused(scene.hub, "market"):
                scene.hub.add_market(*add_market)

    def test_one_address_is_one_token(self, scene: Scene) -> None:
        with refused(scene.hub, "token"):
            scene.hub.add_token(
                scene.ether.address, scene.ether_feed.address, 18, False, 0, 0, 0, 0, sender=scene.owner
            )

    @pytest.mark.parametrize(
        ("decimals", "is_vault", "initial", "maintenance", "penalty", "max_rate", "reason"),
        [
            (9, False, 7_000, 7_500, 800, 0, "token"),
            (8, False, 7_501, 7_500, 800, 0, "limits"),
            (8, False, 7_000, 10_001, 800, 0, "limits"),
            (8, False, 7_000, 7_500, 3_001, 0, "limits"),
            (8, True, 7_000, 7_500, 800, 0, "limits"),
        ],
    )
    def test_a_senseless_token(
        self,
        scene: Scene,
        decimals: int,
        is_vault: bool,
        initial: int,
        maintenance: int,
        penalty: int,
        max_rate: int,
        reason: str,
    ) -> None:
        with boa.env.prank(scene.owner):
            token = deploy("TestToken", "Bitcoin", "WBTC", 8)
            feed = scene.bitcoin_feed.address
            with refused(scene.hub, reason):
                scene.hub.add_token(
                    token.address, feed, decimals, is_vault, initial, maintenance, penalty, max_rate
                )

    def test_the_extremes_are_allowed(self, scene: Scene) -> None:
        with boa.env.prank(scene.owner):
            token = deploy("TestToken", "Bitcoin", "WBTC", 8)
            feed = scene.bitcoin_feed.address
            scene.hub.add_token(token.address, feed, 8, False, 10_000, 10_000, 3_000, 0)
            scene.hub.add_market(feed, 10_000, 10_000, 3_000, 1)

        assert (4, 3) == (scene.hub.token_count(), scene.hub.market_count())

    @pytest.mark.parametrize(
        ("initial", "maintenance", "penalty"),
        [(1_000, 0, 100), (999, 1_000, 100), (10_001, 1_000, 100), (1_000, 500, 3_001)],
    )
    def test_a_senseless_market(self, scene: Scene, initial: int, maintenance: int, penalty: int) -> None:
        with refused(scene.hub, "limits"):
            scene.hub.add_market(
                scene.bitcoin_feed.address, initial, maintenance, penalty, 1, sender=scene.owner
            )

    def test_a_feed_finer_than_a_wad(self, scene: Scene) -> None:
        with boa.env.prank(scene.owner):
            feed = deploy("PriceFeed", 19, "BTC / USD")
            with refused(scene.hub, "feed"):
                scene.hub.add_market(feed.address, 1_000, 500, 100, 1)

    @pytest.mark.parametrize(("view", "reason"), [("token", "token"), ("market", "market")])
    @pytest.mark.parametrize("number", [3, 4, 6, 2**256 - 1])
    def test_an_unknown_number(self, scene: Scene, view: str, reason: str, number: int) -> None:
        for question in ("info", "price"):
            with refused(scene.hub, reason):
                getattr(scene.hub, f"{view}_{question}")(number)

    def test_the_stable_is_the_first_token(self, scene: Scene) -> None:
        info = scene.hub.token_info(STABLE)

        assert (scene.stable.address, scene.stable_feed.address, 6) == (info.token, info.feed, info.decimals)
        assert DOLLAR * 10**10 == scene.hub.token_price(STABLE)
