from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.canonical import canonical_json, digest
from config.units import WAD
from oracles.freshness import AgePolicy
from oracles.price import FailureKind, Price, PriceSet, Quote, QuoteFailure
from oracles.record import canonical, from_canonical, price_set
from tests.oracles.evidence import EXACT, NOW_MS, ages, failure, priced, quote

SHARE = EXACT.model_copy(update={"priced_in": "USDC"})


def prices_of(*answers: Quote | QuoteFailure) -> dict[str, Price]:
    unit_answers = [
        quote("a", WAD, pair="USDC/USD", confidence=3, timed=False),
        quote("b", 0, pair="USDC/USD"),
    ]
    unit = priced("USDC", EXACT, unit_answers, ages(unit_answers), NOW_MS)
    share_answers = [quote("x", 2 * WAD, pair="ETH/USDC"), *answers]
    return {"ETH": priced("ETH", SHARE, share_answers, ages(share_answers), NOW_MS, unit), "USDC": unit}


def example() -> PriceSet:
    return price_set(NOW_MS, prices_of(failure("y", FailureKind.AT_BOUND)))


def test_a_set_is_read_back_from_its_canonical_form_and_from_json() -> None:
    assert example() == from_canonical(canonical(example()))
    assert example() == from_canonical(json.loads(canonical_json(canonical(example()))))


@given(st.integers(0, 10**15), st.text(max_size=5), st.sampled_from(FailureKind))
def test_any_time_and_any_reason_come_back(as_of_ms: int, detail: str, kind: FailureKind) -> None:
    prices = price_set(as_of_ms, prices_of(QuoteFailure("y", "g", "ETH/USDC", kind, detail, as_of_ms)))
    assert prices == from_canonical(json.loads(canonical_json(canonical(prices))))


def test_the_id_is_the_digest_of_the_time_and_of_each_prices_form() -> None:
    form: Any = canonical(example())
    prices = {asset: digest(price) for asset, price in form["prices"].items()}
    assert example().id == digest({"as_of_ms": form["as_of_ms"], "prices": prices})


def test_a_digest_that_is_kept_is_not_made_again() -> None:
    kept: dict[str, str] = {}
    first = price_set(NOW_MS, prices_of(), kept)
    assert {"ETH", "USDC"} == kept.keys()
    assert first.id == price_set(NOW_MS, prices_of(), kept).id
    del kept["ETH"]
    assert first.id == price_set(NOW_MS, prices_of(), kept).id


def test_the_id_does_not_depend_on_the_order_of_assets_but_on_every_part() -> None:
    prices = example()
    assert price_set(NOW_MS, dict(reversed(list(prices.prices.items())))).id == prices.id
    assert price_set(NOW_MS + 1, prices.prices).id != prices.id
    assert price_set(NOW_MS, prices_of(failure("y", FailureKind.MALFORMED))).id != prices.id


def test_a_price_multiplied_by_a_price_that_is_not_in_the_set_has_no_form() -> None:
    prices = prices_of()
    other = priced("USDC", EXACT, [], AgePolicy({}), NOW_MS)
    with pytest.raises(ValueError, match="not in its set"):
        price_set(NOW_MS, {"ETH": prices["ETH"], "USDC": other})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda form: form.pop("as_of_ms"),
        lambda form: form.update(as_of_ms=5),
        lambda form: form.update(as_of_ms="05"),
        lambda form: form.update(extra="1"),
        lambda form: form["prices"]["ETH"].pop("status"),
        lambda form: form["prices"]["ETH"].update(status="fine"),
        lambda form: form["prices"]["ETH"].update(low_wad="1e3"),
        lambda form: form["prices"]["ETH"].update(via="ETH"),
        lambda form: form["prices"]["ETH"].update(via="BTC"),
        lambda form: form["prices"]["ETH"].update(uses="none"),
        lambda form: form["prices"]["ETH"]["uses"][0].update(used="true"),
        lambda form: form["prices"]["ETH"]["uses"][0]["quote"].pop("weight"),
        lambda form: form["prices"]["ETH"]["uses"][0].pop("quote"),
        lambda form: form["prices"]["ETH"]["uses"][1]["failure"].update(kind="bad_luck"),
    ],
)
def test_anything_else_is_refused(spoil: Callable[[Any], object]) -> None:
    form = json.loads(canonical_json(canonical(example())))
    spoil(form)
    with pytest.raises(ValueError):
        from_canonical(form)
