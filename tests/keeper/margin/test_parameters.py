"""The policy and its digest."""

from __future__ import annotations

from dataclasses import replace

from config.canonical import digest
from config.settings import Settings
from keeper.margin.parameters import LegAges, RiskPolicy, Tier, canonical_form, policy_hash
from tests.keeper.margin.builders import POLICY

SETTINGS = {
    "state_log": "keeper.db",
    "assets": {"ETH": {"collateral_weight_bps": 8_000, "initial_collateral_weight_bps": 7_500}, "USDC": {}},
    "markets": {
        "ETH-PERP": {
            "asset": "ETH",
            "tiers": [{"up_to_value": "50000", "maintenance_bps": 3, "initial_bps": 5}],
        }
    },
    "chains": {
        "here": {
            "chain_id": 1,
            "genesis_hash": "0x" + "0" * 64,
            "endpoints": [{"url": "http://127.0.0.1:1"}],
            "hub": "0x" + "11" * 20,
            "tokens": [{"address": "0x" + "22" * 20, "asset": "USDC", "decimals": 6}],
            "stale_after_s": 1.5,
        }
    },
    "sources": [
        {"kind": "http", "name": "one", "pair": "ETH/USD", "group": "one", "url": "http://127.0.0.1:1"}
    ],
}


def test_a_policy_is_the_settings_in_whole_numbers() -> None:
    policy = RiskPolicy.from_settings(Settings.model_validate(SETTINGS))

    assert (8_000, 7_500, 10_000, 10_000) == (
        policy.assets["ETH"].collateral_weight_bps,
        policy.assets["ETH"].initial_collateral_weight_bps,
        policy.assets["ETH"].liability_weight_bps,
        policy.assets["ETH"].initial_liability_weight_bps,
    )
    assert (Tier(50_000 * 10**18, 3, 5),) == policy.markets["ETH-PERP"].tiers
    assert LegAges(1_500, 60_000) == policy.chains["here"]
    assert 105 * 10**16 == policy.target_health_wad


def test_the_digest_is_of_the_canonical_form() -> None:
    assert digest(canonical_form(POLICY)) == policy_hash(POLICY)
    assert "chains" not in canonical_form(POLICY)


def test_whatever_changes_the_formula_changes_the_digest_and_ages_do_not() -> None:
    older = replace(POLICY, chains={name: LegAges(1, 2) for name in POLICY.chains})
    deeper = replace(POLICY, gain_weight_bps=POLICY.gain_weight_bps - 1)

    assert policy_hash(POLICY) == policy_hash(older)
    assert policy_hash(POLICY) != policy_hash(deeper)


def test_the_order_in_the_file_does_not_matter() -> None:
    turned = replace(POLICY, assets=dict(reversed(list(POLICY.assets.items()))))

    assert policy_hash(POLICY) == policy_hash(turned)
