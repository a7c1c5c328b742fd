"""A process with a lane that lives through one story, to be killed in the middle of it and started again.

Run as ``python -m tests.keeper.execution.crasher URL GENESIS PATH STORY [SIGNERS]``. Each start recovers, offers the
same intents again, and goes on until all have ended; the story's trouble happens once.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from keeper.state.fault_points import arm_from_environment
from keeper.state.observations import HeadSeen
from tests.keeper.execution.scene import CHAIN_ID, FINALITY_DEPTH, Node, Scene, call

INTENTS = 4
STORIES = ("plain", "bump", "cancel", "reorg")


async def trouble(scene: Scene, story: str) -> None:
    """What happens to the chain after the intents went out, if it has not happened yet."""
    head = await scene.client.head()
    match story:
        case "bump" if head.number == 0:
            cap = max(
                row["max_fee_per_gas_wei"] for row in scene.rows("SELECT max_fee_per_gas_wei FROM attempts")
            )
            await scene.node("anvil_setNextBlockBaseFeePerGas", hex(2 * cap))
        case "cancel" if head.number == 0:
            await scene.node("anvil_dropAllTransactions")
            await scene.node("evm_increaseTime", 600)
        case "reorg" if head.number == 0:
            await scene.mine(2)
            await scene.node("anvil_reorg", 2, [])
            await scene.look()
        case _:
            pass


async def live(url: str, genesis_hash: str, path: Path, story: str, signers: int = 1) -> None:
    arm_from_environment([CHAIN_ID])
    node = Node(url, genesis_hash)
    client = node.client()
    await client.connect()
    scene = Scene(node, client, path)
    scene.more_keys(signers - 1)
    await scene.open()
    deadline_s = 0
    if story == "cancel":
        deadline_s = (await client.block(0)).timestamp + 300
    intents = [call(number, valid_until_s=deadline_s) for number in range(1, INTENTS + 1)]
    await scene.submit(intents)
    await trouble(scene, story)
    for _ in range(12 + FINALITY_DEPTH):
        await scene.mine()
        scene.log.observe(HeadSeen(await client.head(), canonical=True))
        await scene.log.flush()
        states = scene.states()
        if len(states) == INTENTS and all(state.startswith(("final", "skipped")) for state in states):
            break
        await scene.submit(intents)
    await scene.close()
    await client.aclose()
    await node.aclose()


if __name__ == "__main__":
    asyncio.run(live(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])))
