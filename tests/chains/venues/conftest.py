"""A local chain, and a pool of Aave v3.0 on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chains.client import ChainClient
from chains.devnet.npm import NpmFailed
from chains.devnet.packages import AAVE, MORPHO, SOLC, UNISWAP, fetch
from chains.devnet.protocols.aave import AavePool
from chains.venues.aave_v3.venue import AaveV3
from tests.chains.venues.local import LocalChain, free_anvil


@pytest.fixture(autouse=True)
def _published(request: pytest.FixtureRequest) -> None:
    """Skip what needs published contracts where no registry answers."""
    if request.node.get_closest_marker("chain"):
        try:
            fetch(AAVE, UNISWAP, MORPHO, SOLC)
        except NpmFailed as failure:
            pytest.skip(str(failure))


@pytest.fixture
async def chain() -> AsyncIterator[LocalChain]:
    async with free_anvil() as node:
        yield LocalChain(node)


@pytest.fixture
async def reader(chain: LocalChain) -> AsyncIterator[ChainClient]:
    client = await chain.client()
    yield client
    await client.aclose()


@pytest.fixture
async def pool(chain: LocalChain) -> AavePool:
    pool = AavePool(chain)
    await pool.deploy()
    return pool


@pytest.fixture
def aave(pool: AavePool, reader: ChainClient) -> AaveV3:
    return AaveV3(reader, pool.pool)
