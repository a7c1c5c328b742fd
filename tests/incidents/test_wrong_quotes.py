"""Sources that were wrong while others were right: the price is right, or there is none."""

from __future__ import annotations

from config.units import WAD, parse_wad
from keeper.domain.health import AccountState
from oracles.policy import Tier
from oracles.price import FailureKind, PriceStatus
from tests.incidents.scene import LONE, Scene
from tests.oracles.tape import venues

HEALTHY, UNKNOWN, LIQUIDATABLE = AccountState.HEALTHY, AccountState.UNKNOWN, AccountState.LIQUIDATABLE


def test_01_synthetix_skrw_one_of_two_answers_is_a_thousand_times_too_high() -> None:
    # In dollars a won is 0.00084: too small to hold, so the pair is quoted per thousand.
    scene = Scene(
        "KKRW", venues("KKRW/USD", "api1", "api2", "api3"), debt=5, assets={"KKRW": {"min_groups": 3}}
    )
    scene.all_at(0, "0.84", hub={"KKRW": "0.84"})
    scene.at(60, api1="0.84", api2="840", api3=FailureKind.MALFORMED)
    two_live = scene.state, scene.price.status, scene.acts
    scene.at(70, api3="0.84")

    assert (UNKNOWN, PriceStatus.UNAVAILABLE, False) == two_live
    assert "quorum" in scene.price.reason or "spread" in scene.price.reason
    assert not scene.acts


def test_01_the_honest_middle_is_back_when_the_third_is() -> None:
    names = ("api1", "api2", "api3", "api4")
    scene = Scene("KKRW", venues("KKRW/USD", *names), debt=5, assets={"KKRW": {"min_groups": 3}})
    scene.all_at(0, "0.84", hub={"KKRW": "0.84"})
    scene.at(60, api1="0.84", api2="840", api3="0.84", api4="0.84")

    assert parse_wad("0.84") == scene.price.mid_wad
    assert HEALTHY is scene.state


def test_02_bzx_one_pool_s_spot_price_doubles() -> None:
    names = ("pool", "cex1", "cex2", "cex3")
    scene = Scene(
        "SUSD", venues("SUSD/USD", *names), units="1000", debt=700, assets={"SUSD": {"min_groups": 2}}
    )
    scene.all_at(0, "1", hub={"SUSD": "1"})
    scene.at(12, pool="2.4", cex1="1", cex2="1", cex3="1")

    assert WAD == scene.price.mid_wad
    assert next(use for use in scene.price.uses if use.quote.source == "pool").reason.startswith("outlier")


def test_06_pyth_bitcoin_at_5402_with_a_wide_confidence() -> None:
    names = ("pyth", "coinbase", "kraken", "bitstamp")
    scene = Scene("BTC", venues("BTC/USD", *names), units="1", debt=30_000, assets={"BTC": {"min_groups": 3}})
    scene.all_at(0, "43000", hub={"BTC": "43000"})
    scene.at(60, pyth="5402+-4500", coinbase="43010", kraken="42990", bitstamp="43000")

    pyth = next(use for use in scene.price.uses if use.quote.source == "pyth")
    assert 43_000 * WAD == scene.price.mid_wad
    assert not pyth.used
    assert (HEALTHY, False) == (scene.state, scene.acts)


def test_06_alone_it_would_be_no_price() -> None:
    scene = Scene("BTC", venues("BTC/USD", "pyth"), units="1", debt=30_000, assets={"BTC": LONE})
    scene.at(0, pyth="43000+-40", hub={"BTC": "43000"})
    scene.at(60, pyth="5402+-4500")

    assert (UNKNOWN, False) == (scene.state, scene.acts)


def test_08_inverse_a_twap_whose_window_is_too_short_is_no_answer() -> None:
    feeds = venues("INV/USD", "twap", "cex1", "cex2")
    scene = Scene("INV", feeds, units="10", debt=2_500, assets={"INV": {"min_sources": 2}})
    scene.at(0, twap="378", cex1="380", cex2="379", hub={"INV": "379"})
    # The source says that its window is not covered; what the pool would say now, 50 times more, is never asked.
    scene.at(900, twap=FailureKind.NOT_A_PRICE, cex1="380", cex2="381")
    steady = scene.price.mid_wad
    scene.at(910, twap="18900")

    assert steady == parse_wad("380.5")
    assert scene.price.mid_wad is None
    assert not scene.acts


def test_12_bonq_one_instant_report_must_stand_before_it_counts() -> None:
    guards = {"persist_s": 600.0, "move_interval_s": 3_600.0}
    scene = Scene(
        "ALBT", venues("ALBT/USD", "tellor"), units="1000", assets={"ALBT": LONE | {"guards": guards}}
    )
    scene.during(0, 1_200, 60, tellor="0.18", hub={"ALBT": "0.18"})
    scene.at(1_210, tellor="5000000000")
    reported = scene.price.reason, scene.state
    scene.at(1_400, tellor="0.18")

    assert reported[0].startswith("held: move: ")
    assert UNKNOWN is reported[1]
    assert parse_wad("0.18") == scene.price.mid_wad


EZETH = LONE | {"guards": {"peg": "ETH", "peg_value": "1.01", "peg_band_bps": 300}}


