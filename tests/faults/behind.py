"""A node that is up, answers, and is behind: it stopped at a block and does not have what came later."""

from __future__ import annotations

from typing import Any, Self

from chains.devnet.anvil import Anvil
from tests.faults.rpc_proxy import Fail, Give, Params

AT_BLOCK = {"eth_call", "eth_getBalance", "eth_getTransactionCount", "eth_getCode"}
NOT_FOUND = Fail(-32_001, "block not found")


class Behind:
    """A proxy's rule. Make it with `at_head`; add it to a proxy's rules, and remove it to let the node catch up."""

    def __init__(self, blocks: list[dict[str, Any]]) -> None:
        """`blocks` are all from the first on, the last is where the node stopped."""
        self._blocks = blocks
        self._hashes = {block["hash"] for block in blocks}

    @classmethod
    async def at_head(cls, node: Anvil, but: int = 0) -> Self:
        """Stop at the node's newest block, or some blocks below it."""
        height = int(await node.rpc("eth_blockNumber"), 16) - but
        asked: list[tuple[str, list[Any]]] = [
            ("eth_getBlockByNumber", [hex(number), False]) for number in range(height + 1)
        ]
        return cls(await node.batch(asked))

    def __call__(self, method: str, params: Params) -> Fail | Give | None:
        match method:
            case "eth_blockNumber":
                return Give(self._blocks[-1]["number"])
            case "eth_getBlockByNumber":
                return Give(self._numbered(params[0]))
            case "eth_getBlockByHash":
                return None if params[0] in self._hashes else Give(None)
            case "eth_getLogs":
                return (
                    None
                    if params[0].get("blockHash", next(iter(self._hashes))) in self._hashes
                    else NOT_FOUND
                )
            case _ if method in AT_BLOCK:
                return self._state(params[-1])
        return None

    def _numbered(self, at: str) -> dict[str, Any] | None:
        if not at.startswith("0x"):
            return self._blocks[-1]
        number = int(at, 16)
        return self._blocks[number] if number < len(self._blocks) else None

    def _state(self, at: object) -> Fail | None:
        if isinstance(at, dict):
            return None if at["blockHash"] in self._hashes else NOT_FOUND
        return None
