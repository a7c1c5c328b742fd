"""Rates of what earns a yield: donated to, misread, or capped from the wrong moment."""

from __future__ import annotations

import pytest

from config.units import WAD, parse_wad
from keeper.domain.health import AccountState
from oracles.guards.rate import DAY_MS, Snapshot, moved_together
from oracles.price import FailureKind, PriceStatus
from tests.incidents.scene import LONE, Scene
from tests.keeper.watch.world import NOW_MS
from tests.oracles.tape import venues

RATE = {"max_rate_growth_bps": 1_000, "max_rate_drop_bps": 50}
DOLLARS = {"d1": "1", "d2": "1", "d3": "1"}


def vault(name: str, unit: str, **guards: object) -> Scene:
    table = LONE | {"priced_in": unit, "guards": RATE | guards}
    feeds = venues(f"{unit}/USD", *DOLLARS) | venues(f"{name}/{unit}", "vault")
    return Scene(name, feeds, units="1000", debt=790, assets={name: table, unit: {}})


def test_04_harvest_thirty_loops_of_064_percent_are_capped() -> None:
    scene = vault("FUSDC", "USDX", max_move_bps=500)
    scene.at(0, vault="0.98", **DOLLARS)
    rate = parse_wad("0.98")
    for loop in range(1, 31):
        rate = rate * 10_064 // 10_000
        scene.at(loop * 12, vault=f"{rate / WAD:.9f}", **DOLLARS)
        assert (scene.price.low_wad or 0) < parse_wad("0.9805")
    assert {"rate"} <= set(scene.guards())


def test_04_harvest_a_share_that_is_pushed_down_liquidates_nobody() -> None:
    scene = vault("FUSDC", "USDX")
    scene.at(0, vault="1.00", **DOLLARS)
    scene.at(12, vault="0.984", **DOLLARS)

    assert (scene.price.low_wad or 0) < parse_wad("0.985") < parse_wad("0.994") < (scene.price.high_wad or 0)
    assert not scene.acts


def test_07_cream_yusd_a_share_that_doubles_is_held() -> None:
    scene = vault("YUSD", "USDX")
    scene.at(0, vault="1.08", **DOLLARS)
    scene.at(12, vault="2.16", **DOLLARS)

    assert {"rate", "move"} == set(scene.guards())
    assert PriceStatus.UNAVAILABLE is scene.price.status
    assert (AccountState.UNKNOWN, False) == (scene.state, scene.acts)


def test_19_venus_wusdm_a_donation_raises_the_rate() -> None:
    scene = vault("WUSDM", "USDX")
    scene.at(0, vault="1.06", **DOLLARS)
    scene.at(12, vault="1.7", **DOLLARS)

    assert (AccountState.UNKNOWN, False) == (scene.state, scene.acts)
    scene.at(24, vault="1.06", **DOLLARS)
    assert () == scene.price.holds
    assert parse_wad("1.06") == scene.price.mid_wad


def test_19_a_rate_above_its_source_s_own_cap_is_no_quote() -> None:
    scene = vault("WUSDM", "USDX")
    scene.at(0, vault="1.06", **DOLLARS)
    scene.at(12, vault=FailureKind.AT_BOUND, **DOLLARS)

    assert AccountState.UNKNOWN is scene.state


@pytest.mark.parametrize("wrong", [2, 3])
def test_23_moonwell_wrseth_most_nodes_are_wrong_together(wrong: int) -> None:
    names = ("n1", "n2", "n3")
    feeds = venues("ETH/USD", "e1", "e2", "e3") | venues("WRSETH/ETH", *names)
    table = {
        "priced_in": "ETH",
        "guards": {"expected_high": "20000", "confirm_groups": 0, "hold_s": 86_400.0},
    }
    scene = Scene("WRSETH", feeds, units="1", debt=2_000, assets={"WRSETH": table, "ETH": {}})
    eth = {"e1": "3000", "e2": "3000", "e3": "3000"}
    scene.at(0, **dict.fromkeys(names, "1.057"), **eth)
    lies = {name: "1700000" if number < wrong else "1.057" for number, name in enumerate(names)}
    states = {scene.at(second, **lies, **eth).state for second in range(60, 7_200, 600)}

    assert {AccountState.UNKNOWN} == states
    assert not scene.acts


def test_23_a_first_price_of_billions_is_of_another_size() -> None:
    feeds = venues("ETH/USD", "e1", "e2", "e3") | venues("WRSETH/ETH", "oracle")
    table = LONE | {"priced_in": "ETH"}
    scene = Scene(
        "WRSETH",
        feeds,
        units="1",
        debt=2_000,
        assets={"WRSETH": table, "ETH": {}},
        last_known={"WRSETH": "3171"},
    )
    scene.at(0, oracle="1700000", e1="3000", e2="3000", e3="3000")

    assert ["magnitude"] == list(scene.guards())


def test_28_aave_capo_a_cap_s_rate_does_not_move_without_its_time() -> None:
    # The rate of the snapshot could move 3 % in three days, its time did not: every later cap was too low.
    growth_bps = 968
    rate = parse_wad("1.1572")
    before = Snapshot(rate, NOW_MS)
    intended = Snapshot(rate * 10_007 // 10_000, NOW_MS + 3 * DAY_MS)
    rate_only = Snapshot(rate * 10_007 // 10_000, NOW_MS)
    leap = Snapshot(rate * 103 // 100, NOW_MS + 3 * DAY_MS)

    assert moved_together(before, intended, growth_bps)
    assert not moved_together(before, rate_only, growth_bps)
    assert not moved_together(before, leap, growth_bps)
