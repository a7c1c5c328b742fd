"""What the on-chain sources give for the numbers of a published vector."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

from eth_abi.abi import encode

from config.source_settings import ChainlinkSourceSettings
from config.units import format_decimal
from oracles.price import FailureKind, QuoteFailure
from oracles.sources import ticks
from oracles.sources.chainlink import ChainlinkSource
from oracles.sources.exponents import to_decimals_down
from oracles.sources.origin import BadAnswer
from oracles.sources.sequencer import SequencerFeed
from tests.oracles.words import BLOCK_S, FEED, round_data, word


def tick_root(given: Mapping[str, Any]) -> object:
    """The square root of a tick's price, times 2^96."""
    return str(ticks.sqrt_ratio_x96(given["tick"]))


def mean_tick(given: Mapping[str, Any]) -> object:
    then, now = given["cumulatives"]
    return ticks.mean_tick(now - then, given["window_s"])


def pool_price(given: Mapping[str, Any]) -> object:
    """A pool's price from that of token 0 in raw units of token 1, or from a tick."""
    with localcontext() as context:
        context.prec = 120
        root_x96 = (
            ticks.sqrt_ratio_x96(given["tick"])
            if "tick" in given
            else int(Decimal(given["raw"]).sqrt() * ticks.Q96)
        )
    base_decimals, quote_decimals = given["decimals"]
    found_wad = ticks.price_wad(
        root_x96,
        base_is_token0=not given["invert"],
        base_decimals=base_decimals,
        quote_decimals=quote_decimals,
    )
    return format_decimal(found_wad, 18, given.get("places"))


def exponent(given: Mapping[str, Any]) -> object:
    """An integer with a power of ten in fixed decimals, None where it is refused."""
    try:
        return str(to_decimals_down(int(given["price"]), given["exponent"], given["decimals"]))
    except BadAnswer:
        return None


def uptime(given: Mapping[str, Any]) -> object:
    """Whether a sequencer counts as up."""
    answer = round_data(given["answer"], started_at=BLOCK_S - given["seconds"])
    return SequencerFeed(FEED, given["grace_s"]).read([answer], BLOCK_S).up


def within_bounds(given: Mapping[str, Any]) -> object:
    """Whether an answer between a feed's bounds is a price."""
    source = ChainlinkSource(
        ChainlinkSourceSettings(
            kind="chainlink",
            name="feed",
            pair="ETH/USD",
            group="feeds",
            chain="alpha",
            address=FEED,
            bound_margin_bps=0,
        )
    )
    bounds = [encode(["int256"], [bound]) for bound in given["bounds"]]
    answers = [round_data(given["answer"]), word(8), None, *bounds, None, None]
    found = source.read(answers, BLOCK_S, BLOCK_S * 1000)
    if isinstance(found, QuoteFailure):
        assert found.kind is FailureKind.AT_BOUND
        return False
    return True
