"""Nodes for the tests of this folder: a real one, and one that lies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from chains.client import ChainClient
from tests.chains.fakes import FakeNode, fake_node
from tests.chains.nodes import Closing, Node, Opened


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    node = Node()
    try:
        await node.start()
        yield node
    finally:
        await node.stop()


@pytest.fixture
async def client(node: Node) -> AsyncIterator[ChainClient]:
    client = node.client()
    await client.connect()
    yield client
    await client.aclose()


@pytest.fixture
async def fake() -> AsyncIterator[FakeNode]:
    async with fake_node() as node:
        yield node


@pytest.fixture
async def other_fake() -> AsyncIterator[FakeNode]:
    async with fake_node() as node:
        yield node


@pytest.fixture
async def closing() -> AsyncIterator[Closing]:
    """Closes what a test opened, also when it fails."""
    async with AsyncExitStack() as stack:

        def closing(opened: Opened) -> Opened:
            stack.push_async_callback(opened.aclose)
            return opened

        yield closing
