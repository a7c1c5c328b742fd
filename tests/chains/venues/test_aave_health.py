"""Our health of every account equals `getUserAccountData` of the published contracts, to the unit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from chains.client import ChainClient
from chains.devnet.protocols.aave import LISTINGS, SEED, AavePool
from chains.venues.aave_v3.health import AccountData, account_data
from chains.venues.aave_v3.state import PoolState
from chains.venues.aave_v3.venue import AaveV3
from chains.venues.reading import Answer, Question
from chains.venues.venue import Blocked, Borrower, Obstacle
from tests.chains.venues.aave_crowd import Member, members, seat
from tests.chains.venues.local import BROKEN_CODE, LocalChain, person

pytestmark = pytest.mark.chain

PRICES = {each.symbol: each.price for each in LISTINGS}
FALLS = (
    ("WETH", 985),
    ("WBTC", 993),
    ("USDC", 1004),
    ("STETH", 970),
    ("WETH", 960),
    ("WBTC", 930),
    ("WETH", 700),
)


async def told(pool: AavePool, crowd: list[Member]) -> dict[str, AccountData]:
    """Return what the pool itself says of everybody."""
    answers = await asyncio.gather(*(pool.account_data(member.who) for member in crowd))
    return {member.who: AccountData(*answer) for member, answer in zip(crowd, answers, strict=True)}


def computed(state: PoolState, now_s: int) -> dict[str, object]:
    return {who: account_data(state, account, now_s) for who, account in state.accounts.items()}


async def test_every_account_at_every_block_while_prices_fall_and_interest_accrues(
    chain: LocalChain, pool: AavePool, aave: AaveV3
) -> None:
    crowd = members(40)
    await seat(pool, crowd)
    state = await aave.read([member.borrower for member in crowd], await chain.head())
    liquidatable = []

    for round_, (symbol, thousandths) in enumerate(FALLS):
        await chain.pass_time((1, 2, 12, 3_600, 86_400, 7 * 86_400, 40 * 86_400)[round_])
        await pool.set_price(symbol, PRICES[symbol] * thousandths // 1000)
        head = await chain.head()
        state = await aave.read([], head, known=state)
        said = await told(pool, crowd)

        assert said == computed(state, head.timestamp)
        liquidatable.append(sum(data.health_factor < 10**18 for data in said.values()))

    assert liquidatable[0] < 5
    assert liquidatable[-1] > 10


async def test_interest_alone_takes_an_account_below_one_and_no_read_is_needed_to_see_it(
    chain: LocalChain, pool: AavePool, aave: AaveV3
) -> None:
    crowd = members(10, seed=3)
    await seat(pool, crowd)
    state = await aave.read([member.borrower for member in crowd], await chain.head())
    fallen = []

    for days in (0, 1, 30, 300, 3_000):
        head = await chain.pass_time(1 + 86_400 * days)
        said = await told(pool, crowd)

        assert said == computed(state, head.timestamp)
        fallen.append(sum(data.health_factor < 10**18 for data in said.values()))

    assert fallen[0] == 0 < fallen[-1]


async def test_a_loan_at_a_fixed_rate_is_computed_too(
    chain: LocalChain, pool: AavePool, aave: AaveV3
) -> None:
    who = person(1)
    await pool.supply(SEED, "USDC", 10**13)
    await pool.supply(who, "WETH", 10**19)
    await pool.borrow(who, "USDC", 3_000 * 10**6)
    await pool.borrow(who, "USDC", 9_000 * 10**6, fixed_rate=True)
    state = await aave.read([Borrower(who)], await chain.head())

    head = await chain.pass_time(123_456_7)

    assert AccountData(*await pool.account_data(who)) == account_data(
        state, state.accounts[who], head.timestamp
    )
    assert any(balance.stable_rate for balance in state.accounts[who].balances.values())


@pytest.mark.parametrize("answer", ["reverts", "zero", "negative"])
async def test_a_broken_feed_poisons_who_uses_it_and_nobody_else(
    chain: LocalChain, pool: AavePool, aave: AaveV3, answer: str
) -> None:
    holder, other = person(1), person(2)
    await pool.supply(SEED, "USDC", 10**13)
    await pool.supply(holder, "WBTC", 10**8)
    await pool.supply(other, "WETH", 10**19)
    for who in (holder, other):
        await pool.borrow(who, "USDC", 10**9)
    if answer == "reverts":
        await chain.node.rpc("anvil_setCode", pool.feeds["WBTC"], BROKEN_CODE)
    else:
        await pool.set_price("WBTC", 0 if answer == "zero" else -1)
    head = await chain.pass_time(1)

    state = await aave.read([Borrower(holder), Borrower(other)], head)

    assert aave.health(state, Borrower(holder), head.timestamp).obstacle is Obstacle.PRICE_UNKNOWN
    assert aave.best(state, Borrower(holder), head.timestamp) == Blocked(
        Obstacle.PRICE_UNKNOWN, pool.tokens["WBTC"]
    )
    assert (await pool.account_data(other))[5] == aave.health(
        state, Borrower(other), head.timestamp
    ).health_wad
    with pytest.raises(Exception, match="revert"):
        await pool.account_data(holder)


async def test_a_price_change_costs_the_same_requests_for_one_account_as_for_forty(
    chain: LocalChain, pool: AavePool, aave: AaveV3, reader: ChainClient
) -> None:
    crowd = members(40)
    await seat(pool, crowd)
    head = await chain.head()
    everybody = await aave.read([member.borrower for member in crowd], head)
    somebody = replace(everybody, accounts={crowd[2].who: everybody.accounts[crowd[2].who]})

    costs = []
    for known in (somebody, everybody):
        counting = Counting(reader)
        await AaveV3(counting, pool.pool).read([], head, known=known)
        costs.append((counting.rounds, counting.questions))

    assert costs[0] == costs[1]
    assert costs[1][0] <= 3


class Counting:
    """A chain that counts what it is asked."""

    def __init__(self, chain: ChainClient) -> None:
        self._chain = chain
        self.rounds = self.questions = 0

    async def call_many(self, calls: Sequence[Question], block_hash: str) -> list[Answer]:
        self.rounds += 1
        self.questions += len(calls)
        return await self._chain.call_many(calls, block_hash)
