"""A nonce below ours that nobody holds any more: it is used up, or nothing above it is ever mined.

Another user of the key took it, so the lane went on above it; then a reorganisation undid that transaction and
no pool kept it. The log has no intent at such a nonce. After a few blocks it gets one that does
nothing: a transfer of nothing to the sender itself, written down and followed like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

from chains.blocks import Head
from chains.transactions import INTRINSIC_GAS
from config.canonical import digest
from keeper.domain.intent import FILL_GAP, Intent
from keeper.execution.tracked import Tracked

NOBODY = "0x" + "00" * 32


class Gaps:
    """Watches one sender's nonces. `look` with every head; what it returns is to be taken in at that very nonce."""

    def __init__(self, chain: str, chain_id: int, sender: str, patience_blocks: int) -> None:
        self._chain = chain
        self._chain_id = chain_id
        self._sender = sender
        self._patience_blocks = patience_blocks
        self._since: dict[int, int] = {}

    def look(self, head: Head, used: int, live: Sequence[Tracked], next_nonce: int) -> Intent | None:
        """Return what uses the lowest free nonce up, once it has been free for long enough.

        `used` is the sender's nonce at `head`, `next_nonce` the one that the lane would take next.
        """
        held = {one.nonce for one in live}
        missing = [nonce for nonce in range(used, next_nonce) if nonce not in held]
        self._since = {nonce: min(self._since.get(nonce, head.number), head.number) for nonce in missing}
        if not missing or head.number - self._since[missing[0]] < self._patience_blocks:
            return None
        # Asked for again only after as long: what refused it may have changed by then.
        self._since[missing[0]] = head.number
        return self._filler(missing[0])

    def _filler(self, nonce: int) -> Intent:
        return Intent(
            intent_id=digest(["gap", self._chain_id, self._sender, nonce]),
            decision_id="",
            chain=self._chain,
            chain_id=self._chain_id,
            contract=self._sender,
            account_id=NOBODY,
            position_key=f"nonce/{self._sender}/{nonce}",
            action=FILL_GAP,
            item=0,
            sequence=nonce,
            calldata="0x",
            gas_limit=INTRINSIC_GAS,
            value_wad=0,
            valid_until_s=0,
        )
