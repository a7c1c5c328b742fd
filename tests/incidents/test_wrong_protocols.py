"""Protocols whose own price was wrong: nobody is liquidated for it, and what can not be helped is flagged."""

from __future__ import annotations

from config.units import parse_wad
from keeper.domain.health import AccountState
from oracles.policy import Reading, Tier, reading
from oracles.price import FailureKind, Quote, QuoteFailure
from tests.incidents.feeds import Feed
from tests.incidents.scene import LONE, Scene
from tests.keeper.watch.world import ACCOUNT, NOW_MS
from tests.oracles.tape import venues

HEALTHY, UNKNOWN, LIQUIDATABLE = AccountState.HEALTHY, AccountState.UNKNOWN, AccountState.LIQUIDATABLE
SAFE = {HEALTHY, AccountState.MARGIN_CALL, AccountState.AT_RISK, UNKNOWN}
ETH = {"a": "2000", "b": "2000", "c": "2000"}


def dai(debt: int = 1_480, **guards: object) -> Scene:
    feeds = venues("DAI/USD", "coinbase", "kraken", "uniswap") | venues("ETH/USD", "a", "b", "c")
    table = {"guards": {"peg": "USD", "hold_s": 7_200.0, **guards}}
    return Scene("ETH", feeds, units="1", debt=debt, stable="DAI", assets={"DAI": table})


def test_05_compound_dai_at_130_in_its_protocol_only() -> None:
    scene = dai()
    right = {"coinbase": "1.00", "kraken": "1.00", "uniswap": "1.01"}
    scene.at(0, **right, **ETH, hub={"ETH": "2000", "DAI": "1.00"})
    before = scene.state
    acted = []
    for second in range(10, 3_600, 60):
        scene.at(second, **right | {"kraken": "1.01"}, **ETH, hub={"DAI": "1.30"})
        acted.append(scene.acts)
    outcome = scene.evidence.outcomes["alpha", "DAI"]

    assert before in SAFE
    assert not any(acted)
    assert scene.state in SAFE
    assert (Tier.HOLD_ASSET, True) == (outcome.tier, outcome.lasting)


def test_05_compound_dai_at_130_on_the_venue_that_is_quoted() -> None:
    scene = dai()
    scene.at(0, coinbase="1.00", kraken="1.00", uniswap="1.00", **ETH, hub={"ETH": "2000", "DAI": "1.00"})
    scene.at(10, coinbase="1.30", kraken="1.02", uniswap="1.12", **ETH, hub={"DAI": "1.30"})

    assert (UNKNOWN, False) == (scene.state, scene.acts)


def test_05_compound_dai_at_130_wherever_one_looks() -> None:
    scene = dai()
    scene.at(0, coinbase="1.00", kraken="1.00", uniswap="1.00", **ETH, hub={"ETH": "2000", "DAI": "1.00"})
    acted = []
    for second in range(10, 3_600, 60):
        scene.at(second, coinbase="1.30", kraken="1.29", uniswap="1.30", **ETH, hub={"DAI": "1.30"})
        acted.append(scene.acts)

    assert not any(acted)
    assert AccountState.AT_RISK is scene.state
    assert "peg" in scene.evidence.prices.prices["DAI"].reason


def test_05_who_is_in_need_at_one_dollar_is_helped_all_the_same() -> None:
    scene = dai(debt=1_700)
    scene.at(0, coinbase="1.30", kraken="1.29", uniswap="1.30", **ETH, hub={"ETH": "2000", "DAI": "1.02"})

    assert LIQUIDATABLE is scene.state
    assert scene.acts


def test_09_venus_and_blizz_luna_pinned_at_the_floor_of_its_feed() -> None:
    feeds = venues("LUNA/USD", "binance", "kucoin", "okx") | {"chainlink": ("LUNA/USD", "chainlink")}
    scene = Scene("LUNA", feeds, units="100", debt=8, assets={"LUNA": {"min_groups": 3}})
    scene.all_at(0, "0.107", hub={"LUNA": "0.107"})
    scene.hub.clear()
    scene.standoffs._feeds["alpha"] = {"LUNA": {"chainlink"}}
    market = dict.fromkeys(("binance", "kucoin", "okx"), "0.01")
    scene.at(600, **market, chainlink=FailureKind.AT_BOUND)

    assert parse_wad("0.01") == scene.price.mid_wad
    assert scene.state in {LIQUIDATABLE, AccountState.BANKRUPT}
    assert not scene.acts
    assert (Tier.HOLD_ASSET, "its feed there is at its own bound") == (
        scene.outcome.tier,
        scene.outcome.reason,
    )
    assert "LUNA is held: its feed there is at its own bound" in scene.rejected


def test_09_a_feed_near_its_floor_is_no_quote_of_the_real_source() -> None:
    luna = Feed("LUNA/USD", least=10**7)
    pinned, before = luna.says(10_700_000, NOW_MS), luna.says(80 * 10**8, NOW_MS)

    assert isinstance(before, Quote)
    assert isinstance(pinned, QuoteFailure)
    assert FailureKind.AT_BOUND is pinned.kind


