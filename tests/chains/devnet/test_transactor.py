"""Many transactions at once: also what the node's pool would hold for ever is mined."""

from __future__ import annotations

from typing import Any

import pytest

from chains.devnet.anvil import Anvil
from chains.devnet.transactor import Transactor

pytestmark = pytest.mark.chain
SENDER, TARGET = "0x" + "5e" * 20, "0x" + "7a" * 20


async def test_a_call_that_waits_for_a_nonce_that_is_past_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Anvil(31_117, block_time_s=0) as node:
        transactor = Transactor(node)
        await transactor.enrich(SENDER)
        transactor._nonces[SENDER] = 1
        await transactor.call(SENDER, TARGET, b"", "a call")
        honest = node.batch
        sent: list[object] = []

        async def while_a_block_is_made(calls: list[tuple[str, list[Any]]]) -> list[Any]:
            found = await honest(calls)
            if not sent:
                sent.append(calls)
                await node.rpc("anvil_setNonce", SENDER, "0x1")
            return found

        monkeypatch.setattr(node, "batch", while_a_block_is_made)
        await transactor.flush()

        assert "0x2" == await node.rpc("eth_getTransactionCount", SENDER, "latest")
