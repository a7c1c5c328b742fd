"""The hub's own prices: from which answers it makes one, and which are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boa
import pytest

from tests.contracts.scene import (
    DOLLAR,
    ETHER,
    ETHER_TOKEN,
    SHARE_TOKEN,
    STABLE,
    WAD,
    Scene,
    deploy,
    refused,
)

DOUBLES = Path(__file__).parent / "doubles"


@pytest.fixture
def feed(scene: Scene) -> Any:
    """A feed under the test's control, of the newest market."""
    feed = boa.load(DOUBLES / "ScriptedFeed.vy")
    scene.hub.add_market(feed.address, 1_000, 500, 100, ETHER, sender=scene.owner)
    return feed


def answer(scene: Scene, **changes: int) -> bytes:
    good = {"round_id": 7, "answer": 50_000 * DOLLAR, "started": 1, "updated": scene.now, "answered_in": 7}
    return b"".join(word.to_bytes(32, "big") for word in (good | changes).values())


def test_a_good_answer_is_scaled_to_a_wad(scene: Scene, feed: Any) -> None:
    feed.script(answer(scene))

    assert 50_000 * WAD == scene.hub.market_price(2)


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("zero", {"answer": 0}),
        ("negative", {"answer": 2**256 - 1}),
        ("the least", {"answer": 2**255}),
        ("an unfinished round", {"updated": 0}),
        ("a round answered in an earlier one", {"answered_in": 6}),
        ("of a moment that is to come", {"updated": 2**255}),
    ],
)
def test_an_answer_that_is_no_price(scene: Scene, feed: Any, what: str, changes: dict[str, int]) -> None:
    feed.script(answer(scene, **changes))

    with refused(scene.hub, "feed"):
        scene.hub.market_price(2)


def test_an_answer_is_good_up_to_its_age(scene: Scene, feed: Any) -> None:
    feed.script(answer(scene, updated=scene.now - 3_900))
    assert 50_000 * WAD == scene.hub.market_price(2)

    feed.script(answer(scene, updated=scene.now - 3_901))
    with refused(scene.hub, "feed"):
        scene.hub.market_price(2)


@pytest.mark.parametrize("length", [0, 32, 128, 159])
def test_a_short_answer(scene: Scene, feed: Any, length: int) -> None:
    feed.script(answer(scene)[:length])

    with refused(scene.hub, "feed"):
        scene.hub.market_price(2)


def test_a_feed_that_fails(scene: Scene, feed: Any) -> None:
    feed.fail()

    with refused(scene.hub, "feed"):
        scene.hub.market_price(2)


def test_a_feed_that_is_gone(scene: Scene, feed: Any) -> None:
    boa.env.set_code(feed.address, b"")

    with refused(scene.hub, "feed"):
        scene.hub.market_price(2)


@pytest.mark.parametrize("decimals", [0, 8, 18])
def test_feeds_of_other_decimals(scene: Scene, decimals: int) -> None:
    with boa.env.prank(scene.owner):
        feed = deploy("PriceFeed", decimals, "BTC / USD")
        feed.set_answer(50_000 * 10**decimals)
        scene.hub.add_market(feed.address, 1_000, 500, 100, ETHER)

    assert 50_000 * WAD == scene.hub.market_price(2)


class TestShare:
    def test_it_follows_the_vaults_rate(self, scene: Scene) -> None:
        scene.vault.donate(250 * ETHER, sender=scene.owner)

        # 5,250 ether over 5,000 shares; the virtual unit costs the last digits, downward.
        assert 0 <= 2_100 * WAD - scene.hub.token_price(SHARE_TOKEN) < 10_000

    def test_a_donation_is_believed_up_to_the_highest_rate(self, scene: Scene) -> None:
        scene.vault.donate(5_000 * ETHER, sender=scene.owner)

        assert 2_200 * WAD == scene.hub.token_price(SHARE_TOKEN)

    def test_a_vault_of_other_decimals(self, scene: Scene) -> None:
        with boa.env.prank(scene.owner):
            vault = deploy("ShareVault", scene.stable.address, "Savings", "sUSDC")
            scene.stable.approve(vault.address, 2**256 - 1)
            vault.deposit(1_000_000)
            vault.donate(50_000)
            scene.hub.add_token(
                vault.address, scene.stable_feed.address, 6, True, 9_000, 9_300, 200, WAD * 12 // 10
            )

        assert WAD * 105 // 100 == pytest.approx(scene.hub.token_price(3), rel=1e-5)

    def test_a_worthless_share_has_no_price(self, scene: Scene) -> None:
        with boa.env.prank(scene.owner):
            rate_of_nothing = boa.loads(
                f"""
decimals: public(constant(uint8)) = 18
asset: public(constant(address)) = {scene.ether.address}
@external
@view
def convertToAssets(shares: uint256) -> uint256:
    return 0
"""
            )
            scene.hub.add_token(rate_of_nothing.address, scene.ether_feed.address, 18, True, 1, 1, 1, WAD)

        with refused(scene.hub, "feed"):
            scene.hub.token_price(3)


def test_prices_of_tokens_are_per_whole_token(scene: Scene) -> None:
    assert (WAD, 2_000 * WAD) == (scene.hub.token_price(STABLE), scene.hub.token_price(ETHER_TOKEN))
