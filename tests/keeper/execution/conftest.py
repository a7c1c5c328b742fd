"""A node that mines when told, and a lane on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chains.devnet.anvil import Anvil
from keeper.state import fault_points
from tests.keeper.execution.scene import (
    CHAIN_ID,
    EMITTER,
    EMITTER_CODE,
    ETHER,
    REVERTER,
    REVERTER_CODE,
    Node,
    Scene,
)


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with Anvil(CHAIN_ID, block_time_s=0) as anvil:
        node = Node(anvil.url)
        node.genesis_hash = (await node("eth_getBlockByNumber", "0x0", False))["hash"]
        await node("anvil_setCode", EMITTER, EMITTER_CODE)
        await node("anvil_setCode", REVERTER, REVERTER_CODE)
        yield node
        await node.aclose()


@pytest.fixture
async def scene(node: Node, tmp_path: Path) -> AsyncIterator[Scene]:
    client = node.client()
    await client.connect()
    scene = Scene(node, client, tmp_path / "state.db")
    await node("anvil_setBalance", scene.key.address, hex(100 * ETHER))
    await scene.open()
    yield scene
    await scene.assert_sound()
    await scene.close()
    await client.aclose()


@pytest.fixture(autouse=True)
def _no_faults_left() -> Iterator[None]:
    yield
    fault_points.clear()
