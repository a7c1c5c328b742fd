"""Decisions on accounts with options or under scenarios: recorded in full, the same again from the record, on any machine."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from config.canonical import canonical_json
from keeper.domain.account import Account
from keeper.domain.health import Interval
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy, policy_hash
from keeper.planner.codec import decode, encode
from keeper.planner.decide import decide, replay
from oracles.price import PriceSet
from tests.keeper.margin.builders import CHAINS, account, cut, leg, position
from tests.keeper.margin.repricing import AT_S, RISK, option, quotes, random_book, under_portfolio
from tests.keeper.planner.builders import inventory, venues


@settings(max_examples=8)
@given(st.integers(0, 2**32), st.booleans(), st.sampled_from((0, 40)))
def test_a_decision_is_the_same_again_from_its_record(seed: int, portfolio: bool, width_bps: int) -> None:
    held = random_book(random.Random(seed))
    held = under_portfolio(held) if portfolio else held
    at = PriceSet("0xset", AT_S * 1_000, quotes(width_bps))

    found = decide(held, None, at, cut(), RISK, venues(), inventory(), AT_S * 1_000)

    assert found is not None
    assert found.result == replay(found.inputs)


def test_a_policy_with_scenarios_and_an_account_with_options_keep_their_form() -> None:
    held = random_book(random.Random(3))

    assert RISK == decode(RiskPolicy, encode(RISK))
    assert held == decode(Account, encode(held))
    assert canonical_json(encode(RISK)) == canonical_json(encode(decode(RiskPolicy, encode(RISK))))


def test_every_parameter_of_the_models_is_in_the_digest() -> None:
    others = [
        replace(RISK, models=()),
        replace(RISK, portfolio=replace(RISK.portfolio, price_range_bps=1_501)),
        replace(RISK, portfolio=replace(RISK.portfolio, correlations=())),
        replace(RISK, option_markets={}),
    ]

    assert 1 + len(others) == len({policy_hash(RISK), *(policy_hash(each) for each in others)})


def book() -> Account:
    return account(
        replace(
            leg(CHAINS[0], tokens={"USDC": "9000"}, positions=[position("3", "1930")]),
            options=(option("call", 2_100, 30, -7.5), option("put", 1_700, 12, 4)),
        ),
        leg(CHAINS[1], owes="1200", positions=[position("-0.04", "61000", "BTC-PERP")]),
    )


def test_the_last_digit_of_a_figure_is_the_same_everywhere() -> None:
    """Whole numbers, so that a machine which comes to others decides otherwise."""
    standard = evaluate(book(), quotes(25, 150), cut(), RISK)
    portfolio = evaluate(under_portfolio(book()), quotes(25, 150), cut(), RISK)

    assert (
        Interval(5617_246292878636575056, 5663_270594221960170613, 5708_905445932299025878)
        == standard.surplus
    )
    assert (
        Interval(5556_352238491115042300, 5617_328815109931127295, 5678_244745235338392869)
        == portfolio.surplus
    )
