"""Broken files with their advice followed, just so far: at the border nothing is said any more."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from config.loader import examine

BROKEN = Path(__file__).parent / "broken"
PRESETS = ("coinbase", "kraken", "okx")

MENDED = [
    ("e101_unit_forgotten", "max_age = 5.0", "max_age_s = 5.0"),
    ("e107_float_for_a_ratio", "1.05  #", '"1.05"  #'),
    ("e109_weight_above_all", "97000", "10000"),
    ("e109_decimals_of_a_feed", "256", "36"),
    ("e110_nineteen_places", "1.0500000000000000001", "1.050000000000000001"),
    (
        "e113_capitals_changed",
        "AAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        "aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    ),
    ("e119_bracket_of_ipv6_missing", "http://[::1:8545", "http://[::1]:8545"),
    ("e121_port_out_of_range", "65536", "65535"),
    ("e122_home_of_someone", "~/", "/home/"),
    ("e301_one_chain_id_twice", "chain_id = 1  #", "chain_id = 2  #"),
    ("e303_one_node_for_two_chains", ":443/", ":444/"),
    ("e304_fails_over_to_itself", "nodes.test/", "nodes.test/two"),
    ("e309_fifth_market_of_a_hub", "hub_id = 4", "hub_id = 3"),
    ("e317_precompile_as_hub", "00ffff", "010000"),
    ("e322_unknown_before_stale", "unknown_after_s = 30.0", "unknown_after_s = 60.0"),
    ("e323_stale_between_blocks", "stale_after_s = 10.0", "stale_after_s = 12.1"),
    ("e326_hour_above_day", "6000000000000000000", "5000000000000000000"),
    ("e326_transaction_above_hour", "2000000000000000000", "980000000000000000"),
    ("e327_reserve_takes_all", "950000000000000000", "900000000000000000"),
    ("w329_reserve_too_small", "gas_wei = 2000000000000", "gas_wei = 952000000000"),
    ("e403_tether_is_not_the_dollar", "ETH/USDT", "ETH/USD"),
    ("e403_inverse_in_no_unit", "USDC/ETH", "USD/ETH"),
    ("e403_vault_the_wrong_way_round", "ETH/VETH", "VETH/ETH"),
    ("e407_more_sources_than_there_are", "min_sources = 3", "min_sources = 2"),
    ("e411_preset_misspelt", "krakken", "kraken"),
    ("e415_older_than_its_next_poll", "poll_interval_s = 60.0", "poll_interval_s = 30.0"),
    ("e415_feed_older_than_a_block", "max_age_s = 5.0", "max_age_s = 12.0"),
    ("w418_answers_after_its_age", "timeout_s = 10.0", "timeout_s = 5.0"),
    ("w420_one_group_outweighs_all", "weight = 5", "weight = 1"),
    ("w421_outliers_end_the_price", "outlier_floor_bps = 100", "outlier_floor_bps = 99"),
    ("e425_no_rate_is_taken", '"0"', '"0.000000000000000001"'),
    ("e426_decimals_differ", "share_decimals = 8", "share_decimals = 18"),
    ("e501_initial_weight_above_maintenance", "9800", "9700"),
    ("e502_only_one_liability_weight", "= 10500", "= 10500\ninitial_liability_weight_bps = 10500"),
    ("e503_tiers_fall", '"2000000"', '"999999.999999999999999999"'),
    ("e504_opening_needs_less", "initial_bps = 300", "initial_bps = 500"),
    ("e505_no_margin", "maintenance_bps = 0,", "maintenance_bps = 1,"),
    ("e507_larger_needs_less", "maintenance_bps = 400", "maintenance_bps = 500"),
    ("e508_target_is_one", '"1.00"', '"1.000000000000000001"'),
    ("e509_margin_call_as_a_percentage", '"0.10"', '"1.000000000000000001"'),
    ("e510_clears_below_its_start", '"1.08"', '"1.100000000000000001"'),
    ("w512_target_above_the_notice", '"1.50"', '"1.12"'),
    ("e606_signer_misspelt", '"sendr"', '"sender"'),
    ("e611_over_before_the_next_block", "deadline_s = 2.0", "deadline_s = 2.1"),
    ("e612_confirmed_another_chain", "confirm_chain_id = 10", "confirm_chain_id = 1"),
    ("e614_more_signatures_than_attestors", "threshold = 4", "threshold = 3"),
    ("e615_no_majority", "threshold = 1", "threshold = 2"),
    ("e622_one_log_for_two", '"./keeper.db"', '"./attestor.db"'),
    ("e622_key_as_its_own_password", 'keys/sender.json"  #', 'keys/sender.password"  #'),
    ("e626_public_key", "https://alpha.nodes.test", "http://127.0.0.1:8545"),
    ("w623_node_in_the_clear", "http://alpha.nodes.test", "http://localhost"),
]


@pytest.mark.parametrize(("stem", "wrong", "right"), MENDED, ids=[stem for stem, _, _ in MENDED])
def test_a_mended_file_has_no_findings(
    stem: str, wrong: str, right: str, place: Callable[[str], Path]
) -> None:
    text = (BROKEN / f"{stem}.toml").read_text()
    assert wrong in text
    path = place(re.sub(r"  # <-.*", "  #", text).replace(wrong, right))

    assert [] == [str(finding) for finding in examine(path, PRESETS).findings]


def test_two_keystores_may_have_one_password(place: Callable[[str], Path]) -> None:
    text = (BROKEN / "w605_one_key_two_signers.toml").read_text()
    path = place(text.replace("keys/second.password", "keys/sender.password"))

    assert ["W605"] == [finding.code for finding in examine(path, PRESETS).findings]


@pytest.mark.parametrize(
    ("stem", "named"),
    [
        ("e106_weight_as_a_fraction", "in basis points 0.95 is 9500"),
        ("e311_token_of_no_asset", "[assets.WETH], or: USDC"),
        ("e314_market_not_configured", "[markets.ETHPERP], or name one that there is: ETH-PERP"),
        ("e402_source_for_no_asset", "[assets.ETH]"),
        ("e402_inverse_of_no_asset", "did you mean USD/ETH?"),
        ("e403_vault_the_wrong_way_round", 'write pair = "VETH/ETH"'),
        ("e405_circle", "must end at USD"),
        ("e411_preset_misspelt", 'did you mean "kraken"? there are coinbase, kraken, okx'),
        ("e414_feed_on_no_chain", "name one of: alpha"),
        ("e606_signer_misspelt", "name one that there is: sender"),
        ("e614_more_signatures_than_attestors", "between 2 and 3"),
        ("e101_key_in_another_table", "it belongs into [chains.NAME] or [[sources]] of kind http"),
        ("e101_section_misspelt", "did you mean risk?"),
        (
            "e101_does_not_hide_what_else_is_wrong",
            "not written here yet are: also_priced_in, estimates, floor_bps",
        ),
        ("e428_vault_is_the_hub", "the vault's own address"),
        ("e428_feed_is_the_token", "the feed's own address"),
        ("e102_no_chain_id", "add it to [chains.alpha]: chain_id = 1"),
        ("e113_capitals_changed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        ("e126_one_bracket_for_sources", "[[sources]]"),
    ],
)
def test_an_advice_names_what_there_is(stem: str, named: str, place: Callable[[str], Path]) -> None:
    findings = examine(place((BROKEN / f"{stem}.toml").read_text()), PRESETS).findings

    assert any(named in finding.advice for finding in findings)
