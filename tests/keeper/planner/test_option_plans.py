"""Rescues of accounts with options: what is closed, how much of it, and that attestors find the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.hub.attestation import Action
from chains.hub.options import item_of, market_key, series_id
from config.portfolio_settings import ModelName
from config.units import WAD
from keeper.domain.account import Account, OptionPosition
from keeper.domain.plan import Plan
from keeper.margin.health import evaluate
from keeper.margin.parameters import AssetRisk, ModelRange, OptionMarketRisk
from keeper.planner.bounds import BoundKey, bounds
from keeper.planner.decide import decide, replay
from keeper.planner.facts import OptionMarketFacts, VenueFacts
from keeper.planner.option_marks import mark
from keeper.planner.plan import plan
from oracles.price import Price, PriceSet
from tests.keeper.margin.builders import CHAINS, POLICY, account, cut, leg, price, usd
from tests.keeper.planner.builders import inventory, venue

HERE = CHAINS[0]
NOW_S = 1_700_000_001
EXPIRY_S = NOW_S + 30 * 86_400
RISKY = replace(
    POLICY,
    assets={**POLICY.assets, "ETHVOL": AssetRisk(0, 0, 10_000, 10_000)},
    option_markets={"ETH-OPTIONS": OptionMarketRisk("ETH", "ETHVOL")},
)
DESK = OptionMarketFacts("ETH-OPTIONS", "ETH", 3, 20, 1_250)


def put(strike: int, size: str) -> OptionPosition:
    series = series_id(market_key("ETH-OPTIONS"), strike * WAD, EXPIRY_S, is_call=False)
    signed = -usd(size[1:]) if size.startswith("-") else usd(size)
    return OptionPosition("ETH-OPTIONS", series, "ETH", False, strike * WAD, EXPIRY_S, signed)


def prices(eth: int, volatility_bps: int = 6_000) -> dict[str, Price]:
    return {
        "USDC": price("USDC", WAD),
        "ETH": price("ETH", eth * WAD, 5),
        "ETHVOL": price("ETHVOL", volatility_bps * WAD // 10_000, 20),
    }


def venues() -> dict[str, VenueFacts]:
    return {HERE: replace(venue(HERE), option_markets=(DESK,))}


def planned(held: Account, at: dict[str, Price]) -> Plan:
    health = evaluate(held, at, cut(), RISKY)
    return plan(held, health, at, RISKY, venues(), inventory())


SHORT = put(2_000, "-20")
WRITER = account(replace(leg(tokens={"USDC": "9000"}), options=(SHORT,)))


def test_a_short_put_is_bought_back_as_far_as_the_target_needs() -> None:
    found = planned(WRITER, prices(1_700))

    (step,) = found.steps
    assert (Action.OPTION_CLOSE, HERE, item_of(SHORT.series), "ETH") == (
        step.action,
        step.chain,
        step.item,
        step.asset,
    )
    own = mark(SHORT, prices(1_700), RISKY, NOW_S)
    assert own is not None
    assert own.mid == step.price_wad
    assert 0 < step.size < 20 * WAD
    assert found.expected_health_wad is not None
    assert RISKY.target_health_wad <= found.expected_health_wad < RISKY.target_health_wad + WAD // 100
    assert "option on ETH" in step.reason


def test_an_attestor_with_the_same_view_finds_the_size_right() -> None:
    at = prices(1_700)
    health = evaluate(WRITER, at, cut(), RISKY)
    (step,) = planned(WRITER, at).steps

    allowed = bounds(WRITER, health, at, RISKY, venues())

    assert step.size <= allowed[BoundKey(Action.OPTION_CLOSE, HERE, step.item)]


def test_a_healthy_writer_is_left_alone() -> None:
    assert () == planned(WRITER, prices(2_000)).steps


def test_under_scenario_margin_what_covers_a_short_put_is_not_sold() -> None:
    policy = replace(RISKY, models=(ModelRange(0, 0, ModelName.PORTFOLIO),))
    covered = account(
        replace(leg(tokens={"USDC": "6000"}), options=(put(2_000, "-20"), put(1_800, "10"), put(1_500, "5")))
    )
    at = prices(1_700)
    health = evaluate(covered, at, cut(), policy)

    found = plan(covered, health, at, policy, venues(), inventory())

    assert health.surplus.high < 0 < health.equity.low
    assert {item_of(put(2_000, "1").series)} == {step.item for step in found.steps}
    assert found.expected_health_wad is not None
    assert RISKY.target_health_wad <= found.expected_health_wad


def test_an_expired_option_is_not_closed_but_waits_for_its_settlement() -> None:
    expired = replace(SHORT, expiry_s=NOW_S)
    held = account(replace(leg(tokens={"USDC": "5000"}), options=(expired,)))

    found = planned(held, prices(1_700))

    assert () == found.steps
    assert any("waits for its settlement" in reason for reason in found.rejected)


def test_without_a_desk_that_lists_it_nothing_can_be_done() -> None:
    health = evaluate(WRITER, prices(1_700), cut(), RISKY)
    bare = {HERE: venue(HERE)}

    found = plan(WRITER, health, prices(1_700), RISKY, bare, inventory())

    assert () == found.steps
    assert any("no such option" in reason for reason in found.rejected)


@pytest.mark.parametrize("held", [WRITER])
def test_the_decision_is_the_same_from_its_own_record(held: Account) -> None:
    at = PriceSet("set", 0, prices(1_700))

    decision = decide(held, None, at, cut(), RISKY, venues(), inventory(), 0)

    assert decision is not None
    assert decision.plan is not None
    assert decision.plan.steps
    assert decision.result == replay(decision.inputs)