def test_16_ezeth_a_thin_market_far_below_its_rate_is_no_discount() -> None:
    feeds = venues("ETH/USD", "e1", "e2", "e3") | venues("EZETH/USD", "dex")
    scene = Scene("EZETH", feeds, units="10", debt=20_000, assets={"EZETH": EZETH, "ETH": {}})
    eth = {"e1": "3150", "e2": "3150", "e3": "3150"}
    scene.at(0, dex="3180", **eth, hub={"EZETH": "3180"})
    before = scene.state
    scene.at(60, dex="690", **eth)

    assert HEALTHY is before
    assert (UNKNOWN, False) == (scene.state, scene.acts)
    assert {"move"} & set(scene.guards()) or {"peg"} & set(scene.guards())


def test_16_ezeth_a_slow_slide_of_a_thin_market_is_held_by_its_peg() -> None:
    feeds = venues("ETH/USD", "e1", "e2", "e3") | venues("EZETH/USD", "dex")
    scene = Scene("EZETH", feeds, units="10", debt=20_000, assets={"EZETH": EZETH, "ETH": {}})
    eth = {"e1": "3150", "e2": "3150", "e3": "3150"}
    for minute, dex in enumerate(("3180", "3100", "2900", "2500", "2100")):
        scene.at(minute * 60, dex=dex, **eth)

    assert ["peg"] == scene.guards()
    assert not scene.acts


def test_17_uwu_five_sources_of_one_family_are_one_witness() -> None:
    family = {f"curve{number}": ("SUSDE/USD", "curve") for number in range(5)}
    others = venues("SUSDE/USD", *(f"v{number}" for number in range(6)))
    scene = Scene("SUSDE", family | others, units="1000", debt=770, assets={"SUSDE": {"min_groups": 4}})
    right = dict.fromkeys((*family, *others), "1.00")
    scene.at(0, **right, hub={"SUSDE": "1.00"})
    scene.at(12, **right | dict.fromkeys(family, "0.96"))

    assert WAD == scene.price.mid_wad
    assert (False, True) == (scene.acts, scene.state in {HEALTHY, AccountState.MARGIN_CALL})


def test_20_euler_deusd_three_minutes_of_thin_trades_are_not_a_price() -> None:
    table = LONE | {"guards": {"max_move_bps": 100, "persist_s": 240.0}}
    scene = Scene(
        "ETH",
        venues("DEUSD/USD", "vwap") | venues("ETH/USD", "a", "b", "c"),
        units="1",
        debt=1_585,
        stable="DEUSD",
        assets={"DEUSD": table},
    )
    eth = {"a": "2000", "b": "2000", "c": "2000"}
    scene.during(0, 120, 10, vwap="1.0000", **eth, hub={"ETH": "2000", "DEUSD": "1.0000"})
    acted = []
    for second in range(130, 310, 10):
        scene.at(second, vwap="1.0283", **eth, hub={"DEUSD": "1.0283"})
        acted.append(scene.acts)
    scene.at(320, vwap="1.0001", **eth, hub={"DEUSD": "1.0001"})

    assert not any(acted)
    assert parse_wad("1.0001") == scene.evidence.prices.prices["DEUSD"].mid_wad


def test_22_usde_at_65_cents_on_one_venue() -> None:
    names = ("binance", "bybit", "curve", "okx")
    scene = Scene(
        "USDE", venues("USDE/USD", *names), units="1000", debt=770, assets={"USDE": {"min_groups": 3}}
    )
    scene.all_at(0, "0.999", hub={"USDE": "0.999"})
    acted = []
    for second in range(10, 2_400, 240):
        scene.at(second, binance="0.6567", bybit="0.998", curve="0.997", okx="0.998")
        acted.append((scene.acts, scene.price.mid_wad))

    assert {(False, parse_wad("0.998"))} == set(acted)


def test_22_wbeth_almost_nothing_on_one_venue_goes_on_at_the_reference() -> None:
    names = ("binance", "rate", "curve", "okx")
    scene = Scene(
        "WBETH", venues("WBETH/USD", *names), units="1", debt=2_800, assets={"WBETH": {"min_groups": 3}}
    )
    scene.all_at(0, "4100", hub={"WBETH": "4100"})
    scene.at(60, binance="430", rate="4090", curve="4080", okx="4085")
    quiet = scene.state, scene.acts
    # And a fall that the others see is acted on, with the wrong venue still wrong.
    scene.at(120, binance="430", rate="3490", curve="3480", okx="3485", hub={"WBETH": "3485"})

    assert (False, True) == (quiet[1], quiet[0] is not LIQUIDATABLE)
    assert (LIQUIDATABLE, True) == (scene.state, scene.acts)


def test_26_bitcoin_at_24111_for_three_seconds_on_a_thin_quote() -> None:
    names = ("binance_usd1", "coinbase", "kraken", "bitstamp")
    scene = Scene("BTC", venues("BTC/USD", *names), units="1", debt=60_000, assets={"BTC": {"min_groups": 3}})
    scene.all_at(0, "87000", hub={"BTC": "87000"})
    acted = []
    for second in (10, 11, 12):
        scene.at(second, binance_usd1="24111.22", coinbase="87000", kraken="87010", bitstamp="86990")
        acted.append(scene.acts)

    assert [False] * 3 == acted
    assert (HEALTHY, 87_000 * WAD) == (scene.state, scene.price.mid_wad)


def test_26_where_the_thin_quote_is_all_there_is_it_must_persist() -> None:
    scene = Scene("BTC", venues("BTC/USD", "usd1"), units="1", debt=60_000, assets={"BTC": LONE})
    scene.during(0, 60, usd1="87000", hub={"BTC": "87000"})
    states = [scene.at(second, usd1="24111.22").state for second in (61, 62, 63)]
    scene.at(64, usd1="87020")

    assert [UNKNOWN] * 3 == states
    assert HEALTHY is scene.state
    assert Tier.PROCEED is scene.outcome.tier
