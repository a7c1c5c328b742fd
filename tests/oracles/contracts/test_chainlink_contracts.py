"""Chainlink's own FluxAggregator behind its own EACAggregatorProxy."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from config.settings import ChainSettings
from config.source_settings import ChainlinkSourceSettings
from config.units import WAD
from keeper.watch.feeds import Feeds
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.chainlink import ChainlinkSource
from oracles.sources.sequencer import SequencerState
from tests.oracles.contracts.ground import Ground, Refused
from tests.oracles.contracts.packages import CHAINLINK

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]

NOBODY = "0x" + "00" * 20
FLUX = "abi/v0.6/FluxAggregator.json"
PROXY = "abi/v0.6/EACAggregatorProxy.json"
LEAST, MOST = 10**7, 10**13


@dataclass
class Aggregator:
    """A FluxAggregator with three oracles; a round is answered when two have spoken."""

    ground: Ground
    address: str
    rounds: int = 0

    @classmethod
    async def create(
        cls, ground: Ground, least: int = LEAST, most: int = MOST, decimals: int = 8
    ) -> Aggregator:
        types = "address uint128 uint32 address int256 int256 uint8 string"
        address = await ground.publish(
            CHAINLINK, FLUX, types, NOBODY, 0, 600, NOBODY, least, most, decimals, "ETH / USD"
        )
        oracles = ground.people[1:4]
        await ground.send(
            address,
            "changeOracles(address[],address[],address[],uint32,uint32,uint32)",
            *([], oracles, oracles, 2, 3, 0),
        )
        return cls(ground, address)

    async def answer(self, *values: int) -> None:
        """Have the oracles say these values in a new round."""
        self.rounds += 1
        for oracle, value in enumerate(values, 1):
            await self.ground.send(self.address, "submit(uint256,int256)", self.rounds, value, by=oracle)


async def proxy_of(ground: Ground, aggregator: Aggregator) -> str:
    return await ground.publish(CHAINLINK, PROXY, "address address", aggregator.address, NOBODY)


async def point(ground: Ground, proxy: str, aggregator: Aggregator) -> None:
    await ground.send(proxy, "proposeAggregator(address)", aggregator.address)
    await ground.send(proxy, "confirmAggregator(address)", aggregator.address)


def settings(address: str, margin_bps: int = 1_000) -> ChainlinkSourceSettings:
    return ChainlinkSourceSettings(
        kind="chainlink",
        name="feed",
        pair="ETH/USD",
        group="chainlink",
        chain="alpha",
        address=address,
        bound_margin_bps=margin_bps,
    )


def kind_of(found: Quote | QuoteFailure) -> FailureKind:
    assert isinstance(found, QuoteFailure), found
    return found.kind


async def test_a_round_through_the_proxy_is_a_price_as_of_its_update(ground: Ground) -> None:
    aggregator = await Aggregator.create(ground)
    source = ChainlinkSource(settings(await proxy_of(ground, aggregator)))
    await aggregator.answer(3_000_00000000, 3_010_00000000)
    updated_at = (await ground.client.head()).timestamp
    await ground.wait(100)

    quote = await ground.read(source)

    assert isinstance(quote, Quote), quote
    assert quote.value_wad == 3_005 * WAD
    assert quote.source_time_ms is not None
    assert 0 <= updated_at * 1000 - quote.source_time_ms <= 2_000


async def test_a_feed_without_any_round_yet_is_refused(ground: Ground) -> None:
    source = ChainlinkSource(settings(await proxy_of(ground, await Aggregator.create(ground))))
    assert FailureKind.REFUSED is kind_of(await ground.read(source))


async def test_a_round_that_is_still_open_carries_the_last_answer(ground: Ground) -> None:
    aggregator = await Aggregator.create(ground)
    source = ChainlinkSource(settings(await proxy_of(ground, aggregator)))
    await aggregator.answer(3_000_00000000, 3_000_00000000, 3_000_00000000)
    await ground.wait(60)

    await aggregator.answer(2_000_00000000)

    quote = await ground.read(source)
    assert isinstance(quote, Quote), quote
    assert quote.value_wad == 3_000 * WAD


async def test_a_round_that_timed_out_is_incomplete(ground: Ground) -> None:
    """An oracle opens round 2, nobody follows, and round 3 closes it: the contract copies round 1 into it."""
    aggregator = await Aggregator.create(ground)
    proxy = await proxy_of(ground, aggregator)
    await aggregator.answer(3_000_00000000, 3_000_00000000, 3_000_00000000)
    await aggregator.answer(2_000_00000000)
    await ground.wait(700)
    aggregator.rounds += 1
    await ground.send(aggregator.address, "submit(uint256,int256)", 3, 2_500_00000000, by=2)

    round_two = await ground.ask(
        proxy, "getRoundData(uint80)", "uint80 int256 uint256 uint256 uint80", (1 << 64) + 2
    )
    assert (1 << 64) + 1 == round_two[4]

    source = ChainlinkSource(settings(proxy))
    carried = await ground.read(source)
    asked = b"".join(part.to_bytes(32) for part in round_two)
    head = await ground.client.head()
    answers = [asked, (8).to_bytes(32), bytes.fromhex(aggregator.address[2:]).rjust(32, b"\0")]
    assert isinstance(carried, Quote), carried
    assert FailureKind.INCOMPLETE_ROUND is kind_of(
        source.read(answers, head.timestamp, head.timestamp * 1000)
    )


async def test_a_switch_of_the_aggregator_is_neither_old_nor_incomplete_and_brings_its_own_bounds(
    ground: Ground,
) -> None:
    old, new = await Aggregator.create(ground), await Aggregator.create(ground, 1_900_00000000)
    proxy = await proxy_of(ground, old)
    source = ChainlinkSource(settings(proxy))
    for _ in range(3):
        await old.answer(2_000_00000000, 2_000_00000000)
    before = await ground.read(source)
    await new.answer(2_500_00000000, 2_500_00000000)

    await point(ground, proxy, new)

    after = await ground.read(source)
    assert isinstance(before, Quote), before
    assert isinstance(after, Quote), after
    assert (2_000 * WAD, 2_500 * WAD) == (before.value_wad, after.value_wad)
    assert (2,) == await ground.ask(proxy, "phaseId()", "uint16")

    await new.answer(2_000_00000000, 2_000_00000000)
    assert FailureKind.AT_BOUND is kind_of(await ground.read(source))


async def test_an_aggregator_with_another_scale_is_refused(ground: Ground) -> None:
    old, new = await Aggregator.create(ground), await Aggregator.create(ground, decimals=18, most=10**30)
    proxy = await proxy_of(ground, old)
    source = ChainlinkSource(settings(proxy))
    await old.answer(2_000_00000000, 2_000_00000000)
    await new.answer(2_000 * WAD, 2_000 * WAD)
    assert isinstance(await ground.read(source), Quote)

    await point(ground, proxy, new)

    assert FailureKind.MALFORMED is kind_of(await ground.read(source))


async def test_luna_below_the_least_answer_of_its_feed(ground: Ground) -> None:
    aggregator = await Aggregator.create(ground)
    source = ChainlinkSource(settings(await proxy_of(ground, aggregator)))
    await aggregator.answer(12_000_000, 12_000_000)
    above = await ground.read(source)

    with pytest.raises(Refused):
        await aggregator.answer(1_000_000)
    aggregator.rounds -= 1
    await aggregator.answer(10_700_000, 10_700_000)
    near = await ground.read(source)
    await aggregator.answer(LEAST, LEAST)
    at = await ground.read(source)

    assert isinstance(above, Quote), above
    assert FailureKind.AT_BOUND is kind_of(near)
    assert FailureKind.AT_BOUND is kind_of(at)


async def test_the_aggregator_itself_may_be_the_address(ground: Ground) -> None:
    aggregator = await Aggregator.create(ground, 2_000_00000000)
    source = ChainlinkSource(settings(aggregator.address, margin_bps=0))
    await aggregator.answer(2_000_00000001, 2_000_00000001)
    above = await ground.read(source)
    await aggregator.answer(2_000_00000000, 2_000_00000000)
    assert isinstance(above, Quote), above
    assert FailureKind.AT_BOUND is kind_of(await ground.read(source))


async def test_an_uptime_feed_gates_the_chains_prices(ground: Ground) -> None:
    """Rollups' uptime feeds are read through the same proxy; a round's start is since when the state holds."""
    feed, uptime = await Aggregator.create(ground), await Aggregator.create(ground, 0, 1, decimals=0)
    await feed.answer(3_000_00000000, 3_000_00000000)
    chain = ChainSettings.model_validate(
        {
            "chain_id": 31_197,
            "genesis_hash": "0x" + "12" * 32,
            "endpoints": [{"url": "http://127.0.0.1:1"}],
            "hub": "0x" + "f5" * 20,
            "tokens": [{"address": "0x" + "f6" * 20, "asset": "USDC", "decimals": 6}],
            "sequencer_feed": await proxy_of(ground, uptime),
            "sequencer_grace_s": 600.0,
        }
    )
    feeds = Feeds("alpha", [settings(feed.address)], chain)
    seen: list[tuple[SequencerState, bool]] = []

    async def look() -> None:
        reading = await ground.read_feeds(feeds)
        assert reading.sequencer is not None
        seen.append((reading.sequencer.state, isinstance(reading.quotes[0], Quote)))

    await look()
    await uptime.answer(0, 0, 0)
    await ground.wait(700)
    await look()
    await uptime.answer(1, 1, 1)
    await look()
    await uptime.answer(0, 0, 0)
    await look()
    await ground.wait(700)
    await look()

    assert [
        (SequencerState.UNKNOWN, False),
        (SequencerState.UP, True),
        (SequencerState.DOWN, False),
        (SequencerState.IN_GRACE, False),
        (SequencerState.UP, True),
    ] == seen
