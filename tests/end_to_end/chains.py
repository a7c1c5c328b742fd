"""Local chains under test: a node, a proxy before it, its contracts, and what happened on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chains.devnet.anvil import Anvil
from chains.devnet.deploy import (
    APPROVE,
    MINT,
    OWNER,
    UNLIMITED,
    Deployment,
    HubTerms,
    address_word,
    deploy,
    set_feed,
)
from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.transactor import Transactor
from chains.hub.codec import decode, selector, word
from chains.hub.events import HubEvent, Liquidated
from config.units import parse_wad
from keeper.demo.configure import LocalChain
from keeper.runtime.clock import now_ms

SET_POLICY = selector("set_policy(bytes32)")
NO_POLICY = "0x" + "00" * 32


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """A chain to start. `block_time_s` is its node's: 0 mines only when told. `pace_s` is what the operator says.

    The pace bounds how old a head may be (four times it), so a test that is not about age says a slow one.
    """

    name: str
    chain_id: int
    block_time_s: float = 1.0
    pace_s: float = 5.0
    with_options: bool = False


@dataclass(frozen=True, slots=True)
class Happened:
    """One of the hub's events and where it is."""

    block: int
    tx_hash: str
    event: HubEvent


class TestChain:
    """One running chain. `proxy` is the daemon's way to it; the test itself asks the node."""

    __test__ = False

    def __init__(self, plan: ChainPlan) -> None:
        self.plan = plan
        self.node = Anvil(plan.chain_id, block_time_s=plan.block_time_s)
        self.proxy: RpcProxy
        self.deployment: Deployment
        self.transactor = Transactor(self.node)

    @property
    def name(self) -> str:
        return self.plan.name

    async def start(
        self, prices: dict[str, str], signers: Sequence[str], threshold: int, keeper: str
    ) -> None:
        await self.node.start()
        terms = HubTerms(tuple(signers), threshold, NO_POLICY)
        answers = {asset: parse_wad(price) for asset, price in prices.items()}
        self.deployment = await deploy(
            self.node, self.name, answers, terms, keeper, with_options=self.plan.with_options
        )
        self.proxy = await RpcProxy(self.node.url).__aenter__()

    async def equip(self, keeper: str) -> None:
        """Give another key of the keeper's what the first has: coins, stable to repay with, the hub's approval."""
        usdc = self.deployment.tokens[0].address
        await self.transactor.enrich(keeper)
        await self.transactor.call(OWNER, usdc, MINT + address_word(keeper) + word(5 * 10**12), "inventory")
        approval = APPROVE + address_word(self.deployment.hub) + word(UNLIMITED)
        await self.transactor.call(keeper, usdc, approval, "approval")
        await self.transactor.flush()

    async def stop(self) -> None:
        if hasattr(self, "proxy"):
            await self.proxy.__aexit__(None, None, None)
        await self.node.stop()

    async def tell_policy(self, policy_hash: str) -> None:
        data = SET_POLICY + bytes.fromhex(policy_hash[2:])
        await self.transactor.call(OWNER, self.deployment.hub, data, "policy")
        await self.transactor.flush()

    def described(self, proxy: RpcProxy | None = None) -> LocalChain:
        """The chain as a configuration names it, reached through `proxy`."""
        way = proxy or self.proxy
        plan = self.plan
        return LocalChain(plan.name, plan.chain_id, plan.pace_s, way.url, way.ws_url, self.deployment)

    async def set_feeds(self, prices: dict[str, str]) -> None:
        """Have the feeds answer these prices from the next block on."""
        await set_feed(
            self.node, self.deployment, {asset: parse_wad(price) for asset, price in prices.items()}
        )

    async def height(self) -> int:
        return int(await self.node.rpc("eth_blockNumber"), 16)

    async def mine(self, blocks: int = 1) -> None:
        await self.node.mine(blocks)

    async def fork(self, depth: int, mined: Sequence[tuple[str, int]] = ()) -> None:
        """Replace so many blocks by others: empty, but for the signed bytes that are named with the block they are in.

        The others have the time of the block before them, and so would all that follow if the clock were not set.
        """
        await self.node.rpc("anvil_reorg", depth, [list(each) for each in mined])
        await self.node.rpc("evm_setTime", now_ms() // 1000)

    async def happened(self, since: int = 0) -> list[Happened]:
        """The hub's events from block `since` on, in order."""
        query = {"address": self.deployment.hub, "fromBlock": hex(since), "toBlock": "latest"}
        found = []
        for log in await self.node.rpc("eth_getLogs", query):
            event = decode(log)
            if event is not None:
                found.append(Happened(int(log["blockNumber"], 16), log["transactionHash"], event))
        return found

    async def liquidations(self, accounts: Iterable[str], since: int = 0) -> list[Happened]:
        """The steps taken against any of these accounts, in order."""
        wanted = set(accounts)
        return [
            each
            for each in await self.happened(since)
            if isinstance(each.event, Liquidated) and each.event.account in wanted
        ]

    async def sent_by(self, sender: str, since: int) -> list[dict[str, Any]]:
        """Every mined transaction of a sender from block `since` on."""
        numbers = range(since, await self.height() + 1)
        blocks = await self.node.batch([("eth_getBlockByNumber", [hex(number), True]) for number in numbers])
        return [tx for block in blocks for tx in block["transactions"] if tx["from"] == sender.lower()]
