"""The mirror image: moves that were real are acted on without delay, and thin ones only as far as they are believed."""

from __future__ import annotations

from config.units import parse_wad
from keeper.domain.health import AccountState
from oracles.policy import Tier
from oracles.price import FailureKind, PriceStatus
from tests.incidents.scene import Scene
from tests.oracles.tape import venues

HEALTHY, UNKNOWN, LIQUIDATABLE = AccountState.HEALTHY, AccountState.UNKNOWN, AccountState.LIQUIDATABLE
NAMES = ("coinbase", "kraken", "bitstamp", "gemini")


def test_03_black_thursday_is_acted_on_with_the_first_block_that_has_it() -> None:
    scene = Scene("ETH", venues("ETH/USD", *NAMES), units="10", debt=1_050, assets={"ETH": {"min_groups": 3}})
    tape = ["194", "188", "170", "151", "134", "121", "110"]
    first = None
    for step, value in enumerate(tape):
        scene.all_at(step * 12, value, hub={"ETH": value})
        if parse_wad(value) * 8 < 1_050 * 10**18:
            first = first if first is not None else (value, scene.state, scene.acts)
        else:
            assert not scene.acts

    assert ("121", LIQUIDATABLE, True) == first
    assert (True, Tier.PROCEED, ()) == (scene.acts, scene.outcome.tier, scene.price.holds)


def test_03_black_thursday_in_one_step_while_a_venue_is_down() -> None:
    scene = Scene("ETH", venues("ETH/USD", *NAMES), units="10", debt=1_000, assets={"ETH": {"min_groups": 3}})
    scene.all_at(0, "194", hub={"ETH": "194"})
    scene.at(1, coinbase="110", kraken="112", bitstamp="111", gemini=FailureKind.REFUSED, hub={"ETH": "111"})

    assert (LIQUIDATABLE, True) == (scene.state, scene.acts)


def test_03_black_thursday_with_an_oracle_thirty_dollars_late_waits_for_it_and_no_longer() -> None:
    scene = Scene("ETH", venues("ETH/USD", *NAMES), units="10", debt=1_050, assets={"ETH": {"min_groups": 3}})
    scene.all_at(0, "160", hub={"ETH": "160"})
    scene.all_at(10, "125", hub={"ETH": "155"})
    late = scene.state, scene.acts, scene.outcome.tier
    scene.all_at(600, "124", hub={"ETH": "155"})
    told = scene.outcome.lasting
    scene.all_at(610, "124", hub={"ETH": "125"})

    assert (LIQUIDATABLE, False, Tier.HOLD_ASSET) == late
    assert told
    assert (LIQUIDATABLE, True) == (scene.state, scene.acts)


def test_10_steth_at_a_true_discount_is_liquidated_as_it_is() -> None:
    feeds = venues("ETH/USD", "e1", "e2", "e3") | venues("STETH/ETH", "curve", "ftx", "balancer")
    table = {"priced_in": "ETH", "guards": {"peg": "ETH", "peg_band_bps": 200}}
    scene = Scene("STETH", feeds, units="10", debt=8_100, assets={"STETH": table, "ETH": {}})
    eth = {"e1": "1100", "e2": "1100", "e3": "1100"}
    scene.at(0, curve="0.998", ftx="0.997", balancer="0.998", **eth, hub={"STETH": "1097"})
    before = scene.state
    scene.at(60, curve="0.935", ftx="0.934", balancer="0.936", **eth, hub={"STETH": "1028"})
    away = scene.price.holds
    scene.at(120, curve="0.92", ftx="0.921", balancer="0.92", **eth, hub={"STETH": "1012"})

    assert before in {HEALTHY, AccountState.MARGIN_CALL}
    assert () == away
    assert (LIQUIDATABLE, True) == (scene.state, scene.acts)


def test_11_mango_thin_sources_that_rise_together_are_not_believed_faster_than_their_depth() -> None:
    names = ("ftx", "ascendex", "serum")
    thin = {"max_move_bps": 1_000, "confirm_groups": 0, "persist_s": 1_800.0, "hold_s": 7_200.0}
    table = {"guards": thin, "max_spread_bps": 2_000}
    scene = Scene("MNGO", venues("MNGO/USD", *names), units="1000000", debt=20_000, assets={"MNGO": table})
    scene.during(0, 600, 60, **dict.fromkeys(names, "0.038"), hub={"MNGO": "0.038"})
    highest = 0
    for minute, value in enumerate(("0.06", "0.12", "0.25", "0.40", "0.54", "0.75", "0.91"), 11):
        scene.all_at(minute * 60, value, hub={"MNGO": value})
        highest = max(highest, scene.price.high_wad or 0)

    assert 0 == highest
    assert UNKNOWN is scene.state
    assert ["move"] == list(scene.guards())


