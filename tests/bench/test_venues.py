"""What a price change costs a running daemon at a venue of many accounts, beside asking for each. Run by `make bench`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from eth_abi.abi import encode

from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.verdicts import Params
from chains.devnet.npm import NpmFailed
from chains.devnet.packages import AAVE, UNISWAP, fetch
from chains.devnet.protocols.aave import SEED
from chains.devnet.transactor import Transactor
from chains.endpoint import Endpoint
from chains.hub.codec import selector
from chains.venues.words import address_word
from config.secrets import SecretUrl
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.lenders import Lenders, person
from tests.end_to_end.rounds import steady_prices
from tests.end_to_end.stage import Stage

pytestmark = [
    pytest.mark.chain,
    pytest.mark.slow,
    pytest.mark.timeout(540),
    pytest.mark.asyncio(loop_scope="module"),
]
SIZES = (100, 1_000, 5_000)
FALLING = 8
"""So many of each size fall with the price; the others come close."""
ROUND_TRIP_S = 0.02
ASKED_ONE_BY_ONE = 100
CALM, LOW = 2_000, 1_880
SUPPLY = selector("supply(address,uint256,address,uint16)")
BORROW = selector("borrow(address,uint256,uint256,uint16,address)")
ACCOUNT_DATA = selector("getUserAccountData(address)")
POLL = [("eth_getBlockByNumber", ["latest", False])]


@dataclass
class Cost:
    """Of one price change. `naive_s` is what one call for each account takes, one after the other."""

    requests: int = 0
    calls: int = 0
    sent_s: float = 0.0
    blocks: set[int] = field(default_factory=set)
    naive_s: float = 0.0

    def hear(self, calls: list[tuple[str, Params]]) -> None:
        """Count what passes, but for polls of the newest block."""
        if calls != POLL:
            self.requests += 1
            self.calls += len(calls)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lenders(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lenders]:
    try:
        fetch(AAVE, UNISWAP)
    except NpmFailed as failure:
        pytest.skip(str(failure))
    plan = ChainPlan("gamma", 31_164, block_time_s=0, pace_s=40)
    directory: Path = tmp_path_factory.mktemp("bench-venues")
    async with Stage(directory, plan, alone=True, text=steady_prices) as stage:
        lenders = Lenders(stage)
        await lenders.open()
        await lenders.aave.endow(SEED, "WETH", 10**23)
        await lenders.aave.supply(SEED, "USDC", 10**15)
        yield lenders


async def grow(lenders: Lenders, first: int, last: int) -> list[str]:
    """Open these accounts: ten ether each, and dollars against it. Returns who of them falls."""
    chain, pool, tokens = lenders.stage.chain, lenders.aave.pool, lenders.aave.tokens
    transactor = Transactor(chain.node)
    owners = [person(index) for index in range(first, last)]
    falling = owners[:FALLING]
    await transactor.enrich(SEED, *owners)
    for owner in owners:
        data = SUPPLY + encode(
            ["address", "uint256", "address", "uint16"], [tokens["WETH"], 10**19, owner, 0]
        )
        await transactor.call(SEED, pool, data, "supply")
    await transactor.flush()
    types = ["address", "uint256", "uint256", "uint16", "address"]
    for index, owner in enumerate(owners, start=first):
        debt = (15_700 if owner in falling else 15_000) * 10**6 + index
        await transactor.call(
            owner, pool, BORROW + encode(types, [tokens["USDC"], debt, 2, 0, owner]), "borrow"
        )
    await transactor.flush()
    return falling


async def naive(lenders: Lenders, proxy: RpcProxy, size: int) -> float:
    """Return the seconds that one call for each account takes: measured for some, and told for all."""
    endpoint = Endpoint(SecretUrl(proxy.url), max_requests_per_s=100_000, timeout_s=30.0)
    asked = min(size, ASKED_ONE_BY_ONE)
    began_s = time.perf_counter()
    for index in range(1, asked + 1):
        data = "0x" + (ACCOUNT_DATA + address_word(person(index))).hex()
        await endpoint.request("eth_call", [{"to": lenders.aave.pool, "data": data}, "latest"])
    took_s = time.perf_counter() - began_s
    await endpoint.aclose()
    return took_s / asked * size


async def price_change(lenders: Lenders, falling: list[str], size: int) -> Cost:
    """Let the price fall under a running daemon, and count until all that fell are sent, then mined."""
    stage, cost = lenders.stage, Cost()
    proxy = stage.chain.proxy
    async with Daemon(stage.config):
        await lenders.known(*falling)
        proxy.latency_s = ROUND_TRIP_S
        proxy.listeners.append(cost.hear)
        began_s = time.perf_counter()
        fell = await lenders.move("ETH", LOW)
        await lenders.sent(*falling)
        cost.sent_s = time.perf_counter() - began_s
        proxy.listeners.remove(cost.hear)
        await stage.chain.mine()
        endings = await lenders.ended("liquidated", *falling)
        cost.blocks = {int(each["block_number"]) - fell for each in endings}
        cost.naive_s = await naive(lenders, proxy, size)
        proxy.latency_s = 0.0
    return cost


async def test_a_price_change_costs_nothing_for_each_account(lenders: Lenders) -> None:
    costs: dict[int, Cost] = {}
    for smaller, size in zip((0, *SIZES), SIZES, strict=False):
        await lenders.move("ETH", CALM)
        falling = await grow(lenders, smaller + 1, size + 1)
        costs[size] = await price_change(lenders, falling, size)

    print("\naccounts  requests  calls  per account  all sent after  blocks  one call for each")
    for size, cost in costs.items():
        of_each = (cost.calls - costs[SIZES[0]].calls) / max(size - SIZES[0], 1)
        print(
            f"{size:8,}  {cost.requests:8}  {cost.calls:5}  {of_each:11.4f}  {cost.sent_s * 1000:11.0f} ms"
            f"  {max(cost.blocks):6}  {size:,} requests, {cost.naive_s:.1f} s"
        )
    more_calls = costs[SIZES[-1]].calls - costs[SIZES[0]].calls
    assert 0 == max(more_calls, 0) // (SIZES[-1] - SIZES[0])
    assert more_calls < SIZES[-1] // 10
    assert {1} == set().union(*(cost.blocks for cost in costs.values()))
