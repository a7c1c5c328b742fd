"""Morpho's borrowers are found in its logs, and their liquidations rehearsed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.client import ChainClient
from chains.devnet.protocols.morpho import LISTINGS, MorphoMarkets
from chains.venues.index import VenueIndex
from chains.venues.morpho_blue.state import MarketsState
from chains.venues.morpho_blue.venue import MorphoBlue
from chains.venues.rehearsal import RehearsableVenue, rehearse
from chains.venues.simulation import ClientSimulator
from chains.venues.venue import Borrower, Liquidation, Obstacle
from tests.chains.venues.local import LocalChain, person
from tests.chains.venues.morpho_crowd import LIQUIDATOR, deployed, seat

pytestmark = [pytest.mark.chain, pytest.mark.slow]


@pytest.fixture
async def markets(chain: LocalChain) -> MorphoMarkets:
    return await deployed(chain)


@pytest.fixture
def venue(markets: MorphoMarkets, reader: ChainClient) -> RehearsableVenue[MarketsState]:
    return MorphoBlue(reader, markets.morpho, tuple(markets.markets.values()))


@pytest.fixture
def index(venue: RehearsableVenue[MarketsState], reader: ChainClient) -> VenueIndex[MarketsState]:
    return VenueIndex(venue, reader, first_block=0, reorg_blocks=64)


async def test_a_crowd_is_found_and_held_as_it_is(
    chain: LocalChain, markets: MorphoMarkets, index: VenueIndex[MarketsState]
) -> None:
    await index.update(await chain.head())
    crowd = await seat(markets, 12)

    await index.update(await chain.head())

    assert set(crowd) == index.borrowers
    assert frozenset() == await index.reconcile(await chain.pass_time(1_000))


async def test_everybody_can_be_liquidated_at_the_price_that_calls_for_it(
    chain: LocalChain,
    markets: MorphoMarkets,
    venue: RehearsableVenue[MarketsState],
    index: VenueIndex[MarketsState],
    reader: ChainClient,
) -> None:
    crowd = await seat(markets, 12)
    head = await chain.head()
    state = await index.update(head)
    simulator, block = ClientSimulator(reader), (head.hash, head.timestamp)

    found = [await rehearse(venue, simulator, state, each, LIQUIDATOR, block) for each in crowd]
    poor = await rehearse(venue, simulator, state, crowd[0], person(700), block)

    assert [] == [each for each in found if not each.ready]
    assert all(each.share_bps and 8_900 < each.share_bps <= 10_000 for each in found)
    assert "transferFrom reverted" == poor.failure


async def test_a_lost_race_is_told_by_its_reason(
    chain: LocalChain,
    markets: MorphoMarkets,
    venue: RehearsableVenue[MarketsState],
    index: VenueIndex[MarketsState],
) -> None:
    name = LISTINGS[0].name
    await markets.open(name, person(1), 10**18, 2_500 * 10**6)
    await markets.set_price(name, LISTINGS[0].price * 95 // 100)
    state = await index.update(await chain.head())
    found = venue.best(state, markets.borrower(name, person(1)), state.timestamp_s)
    assert isinstance(found, Liquidation)
    call = venue.call(found)
    await chain.send_raw(LIQUIDATOR, call.to, call.data)

    assert Obstacle.HEALTHY is venue.refusal(await chain.reverted(call.to, call.data, LIQUIDATOR))


async def test_more_than_there_is_shows_as_less_than_was_asked(
    chain: LocalChain,
    markets: MorphoMarkets,
    venue: RehearsableVenue[MarketsState],
    index: VenueIndex[MarketsState],
) -> None:
    name = LISTINGS[0].name
    await markets.open(name, person(1), 10**18, 2_500 * 10**6)
    await markets.set_price(name, LISTINGS[0].price * 95 // 100)
    borrower: Borrower = markets.borrower(name, person(1))
    state = await index.update(await chain.head())
    found = venue.best(state, borrower, state.timestamp_s)
    assert isinstance(found, Liquidation)
    await chain.send_raw(LIQUIDATOR, *_part(venue, found))

    call = venue.call(found)

    assert Obstacle.LESS_THAN_ASKED is venue.refusal(await chain.reverted(call.to, call.data, LIQUIDATOR))


def _part(venue: RehearsableVenue[MarketsState], whole: Liquidation) -> tuple[str, bytes]:
    call = venue.call(replace(whole, repay_argument=whole.repay_argument // 100))
    return call.to, call.data
