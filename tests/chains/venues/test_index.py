"""Everybody with a position is found in the logs, and nobody is read without need."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chains.client import ChainClient
from chains.devnet.protocols.aave import AavePool
from chains.venues.aave_v3.state import PoolState
from chains.venues.aave_v3.venue import AaveV3
from chains.venues.index import VenueIndex
from chains.venues.reading import Answer, Question
from chains.venues.venue import Borrower, Liquidation, Obstacle, Venue
from tests.chains.venues.aave_crowd import members, seat
from tests.chains.venues.local import LocalChain, person

pytestmark = pytest.mark.chain

REORG_BLOCKS = 64


class Counting:
    """A chain that counts the questions it is asked."""

    def __init__(self, chain: ChainClient) -> None:
        self._chain = chain
        self.questions = 0

    async def call_many(self, calls: Sequence[Question], block_hash: str) -> list[Answer]:
        self.questions += len(calls)
        return await self._chain.call_many(calls, block_hash)


@pytest.fixture
def counting(reader: ChainClient) -> Counting:
    return Counting(reader)


@pytest.fixture
def index(pool: AavePool, reader: ChainClient, counting: Counting) -> VenueIndex[PoolState]:
    venue: Venue[PoolState] = AaveV3(counting, pool.pool)
    return VenueIndex(venue, reader, first_block=0, reorg_blocks=REORG_BLOCKS)


async def agrees(pool: AavePool, aave: AaveV3, state: PoolState, who: Sequence[str]) -> None:
    """The index knows of each what the pool says."""
    for each in who:
        health = (await pool.account_data(each))[5]
        assert health == aave.health(state, Borrower(each), state.timestamp_s).health_wad


async def test_a_crowd_is_found_while_it_comes_and_nobody_had_anything_else_than_was_held(
    chain: LocalChain, pool: AavePool, aave: AaveV3, index: VenueIndex[PoolState]
) -> None:
    crowd = members(12)
    await index.update(await chain.head())
    await seat(pool, crowd)

    state = await index.update(await chain.head())

    assert {member.borrower for member in crowd} <= index.borrowers
    await agrees(pool, aave, state, [member.who for member in crowd])
    assert frozenset() == await index.reconcile(await chain.head())


async def test_a_receipt_that_changes_hands_changes_both_accounts(
    chain: LocalChain, pool: AavePool, aave: AaveV3, index: VenueIndex[PoolState]
) -> None:
    giver, taker = person(1), person(2)
    await pool.supply(giver, "WETH", 10**19)
    state = await index.update(await chain.head())
    receipt = next(each.a_token for each in state.reserves.values() if each.asset == pool.tokens["WETH"])
    await chain.send(giver, receipt, "transfer(address,uint256)", taker, 4 * 10**18)

    state = await index.update(await chain.head())

    now_s = state.timestamp_s
    supplied = {who: aave.positions(state, Borrower(who), now_s)[0].supplied for who in (giver, taker)}
    assert {giver: 6 * 10**18, taker: 4 * 10**18} == supplied


async def test_a_block_without_logs_costs_the_same_for_forty_as_for_five(
    chain: LocalChain, pool: AavePool, index: VenueIndex[PoolState], counting: Counting
) -> None:
    costs = []
    for count in (5, 40):
        await seat(pool, members(count))
        await index.update(await chain.head())
        before = counting.questions
        await pool.set_price("WETH", 2_900_12345678)
        await index.update(await chain.head())
        costs.append(counting.questions - before)

    assert costs[0] == costs[1]


async def test_a_reorganisation_takes_back_what_it_took(
    chain: LocalChain, pool: AavePool, aave: AaveV3, index: VenueIndex[PoolState]
) -> None:
    stays, goes = person(1), person(2)
    await pool.supply(stays, "WETH", 10**19)
    before = await chain.node.rpc("evm_snapshot")
    await pool.supply(stays, "WETH", 10**19)
    await pool.supply(goes, "WBTC", 10**8)
    state = await index.update(await chain.head())
    assert 2 * 10**19 == aave.positions(state, Borrower(stays), state.timestamp_s)[0].supplied

    await chain.node.rpc("evm_revert", before)
    await chain.pass_time(5)
    state = await index.update(await chain.head())

    assert 10**19 == aave.positions(state, Borrower(stays), state.timestamp_s)[0].supplied
    assert () == aave.positions(state, Borrower(goes), state.timestamp_s)
    await agrees(pool, aave, state, [stays, goes])


async def test_a_lost_race_is_told_by_its_reason(
    chain: LocalChain, pool: AavePool, aave: AaveV3, index: VenueIndex[PoolState]
) -> None:
    who, first = person(1), person(999)
    await pool.supply(person(3), "USDC", 10**13)
    await pool.supply(who, "WETH", 10**19)
    await pool.borrow(who, "USDC", 24_000 * 10**6)
    await pool.endow(first, "USDC", 10**12)
    await pool.set_price("WETH", 2_800_00000000)
    state = await index.update(await chain.head())
    found = aave.best(state, Borrower(who), state.timestamp_s)
    assert isinstance(found, Liquidation)
    call = aave.call(found)
    await chain.send_raw(first, call.to, call.data)

    data = await chain.reverted(call.to, call.data)

    assert Obstacle.HEALTHY is aave.refusal(data)
