"""Nodes that are up, answer, and are behind: they stopped at a block, or follow the truth at a distance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, Self

from chains.devnet.faults.verdicts import Fail, Give, Json, Params, Verdict

AT_BLOCK = frozenset({"eth_call", "eth_getBalance", "eth_getTransactionCount", "eth_getCode"})
NEWEST = frozenset({"latest", "pending"})
NOT_FOUND = Fail(-32_001, "block not found")


class Asks(Protocol):
    """Asks a node, past every rule."""

    def __call__(self, method: str, *params: Json) -> Awaitable[Json]:
        """Return the node's answer."""


class _View:
    """A node as it was at a height. A block above it is not found; sends reach the pool all the same."""

    def __init__(self, ask: Asks) -> None:
        self._ask = ask

    async def __call__(self, method: str, params: Params) -> Verdict | None:
        """Decide about one call."""
        if method == "eth_blockNumber":
            return Give(hex(await self._height()))
        if method in {"eth_getBlockByNumber", "eth_getBlockByHash"}:
            return await self._block(method, params)
        if method == "eth_getTransactionReceipt":
            receipt = await self._ask(method, *params)
            return Give(None) if receipt and int(receipt["blockNumber"], 16) > await self._height() else None
        if method == "eth_getLogs" and "blockHash" in params[0]:
            return None if await self._has(params[0]["blockHash"]) else NOT_FOUND
        if method in AT_BLOCK:
            return await self._state(method, params)
        return None

    async def _height(self) -> int:
        raise NotImplementedError

    async def _has(self, block_hash: str) -> bool:
        block = await self._ask("eth_getBlockByHash", block_hash, False)
        return block is not None and int(block["number"], 16) <= await self._height()

    async def _state(self, method: str, params: Params) -> Verdict | None:
        at = params[-1]
        if isinstance(at, dict):
            return None if await self._has(at["blockHash"]) else NOT_FOUND
        if at not in NEWEST:
            return None
        try:
            return Give(await self._ask(method, *params[:-1], hex(await self._height())))
        except LookupError:
            return None

    async def _block(self, method: str, params: Params) -> Verdict | None:
        if method == "eth_getBlockByHash":
            return None if await self._has(params[0]) else Give(None)
        height = await self._height()
        if params[0] in NEWEST:
            return Give(await self._ask(method, hex(height), *params[1:]))
        is_later = params[0].startswith("0x") and int(params[0], 16) > height
        return Give(None) if is_later else None


class Behind(_View):
    """A node that stopped at a block and has nothing of what came later.

    Make it with `at_head`; add it to a proxy's rules, and remove it to let the node catch up.
    """

    name = "node stopped at a block"

    def __init__(self, ask: Asks, height: int) -> None:
        super().__init__(ask)
        self._stopped_at = height

    @classmethod
    async def at_head(cls, ask: Asks, but: int = 0) -> Self:
        """Stop at the node's newest block, or some blocks below it."""
        return cls(ask, int(await ask("eth_blockNumber"), 16) - but)

    async def _height(self) -> int:
        return self._stopped_at


class Lagging(_View):
    """A node that is always some blocks behind."""

    name = "lagging view"

    def __init__(self, ask: Asks, blocks: int) -> None:
        super().__init__(ask)
        self._blocks = blocks

    async def _height(self) -> int:
        return max(0, int(await self._ask("eth_blockNumber"), 16) - self._blocks)


class Frozen:
    """A node whose newest block stands still while everything else works: what a dead cache before it does.

    The block is the one that is newest when it is first asked for.
    """

    name = "frozen head"

    def __init__(self, ask: Asks) -> None:
        self._ask = ask
        self._head: dict[str, Any] | None = None

    async def __call__(self, method: str, params: Params) -> Verdict | None:
        """Decide about one call."""
        is_head = method == "eth_getBlockByNumber" and params[0] in NEWEST
        if not is_head and method != "eth_blockNumber":
            return None
        if self._head is None:
            self._head = await self._ask("eth_getBlockByNumber", "latest", False)
        return Give(self._head if is_head else self._head["number"])


class StaleCalls:
    """Calls are answered with the state of some blocks ago, whatever block they name: a cache in front of a node."""

    name = "stale call"

    def __init__(self, ask: Asks, blocks: int, where: Callable[[Params], bool] = lambda _: True) -> None:
        self._ask = ask
        self._blocks = blocks
        self._where = where

    async def __call__(self, method: str, params: Params) -> Verdict | None:
        """Decide about one call."""
        if method != "eth_call" or not self._where(params):
            return None
        height = int(await self._ask("eth_blockNumber"), 16)
        try:
            return Give(await self._ask(method, params[0], hex(max(0, height - self._blocks))))
        except LookupError:
            return None
