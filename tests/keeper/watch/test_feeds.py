from __future__ import annotations

from collections.abc import Mapping

import pytest
from eth_abi.abi import encode

from config.settings import ChainSettings
from config.source_settings import ChainlinkSourceSettings, PythSourceSettings
from config.units import WAD
from keeper.watch.feeds import FeedReading, Feeds
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.sequencer import SequencerState

NOW_MS = 1_700_000_000_000
BLOCK_S = NOW_MS // 1000
FEED = "0x" + "f1" * 20
OTHER_FEED = "0x" + "f2" * 20
PYTH = "0x" + "f3" * 20
UPTIME = "0x" + "f4" * 20

SOURCES = (
    ChainlinkSourceSettings(
        kind="chainlink", name="eth", pair="ETH/USD", group="chainlink", chain="alpha", address=FEED
    ),
    PythSourceSettings(
        kind="pyth",
        name="btc",
        pair="BTC/USD",
        group="pyth",
        chain="alpha",
        address=PYTH,
        feed_id="0x" + "ab" * 32,
    ),
    ChainlinkSourceSettings(
        kind="chainlink", name="far", pair="ETH/USD", group="chainlink", chain="beta", address=OTHER_FEED
    ),
)


def chain(**more: object) -> ChainSettings:
    return ChainSettings.model_validate(
        {
            "chain_id": 1,
            "genesis_hash": "0x" + "12" * 32,
            "endpoints": [{"url": "http://127.0.0.1:1"}],
            "hub": "0x" + "f5" * 20,
            "tokens": [{"address": "0x" + "f6" * 20, "asset": "USDC", "decimals": 6}],
        }
        | more
    )


def words(*values: int) -> bytes:
    return encode(["int256"] * len(values), values)


def answered(feeds: Feeds, uptime: bytes | None = None) -> FeedReading:
    """What is read where every contract says what it should, and the uptime feed this."""
    said: Mapping[tuple[str, str], bytes | None] = {
        (FEED, "feaf968c"): words(7, 3_000 * 10**8, BLOCK_S, BLOCK_S, 7),
        (FEED, "313ce567"): words(8),
        (PYTH, "96834ad3"): words(60_000 * 10**8, 10**8, -8, BLOCK_S),
        (UPTIME, "feaf968c"): uptime,
    }
    answers = [said.get((to.lower(), data[:4].hex())) for to, data in feeds.calls()]
    return feeds.read(answers, BLOCK_S, NOW_MS)


def uptime_round(answer: int, seconds: int) -> bytes:
    return words(1, answer, BLOCK_S - seconds, BLOCK_S - seconds, 1)


def test_only_the_sources_of_the_chain_are_read() -> None:
    reading = answered(Feeds("alpha", SOURCES))
    assert ["eth", "btc"] == [quote.source for quote in reading.quotes]
    assert all(isinstance(quote, Quote) for quote in reading.quotes)
    assert reading.sequencer is None


def test_a_hubs_own_price_is_its_feeds_and_not_what_another_oracle_says_on_the_chain() -> None:
    assert {"ETH": 3_000 * WAD} == answered(Feeds("alpha", SOURCES)).hub_prices


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_feeds_of_an_asset_the_one_that_the_hub_reads_is_its_price(order: int) -> None:
    two = [SOURCES[0], SOURCES[2].model_copy(update={"chain": "alpha"})][::order]
    feeds = Feeds("alpha", two)
    value = {FEED: 3_000, OTHER_FEED: 3_300}
    answers = [
        {"feaf968c": words(7, value[to.lower()] * 10**8, BLOCK_S, BLOCK_S, 7), "313ce567": words(8)}.get(
            data.hex()
        )
        for to, data in feeds.calls()
    ]

    reading = feeds.read(answers, BLOCK_S, NOW_MS, {SOURCES[0].address})

    assert {"ETH": 3_000 * WAD} == reading.hub_prices
    assert 2 == len(reading.quotes)


class TestSequencer:
    FEEDS = chain(sequencer_feed=UPTIME, sequencer_grace_s=600.0)

    def test_prices_count_while_it_is_up(self) -> None:
        reading = answered(Feeds("alpha", SOURCES, self.FEEDS), uptime_round(0, 601))
        assert all(isinstance(quote, Quote) for quote in reading.quotes)
        assert reading.sequencer is not None
        assert SequencerState.UP is reading.sequencer.state

    @pytest.mark.parametrize(
        ("uptime", "state"),
        [
            (uptime_round(1, 5), SequencerState.DOWN),
            (uptime_round(0, 600), SequencerState.IN_GRACE),
            (words(0, 0, 0, 0, 0), SequencerState.UNKNOWN),
            (None, SequencerState.UNKNOWN),
            (b"\0", SequencerState.UNKNOWN),
        ],
    )
    def test_else_no_price_of_its_chain_counts_and_the_hubs_own_is_still_known(
        self, uptime: bytes | None, state: SequencerState
    ) -> None:
        reading = answered(Feeds("alpha", SOURCES, self.FEEDS), uptime)

        assert reading.sequencer is not None
        assert state is reading.sequencer.state
        for quote in reading.quotes:
            assert isinstance(quote, QuoteFailure)
            assert FailureKind.SEQUENCER is quote.kind
            assert reading.sequencer.reason == quote.detail
        assert {"ETH": 3_000 * WAD} == reading.hub_prices

    def test_a_source_that_failed_anyway_keeps_its_own_reason(self) -> None:
        feeds = Feeds("alpha", SOURCES, self.FEEDS)
        reading = feeds.read([uptime_round(1, 5), *[None] * (len(feeds.calls()) - 1)], BLOCK_S, NOW_MS)
        assert [FailureKind.REFUSED] * 2 == [
            quote.kind for quote in reading.quotes if isinstance(quote, QuoteFailure)
        ]


def test_calls_change_once_the_bounds_are_known() -> None:
    feeds = Feeds("alpha", SOURCES)
    asked = feeds.calls()
    answered(feeds)
    assert len(asked) - 4 == len(feeds.calls())
    answered(feeds)
    assert len(asked) - 4 == len(feeds.calls())


def test_a_silent_chain_makes_every_source_stale() -> None:
    assert [FailureKind.STALE] * 2 == [each.kind for each in Feeds("alpha", SOURCES).silent(NOW_MS)]
