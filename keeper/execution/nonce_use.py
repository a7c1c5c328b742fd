"""Who used a nonce: the block in which the sender's count passed it, and which of its transactions is in there.

A missing receipt does not tell: nodes lose, prune and withhold receipts of what is mined all the same.
"""

from __future__ import annotations

from chains.errors import NotYetThere
from keeper.execution.events import Use
from keeper.execution.ports import LaneChain


async def use_of(chain: LaneChain, sender: str, nonce: int, since: int, last: int) -> Use:
    """Return what used `nonce`, which is used as of block `last` and was most likely free before `since`.

    Asks for about as many counts as it takes to halve the distance, however long before `since` it was. Raises
    `ChainError` where that can not be told: old state is gone, or the block does not hold what it must.
    """
    free, used, step = max(0, min(since, last) - 1), last, 1
    while free > 0 and await chain.transaction_count(sender, free) > nonce:
        free, used, step = max(0, free - step), free, step * 2
    while used - free > 1:
        middle = (free + used) // 2
        if await chain.transaction_count(sender, middle) > nonce:
            used = middle
        else:
            free = middle
    block = await chain.block(used)
    tx_hash = (await chain.sent_in(block.hash, sender)).get(nonce)
    if tx_hash is None:
        raise NotYetThere(f"block {used} uses nonce {nonce} up and shows no transaction with it")
    return Use(tx_hash, block.hash, used)
