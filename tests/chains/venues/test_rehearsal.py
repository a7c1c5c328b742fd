"""What would fail when a price falls is known before it does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.client import ChainClient
from chains.devnet.protocols.aave import LISTINGS, SEED, AavePool
from chains.errors import Reverted
from chains.venues.aave_v3.venue import AaveV3
from chains.venues.rehearsal import Pretended, Rehearsal, rehearse, trigger_bps
from chains.venues.simulation import ClientSimulator
from chains.venues.venue import Blocked, Borrower, Liquidation, Obstacle
from tests.chains.venues.aave_crowd import members, seat
from tests.chains.venues.local import LocalChain, person

pytestmark = pytest.mark.chain

US = person(999)
WHO = Borrower(person(1))


async def rehearsed(chain: LocalChain, aave: AaveV3, reader: ChainClient, borrower: Borrower) -> Rehearsal:
    head = await chain.head()
    state = await aave.read([borrower], head)
    return await rehearse(aave, ClientSimulator(reader), state, borrower, US, (head.hash, head.timestamp))


@pytest.fixture
async def healthy(pool: AavePool) -> None:
    """Somebody at a health of 1.12: 10 WETH against 22,000 dollars."""
    await pool.supply(SEED, "USDC", 10**13)
    await pool.supply(WHO.account, "WETH", 10**19)
    await pool.borrow(WHO.account, "USDC", 22_000 * 10**6)


async def test_who_has_the_tokens_is_ready_at_the_price_that_calls_for_it(
    chain: LocalChain, pool: AavePool, aave: AaveV3, reader: ChainClient, healthy: None
) -> None:
    await pool.endow(US, "USDC", 20_000 * 10**6)

    found = await rehearsed(chain, aave, reader, WHO)

    assert found.ready
    assert 8_830 == found.share_bps  # 22,000 dollars at 0.9999 over 83 % of 10 WETH at 3,001.23
    await pool.set_price("WETH", 3_001_23456789 * 8_830 // 10_000)
    assert (await pool.account_data(WHO.account))[5] < 10**18
    await pool.set_price("WETH", 3_001_23456789 * 8_832 // 10_000)
    assert (await pool.account_data(WHO.account))[5] >= 10**18


async def test_an_allowance_that_was_forgotten_is_told(
    chain: LocalChain, pool: AavePool, aave: AaveV3, reader: ChainClient, healthy: None
) -> None:
    await pool.endow(US, "USDC", 20_000 * 10**6)
    await chain.send(US, pool.tokens["USDC"], "approve(address,uint256)", pool.pool, 0)

    found = await rehearsed(chain, aave, reader, WHO)

    assert not found.ready
    assert "allowance" in found.failure


async def test_funds_that_do_not_suffice_are_told(
    chain: LocalChain, pool: AavePool, aave: AaveV3, reader: ChainClient, healthy: None
) -> None:
    await pool.endow(US, "USDC", 10 * 10**6)

    found = await rehearsed(chain, aave, reader, WHO)

    assert not found.ready
    assert "balance" in found.failure


async def test_what_no_fall_of_its_collateral_endangers_is_told_so(
    chain: LocalChain, pool: AavePool, aave: AaveV3, reader: ChainClient
) -> None:
    await pool.supply(WHO.account, "WETH", 10**19)

    found = await rehearsed(chain, aave, reader, WHO)

    assert Rehearsal(WHO, None, Blocked(Obstacle.HEALTHY)) == found


async def test_a_whole_crowd_is_rehearsed_without_a_failure(
    chain: LocalChain, pool: AavePool, aave: AaveV3, reader: ChainClient
) -> None:
    crowd = [member for member in members(20) if member.mode != 2]
    await seat(pool, crowd)
    for each in LISTINGS:
        await pool.endow(US, each.symbol, 10 ** (each.decimals + 7))
    head = await chain.head()
    state = await aave.read([member.borrower for member in crowd], head)
    block = (head.hash, head.timestamp)

    found = [await rehearse(aave, ClientSimulator(reader), state, each.borrower, US, block) for each in crowd]

    assert [] == [each for each in found if not each.ready]
    assert all(isinstance(each.planned, Liquidation) and each.share_bps for each in found)


async def test_many_are_simulated_in_few_requests_and_one_that_reverts_fails_only_itself(
    chain: LocalChain, pool: AavePool, aave: AaveV3, reader: ChainClient, healthy: None
) -> None:
    await pool.endow(US, "USDC", 20_000 * 10**6)
    head = await chain.head()
    state = await aave.read([WHO], head)
    share_bps = trigger_bps(aave, state, WHO, head.timestamp)
    assert share_bps is not None
    fallen = aave.with_collateral_at(state, WHO, share_bps)
    planned = aave.best(fallen, WHO, head.timestamp)
    assert isinstance(planned, Liquidation)
    call = aave.call(planned)
    good = Pretended(US, call.to, call.data, aave.pretended_prices(fallen))
    poor = replace(good, sender=person(998))
    before = sum(reader.pool.endpoints[0].counters.values())

    found = await ClientSimulator(reader).simulate_many([good, poor] * 45, head.hash)

    assert 90 == len(found)
    assert {True} == {isinstance(each, bytes) for each in found[::2]}
    assert {True} == {isinstance(each, Reverted) for each in found[1::2]}
    assert 90 == sum(reader.pool.endpoints[0].counters.values()) - before  # calls, in three requests