def test_13_usdc_at_88_cents_is_worth_88_cents() -> None:
    feeds = venues("USDC/USD", "kraken", "coinbase", "curve")
    scene = Scene(
        "USDC", feeds, units="1000", debt=720, stable="FRAX", assets={"USDC": {"guards": {"peg": "USD"}}}
    )
    scene.all_at(0, "1.00", hub={"USDC": "1.00"})
    scene.at(3_600, kraken="0.88", coinbase="0.885", curve="0.875", hub={"USDC": "0.88"})

    assert parse_wad("0.88") == scene.price.mid_wad
    assert (LIQUIDATABLE, True) == (scene.state, scene.acts)


def test_13_what_is_quoted_in_usdc_is_converted_at_what_usdc_is_worth() -> None:
    feeds = venues("USDC/USD", "kraken", "coinbase", "curve") | venues("ETH/USDC", "uni", "sushi", "binance")
    scene = Scene("ETH", feeds, units="1", debt=1_000, assets={"ETH": {"priced_in": "USDC"}})
    usdc = {"kraken": "0.88", "coinbase": "0.88", "curve": "0.88"}
    scene.at(0, **usdc, uni="1818", sushi="1818", binance="1818")

    assert parse_wad("1599.84") == scene.price.mid_wad


def test_13_usdt_at_115_on_one_pool_lifts_no_one() -> None:
    names = ("curve", "kraken", "bitfinex")
    table = {"guards": {"peg": "USD"}, "max_spread_bps": 2_000}
    scene = Scene(
        "USDT", venues("USDT/USD", *names), units="1000", debt=790, stable="FRAX", assets={"USDT": table}
    )
    scene.at(0, curve="1.15", kraken="1.005", bitfinex="1.01")
    assert parse_wad("1.01") == scene.price.mid_wad
    scene.all_at(10, "1.15")

    assert parse_wad("1.02") == scene.price.low_wad
    assert PriceStatus.DEGRADED is scene.price.status


def trb(**guards: object) -> Scene:
    table = {"guards": guards, "max_spread_bps": 1_000}
    names = ("binance", "okx", "coinbase")
    return Scene("TRB", venues("TRB/USD", *names), short=(10, 1_500), assets={"TRB": table})


PUMP = (
    ("136", 0),
    ("180", 120),
    ("260", 240),
    ("420", 360),
    ("619", 480),
    ("300", 600),
    ("150", 720),
    ("140", 900),
)


def test_15_trb_a_thin_perpetual_s_pump_liquidates_no_short_before_it_has_stood() -> None:
    scene = trb(max_move_bps=2_000, move_interval_s=3_600.0, confirm_groups=0, persist_s=900.0)
    seen = []
    for value, second in PUMP:
        scene.all_at(second, value, hub={"TRB": value})
        seen.append((scene.acts, *scene.guards()))

    assert [(False,), *[(False, "move")] * 5, (False,), (False,)] == seen
    assert (parse_wad("140"), HEALTHY) == (scene.price.mid_wad, scene.state)


def test_15_trb_where_its_groups_are_trusted_the_same_pump_is_a_price() -> None:
    scene = trb(confirm_groups=3)
    acted = [scene.all_at(second, value, hub={"TRB": value}).acts for value, second in PUMP]

    assert any(acted)


def test_29_venus_the_falls_and_is_liquidated_in_slices_no_larger_than_the_close_factor() -> None:
    names = ("binance", "thena", "gate")
    scene = Scene("THE", venues("THE/USD", *names), units="100000", debt=22_000, assets={"THE": {}})
    scene.all_at(0, "0.528", hub={"THE": "0.528"})
    before = scene.state
    scene.all_at(60, "0.272", hub={"THE": "0.272"})

    assert before is HEALTHY
    assert (LIQUIDATABLE, True) == (scene.state, scene.acts)
    assert scene.decision is not None
    assert scene.decision.plan is not None
    assert all(step.size <= 11_000 * 10**6 for step in scene.decision.plan.steps)
