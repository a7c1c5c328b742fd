"""An option of a market that the policy does not describe makes its account unknown: never healthy, never liquidatable."""

from __future__ import annotations

from dataclasses import replace

from chains.hub.options import market_key, series_id
from config.units import WAD
from keeper.domain.account import OptionPosition
from keeper.margin.health import evaluate
from tests.keeper.margin.builders import POLICY, account, cut, leg, prices

SERIES = series_id(market_key("DOGE-OPTIONS"), 2_000 * WAD, 1_800_000_000, is_call=True)
SHORT = OptionPosition("DOGE-OPTIONS", SERIES, "ETH", True, 2_000 * WAD, 1_800_000_000, -WAD)


def test_the_account_is_unknown_and_says_which_market() -> None:
    held = account(replace(leg(tokens={"USDC": "10000"}), options=(SHORT,)))

    health = evaluate(held, prices(), cut(), POLICY)

    assert any("DOGE-OPTIONS" in reason for reason in health.unknown_because)


def test_a_leg_with_nothing_else_is_not_empty() -> None:
    bare = replace(leg(), options=(SHORT,))

    assert not bare.is_empty
    assert evaluate(account(bare), prices(), cut(), POLICY).unknown_because
