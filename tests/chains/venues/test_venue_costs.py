"""What a price change costs at a venue of many accounts: requests and time until the liquidation is sent."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from eth_abi.abi import encode

from chains.client import ChainClient
from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.protocols.aave import SEED, AavePool
from chains.devnet.transactor import Transactor
from chains.endpoint import Endpoint
from chains.hub.codec import selector
from chains.venues.aave_v3.state import PoolState
from chains.venues.aave_v3.venue import AaveV3
from chains.venues.index import VenueIndex
from chains.venues.venue import Liquidation
from config.secrets import SecretUrl
from tests.chains.venues.local import CHAIN_ID, LocalChain, person

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(300)]

ROUND_TRIP_S = 0.02
SIZES = (100, 1_000, 5_000)
WORST = 7
"""Every so many-th account falls with the price."""
US = person(99_999)
SUPPLY = selector("supply(address,uint256,address,uint16)")
BORROW = selector("borrow(address,uint256,uint256,uint16,address)")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one price change: requests, what was found, seconds until all is known and until the first is sent."""

    requests: int
    liquidatable: int
    known_s: float
    sent_s: float


async def grow(pool: AavePool, first: int, last: int) -> None:
    """Open these accounts: one ether each, and dollars against it."""
    await pool.chain.node.rpc("evm_setAutomine", False)
    transactor = Transactor(pool.chain.node)
    owners = [person(index) for index in range(first, last)]
    await transactor.enrich(SEED, *owners)
    weth, usdc = pool.tokens["WETH"], pool.tokens["USDC"]
    for owner in owners:
        data = SUPPLY + encode(["address", "uint256", "address", "uint16"], [weth, 10**18, owner, 0])
        await transactor.call(SEED, pool.pool, data, "supply")
    await transactor.flush()
    types = ["address", "uint256", "uint256", "uint16", "address"]
    for index, owner in enumerate(owners, start=first):
        borrowed = (2_350 if index % WORST == 0 else 1_500) * 10**6 + index
        data = BORROW + encode(types, [usdc, borrowed, 2, 0, owner])
        await transactor.call(owner, pool.pool, data, "borrow")
    await transactor.flush()
    await pool.chain.node.rpc("evm_setAutomine", True)


async def price_change(
    pool: AavePool, aave: AaveV3, index: VenueIndex[PoolState], proxy: RpcProxy, price: int
) -> Cost:
    """Lower the price, and do with it what a keeper does: up to the first liquidation, in the next block."""
    await pool.set_price("WETH", price)
    head = await pool.chain.head()
    before, started = proxy.requests, time.perf_counter()
    state = await index.update(head)
    found = [aave.best(state, borrower, head.timestamp + 1) for borrower in sorted(index.borrowers)]
    plans = [each for each in found if isinstance(each, Liquidation)]
    known_s, requests = time.perf_counter() - started, proxy.requests - before
    if plans:
        call = aave.call(max(plans, key=lambda each: each.gain_value))
        receipt = await pool.chain.send_raw(US, call.to, call.data)
        assert head.number + 1 == int(receipt["blockNumber"], 16)
    return Cost(requests, len(plans), known_s, time.perf_counter() - started)


async def test_a_price_change_costs_as_many_requests_for_thousands_as_for_a_hundred(
    chain: LocalChain, pool: AavePool
) -> None:
    await pool.supply(SEED, "USDC", 10**15)
    await pool.supply(SEED, "WETH", 10**18)
    await pool.endow(SEED, "WETH", 10**22)
    await pool.endow(US, "USDC", 10**12)
    genesis = (await chain.node.rpc("eth_getBlockByNumber", "0x0", False))["hash"]
    costs: dict[int, Cost] = {}
    async with RpcProxy(chain.node.url) as proxy:
        endpoint = Endpoint(
            SecretUrl(f"http://127.0.0.1:{proxy.port}"), max_requests_per_s=10_000, timeout_s=30.0
        )
        client = ChainClient("local", CHAIN_ID, genesis, [endpoint])
        await client.connect()
        aave = AaveV3(client, pool.pool)
        index: VenueIndex[PoolState] = VenueIndex(aave, client, first_block=0, reorg_blocks=8)
        for smaller, size in zip((0, *SIZES), SIZES, strict=False):
            await pool.set_price("WETH", 3_001_23456789)
            await grow(pool, smaller, size)
            await index.update(await chain.head())
            proxy.latency_s = ROUND_TRIP_S
            costs[size] = await price_change(pool, aave, index, proxy, 2_700_00000000)
            proxy.latency_s = 0.0
            await index.update(await chain.head())
        await client.aclose()

    print("\naccounts  requests  liquidatable  known after  sent after  one call each")
    for size, cost in costs.items():
        naive_s = size * ROUND_TRIP_S
        print(
            f"{size:8,}  {cost.requests:8}  {cost.liquidatable:12,}  {cost.known_s * 1000:8.0f} ms  "
            f"{cost.sent_s * 1000:7.0f} ms  {size:,} requests, over {naive_s:.0f} s"
        )
    assert len({cost.requests for cost in costs.values()}) == 1
    assert all(cost.liquidatable >= size // WORST - len(SIZES) for size, cost in costs.items())
