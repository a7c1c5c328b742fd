"""A chain that mines when told, with everything on it, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chains.client import ChainClient
from chains.devnet.accounts import LocalHub
from chains.devnet.anvil import Anvil
from tests.chains.devnet.scene import connected, local_hubs


@pytest.fixture
async def hub() -> AsyncIterator[LocalHub]:
    async with local_hubs(Anvil(31_111, block_time_s=0)) as hubs:
        yield hubs["alpha"]


@pytest.fixture
async def chain(hub: LocalHub) -> AsyncIterator[ChainClient]:
    async with connected(hub) as client:
        yield client
