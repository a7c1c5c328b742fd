"""Units: a scale or a factor that was forgotten does not load, is no quote, or is not of the right size."""

from __future__ import annotations

import pytest

from config.asset_settings import AssetSettings
from config.units import WAD, parse_wad
from keeper.domain.health import AccountState
from oracles.policy import Tier
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.pricing import PriceBook
from tests.incidents.feeds import Feed
from tests.incidents.scene import LONE, Scene
from tests.oracles.evidence import NOW_MS, http_settings
from tests.oracles.tape import venues

UNKNOWN = AccountState.UNKNOWN


def test_18_morpho_paxg_a_venue_that_is_off_by_a_power_of_ten_is_held_at_once() -> None:
    scene = Scene("PAXG", venues("PAXG/USD", "a", "b", "c"), units="1", debt=1_000, assets={"PAXG": {}})
    scene.all_at(0, "2660", hub={"PAXG": "2660000000000000"})

    assert Tier.HOLD_ASSET is scene.outcome.tier
    assert not scene.acts


def test_18_a_source_of_ours_that_is_off_by_a_power_of_ten_is_not_of_the_expected_size() -> None:
    table = LONE | {"guards": {"expected_low": "500", "expected_high": "20000"}}
    scene = Scene("PAXG", venues("PAXG/USD", "a"), units="1", debt=1_000, assets={"PAXG": table})
    scene.at(0, a="0.00000000266")

    assert ["magnitude"] == list(scene.guards())
    assert UNKNOWN is scene.state


def test_25_ribbon_a_feed_with_18_decimals_where_8_were_configured_is_no_quote() -> None:
    right = Feed("WBTC/USD").says(90_000 * 10**8, NOW_MS)
    wrong = Feed("WBTC/USD", scale=18).says(90_000 * WAD, NOW_MS)

    assert isinstance(right, Quote)
    assert 90_000 * WAD == right.value_wad
    assert isinstance(wrong, QuoteFailure)
    assert (FailureKind.MALFORMED, True) == (wrong.kind, "18 decimals instead of 8" in wrong.detail)


def test_25_after_an_upgrade_the_first_price_is_compared_with_the_last_run_s() -> None:
    scene = Scene(
        "WBTC",
        venues("WBTC/USD", "a"),
        units="1",
        debt=30_000,
        assets={"WBTC": LONE},
        last_known={"WBTC": "90000"},
    )
    scene.at(0, a="900000000000000")

    assert ["magnitude"] == list(scene.guards())
    assert UNKNOWN is scene.state


def test_27_a_ratio_feed_is_no_source_of_a_price_in_dollars() -> None:
    assets = {"ETH": AssetSettings(), "CBETH": AssetSettings()}
    with pytest.raises(ValueError, match="CBETH/ETH"):
        PriceBook(assets, [http_settings("ratio", "CBETH/ETH")])


def test_27_the_multiplication_that_was_missing_is_made() -> None:
    feeds = venues("ETH/USD", "e1", "e2", "e3") | venues("CBETH/ETH", "ratio")
    scene = Scene(
        "CBETH", feeds, units="1", debt=1_000, assets={"CBETH": LONE | {"priced_in": "ETH"}, "ETH": {}}
    )
    scene.at(0, e1="1964", e2="1964", e3="1964", ratio="1.12")

    assert parse_wad("2199.68") == scene.price.mid_wad
