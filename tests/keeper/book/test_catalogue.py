"""What the settings say that the hubs' tokens and markets are."""

from __future__ import annotations

from typing import Any

import pytest

from chains.hub.events import BadDebtRecorded
from config.settings import Settings
from keeper.book.catalogue import KnownMarket, KnownToken, known_chains
from keeper.book.leg_state import LegRow, LegState

USDC, WETH = "0x" + "11" * 20, "0x" + "22" * 20


def settings(**chain: Any) -> Settings:
    described: dict[str, Any] = {
        "chain_id": 7,
        "genesis_hash": "0x" + "0" * 64,
        "endpoints": [{"url": "http://127.0.0.1:1"}],
        "hub": "0x" + "33" * 20,
        "tokens": [
            {"address": USDC, "asset": "USDC", "decimals": 6},
            {"address": WETH, "asset": "ETH", "decimals": 18},
        ],
        "markets": [{"market": "ETH-PERP", "hub_id": 3}],
        "finality_depth": 9,
    }
    tiers = [{"up_to_value": "1", "maintenance_bps": 1, "initial_bps": 1}]
    return Settings.model_validate(
        {
            "state_log": "keeper.db",
            "assets": {"ETH": {}, "USDC": {}},
            "markets": {"ETH-PERP": {"asset": "ETH", "tiers": tiers}},
            "chains": {"here": described | chain},
            "sources": [
                {
                    "kind": "http",
                    "name": "one",
                    "pair": "ETH/USD",
                    "group": "one",
                    "url": "http://127.0.0.1:1",
                }
            ],
        }
    )


PENALTIES = {("here", USDC): 100, ("here", WETH): 500}


def test_tokens_are_numbered_in_the_order_of_the_settings_and_the_first_is_the_stable() -> None:
    known = known_chains(settings(), PENALTIES)["here"]

    assert (7, 9) == (known.chain_id, known.finality_depth)
    assert KnownToken(0, USDC, "USDC", 6, 100) == known.stable
    assert KnownToken(1, WETH, "ETH", 18, 500) == known.tokens[WETH]
    assert {3: KnownMarket(3, "ETH-PERP", "ETH")} == known.markets


def test_a_first_token_that_is_not_what_is_owed_is_refused() -> None:
    with pytest.raises(ValueError, match="the first token must be the hub's stable, ETH"):
        known_chains(settings(debt_asset="ETH"), PENALTIES)


def test_a_penalty_that_was_not_read_is_not_guessed() -> None:
    with pytest.raises(ValueError, match=f"penalty of token {WETH} is not known"):
        known_chains(settings(), {("here", USDC): 100})


def test_a_market_that_is_not_described_is_refused() -> None:
    with pytest.raises(ValueError, match="market BTC-PERP is not described"):
        known_chains(settings(markets=[{"market": "BTC-PERP", "hub_id": 0}]), PENALTIES)


def test_a_row_has_twenty_words() -> None:
    with pytest.raises(ValueError, match="19 words"):
        LegRow.from_words("0x", [0] * 19)


def test_a_token_number_beyond_the_settings_is_kept_and_not_readable() -> None:
    words = [0] * 20
    words[0], words[8] = 1, 5

    state = LegRow.from_words("0x", words).state(known_chains(settings(), PENALTIES)["here"], LegState())

    assert {"token number 2": 5} == state.collateral


def test_an_event_that_tells_nothing_about_the_leg_leaves_it() -> None:
    state = LegState(debt=5)

    assert state is state.after(BadDebtRecorded("0x", 1, 1), 0)