def test_13_a_protocol_with_a_hard_wired_dollar_is_late_and_its_accounts_are_flagged() -> None:
    names = ("kraken", "coinbase", "curve")
    scene = Scene("USDC", venues("USDC/USD", *names), units="1000", debt=720, stable="FRAX")
    scene.all_at(0, "1.00", hub={"USDC": "1.00"})
    scene.all_at(86_401, "0.88", hub={"USDC": "1.00"})

    assert parse_wad("0.88") == scene.price.mid_wad
    assert (LIQUIDATABLE, False) == (scene.state, scene.acts)
    assert Tier.HOLD_ASSET is scene.outcome.tier
    assert "hard-wired" in scene.outcome.reason
    assert "USDC is held: the venue's own price, 1.0000" in scene.rejected


def test_20_euler_deusd_is_out_of_its_band_and_the_accounts_are_not_touched() -> None:
    feeds = venues("DEUSD/USD", "x", "y", "z") | venues("ETH/USD", "a", "b", "c")
    scene = Scene("ETH", feeds, units="1", debt=1_585, stable="DEUSD", assets={"DEUSD": {}})
    right = {"x": "1.0000", "y": "1.0002", "z": "1.0001"}
    scene.at(0, **right, **ETH, hub={"ETH": "2000", "DEUSD": "1.0000"})
    acted = [scene.at(second, **right, **ETH, hub={"DEUSD": "1.0283"}).acts for second in range(10, 190, 10)]

    assert not any(acted)
    assert Tier.HOLD_ASSET is scene.evidence.outcomes["alpha", "DEUSD"].tier
    assert scene.state in SAFE


def test_24_stream_xusd_its_protocol_says_one_dollar_for_ever() -> None:
    names = ("curve", "balancer", "cex")
    scene = Scene("XUSD", venues("XUSD/USD", *names), units="1000", debt=700, assets={"XUSD": {}})
    scene.all_at(0, "1.00", hub={"XUSD": "1"})
    for hour, value in enumerate(("0.90", "0.50", "0.15"), 25):
        scene.all_at(hour * 3_600, value, hub={"XUSD": "1"})

    assert AccountState.BANKRUPT is scene.state
    assert not scene.acts
    assert (Tier.HOLD_ASSET, True) == (scene.outcome.tier, scene.outcome.lasting)
    assert "hard-wired" in scene.outcome.reason
    assert Reading.LATE is reading(unhealthy_by_protocol=False, unhealthy_by_reference=True)


def test_24_a_reference_that_is_hard_wired_itself_is_no_reference() -> None:
    table = LONE | {"guards": {"constant_s": 3_600.0}}
    scene = Scene("XUSD", venues("XUSD/USD", "redemption"), units="1000", debt=700, assets={"XUSD": table})
    scene.during(0, 4_000, 300, redemption="1", hub={"XUSD": "1"})

    assert ["constant"] == scene.guards()
    assert UNKNOWN is scene.state


def test_27_moonwell_cbeth_a_ratio_taken_for_a_price() -> None:
    scene = Scene("CBETH", venues("CBETH/USD", "a", "b", "c"), units="1", debt=1_000, assets={"CBETH": {}})
    scene.all_at(0, "2200", hub={"CBETH": "2200"})
    scene.all_at(4, "2200", hub={"CBETH": "1.12"})

    assert (HEALTHY, False) == (scene.state, scene.acts)
    assert Tier.HOLD_ASSET is scene.outcome.tier
    assert "more than 3 bands" in scene.outcome.reason


def test_28_aave_capo_wsteth_285_percent_low() -> None:
    # Healthy by the reference at 0.8 x 2385.7 / 1880 = 1.015, short by the protocol's own price.
    scene = Scene("WSTETH", venues("WSTETH/USD", "a", "b", "c"), units="1", debt=1_880, assets={"WSTETH": {}})
    scene.all_at(0, "2385.7", hub={"WSTETH": "2385.7"})
    acted = [scene.all_at(second, "2385.7", hub={"WSTETH": "2317.7"}).acts for second in range(2, 600, 12)]
    account = scene.evidence.book.account(ACCOUNT)

    assert account is not None
    assert not any(acted)
    assert scene.state in SAFE
    assert (Tier.HOLD_ASSET, True) == (scene.outcome.tier, scene.outcome.lasting)
    assert "293 bps below the reference" in scene.outcome.reason


def test_30_resolv_usr_falls_and_its_wrapper_stays_at_a_dollar() -> None:
    names = ("curve", "uniswap", "cex")
    scene = Scene("USR", venues("USR/USD", *names), units="1000", debt=700, assets={"USR": {}})
    scene.all_at(0, "1", hub={"USR": "1"})
    acted = []
    for minute, value in enumerate(("0.80", "0.45", "0.20", "0.08", "0.025"), 1):
        scene.all_at(200 * minute, value, hub={"USR": "1"})
        acted.append(scene.acts)

    assert parse_wad("0.025") == scene.price.mid_wad
    assert not any(acted)
    assert AccountState.BANKRUPT is scene.state
    assert Tier.HOLD_ASSET is scene.outcome.tier
