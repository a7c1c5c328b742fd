"""Rows that begin at a contract: read by the source that the daemon has for it."""

from __future__ import annotations

from config.source_settings import Erc4626SourceSettings, PythSourceSettings, UniswapV3SourceSettings
from config.units import WAD
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.erc4626 import Erc4626Source
from oracles.sources.pyth import PythSource
from oracles.sources.uniswap_v3 import UniswapV3Source
from tests.oracles.evidence import NOW_MS

SECOND = NOW_MS // 1_000
ORIGIN = {"name": "source", "group": "source", "chain": "alpha", "address": "0x" + "ab" * 20}


def words(*values: int) -> bytes:
    return b"".join((value % 2**256).to_bytes(32) for value in values)


def test_06_pyth_bitcoin_with_a_confidence_as_wide_as_its_price_is_no_quote() -> None:
    source = PythSource(
        PythSourceSettings.model_validate(
            {**ORIGIN, "kind": "pyth", "pair": "BTC/USD", "feed_id": "0x" + "e6" * 32}
        )
    )
    right = source.read([words(43_000 * 10**8, 20 * 10**8, -8, SECOND)], SECOND, NOW_MS)
    wrong = source.read([words(5_402 * 10**8, 2_100 * 10**8, -8, SECOND)], SECOND, NOW_MS)

    assert isinstance(right, Quote)
    assert isinstance(wrong, QuoteFailure)
    assert FailureKind.UNSURE is wrong.kind


def test_08_inverse_a_pool_that_does_not_remember_the_window_has_no_price_and_not_its_spot() -> None:
    base, quote = 0xAA, 0xBB
    tokens = {"base_token": f"0x{base:040x}", "quote_token": f"0x{quote:040x}"}
    source = UniswapV3Source(
        UniswapV3SourceSettings.model_validate(
            {**ORIGIN, **tokens, "kind": "uniswap_v3", "pair": "INV/ETH", "min_depth": "1"}
        )
    )
    slot = words(2**96, 0, 0, 10_000, 10_000, 0, 1)
    identity = [words(base), words(quote), words(18), words(18)]
    said = source.read([None, slot, *identity], SECOND, NOW_MS)

    assert isinstance(said, QuoteFailure)
    assert (FailureKind.UNSURE, True) == (said.kind, "does not remember" in said.detail)


def test_19_venus_wusdm_a_rate_that_was_donated_to_is_refused_by_its_cap() -> None:
    source = Erc4626Source(
        Erc4626SourceSettings.model_validate(
            {**ORIGIN, "kind": "erc4626", "pair": "WUSDM/USDM", "max_rate": "2", "max_growth_bps": 1_000}
        )
    )
    before = source.read([words(106 * WAD // 100)], SECOND, NOW_MS)
    donated = source.read([words(17 * WAD // 10)], SECOND + 12, NOW_MS + 12_000)

    assert isinstance(before, Quote)
    assert isinstance(donated, QuoteFailure)
    assert FailureKind.AT_BOUND is donated.kind
