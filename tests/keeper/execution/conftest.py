"""A node that mines when told, and a lane on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from keeper.state import fault_points
from tests.chains.nodes import Node
from tests.keeper.execution.scene import ETHER, Scene


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    node = Node()
    try:
        await node.start("--no-mining")
        yield node
    finally:
        await node.admin.aclose()
        node.kill()


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
