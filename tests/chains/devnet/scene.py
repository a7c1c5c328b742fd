"""Local chains with everything deployed, for tests that need a real hub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from chains.client import ChainClient
from chains.devnet.accounts import LocalHub
from chains.devnet.anvil import Anvil
from chains.devnet.deploy import HubTerms, deploy
from chains.endpoint import Endpoint
from chains.keys import Key
from config.secrets import SecretUrl
from config.units import WAD

PRICES = {"ETH": 3_000 * WAD, "BTC": 60_000 * WAD, "USDC": WAD}
KEEPER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
POLICY = "0x" + "70" * 32
SIGNERS = tuple(Key(bytes([number]) * 32) for number in (1, 2, 3))
TERMS = HubTerms(tuple(key.address for key in SIGNERS), 2, POLICY)
USDC = 10**6
BITCOIN = 10**8
"""One whole token, raw."""


@asynccontextmanager
async def local_hubs(
    *nodes: Anvil, terms: HubTerms = TERMS, with_options: bool = False
) -> AsyncIterator[dict[str, LocalHub]]:
    """Start nodes and deploy on each; the chains are called alpha, beta and so on."""
    async with AsyncExitStack() as stack:
        hubs = {}
        for name, node in zip(("alpha", "beta", "gamma"), nodes, strict=False):
            await stack.enter_async_context(node)
            deployment = await deploy(node, name, PRICES, terms, KEEPER, with_options=with_options)
            hubs[name] = LocalHub(node, deployment)
        yield hubs


@asynccontextmanager
async def connected(hub: LocalHub) -> AsyncIterator[ChainClient]:
    """A client of the hub's chain."""
    deployment = hub.deployment
    endpoint = Endpoint(SecretUrl(hub.node.url), max_requests_per_s=10_000, timeout_s=10)
    client = ChainClient(deployment.chain, deployment.chain_id, deployment.genesis_hash, [endpoint])
    async with aclosing(client):
        await client.connect()
        yield client


def as_words(answer: bytes) -> Sequence[int]:
    """An answer's words as integers."""
    return [int.from_bytes(answer[at : at + 32]) for at in range(0, len(answer), 32)]
