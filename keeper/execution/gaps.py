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
from keeper.execution.terms import LaneTerms
from keeper.execution.tracked import Tracked

NOBODY = "0x" + "00" * 32


class Gaps:
    """Watches one sender's nonces. `look` with every head; what it returns is to be taken in at that very nonce."""

    def __init__(self, terms: LaneTerms, sender: str) -> None:
        self._chain = terms.chain
        self._chain_id = terms.chain_id
        self._sender = sender
        self._patience_blocks = terms.bump_after_blocks
        self._finality_depth = terms.finality_depth
        self._since: dict[int, int] = {}
        self._seen: list[tuple[int, int]] = []
        self._settled = 0

    def begin(self, settled: int) -> None:
        """Begin anew: nonces below `settled` are used for good, and what was seen before may be of another chain."""
        self._since, self._seen, self._settled = {}, [], settled

    def look(self, head: Head, used: int, live: Sequence[Tracked], next_nonce: int) -> Intent | None:
        """Return what uses the lowest free nonce up, once it has been free for long enough.

        `used` is the sender's nonce at `head`, `next_nonce` the one that the lane would take next.
        """
        self._settle(head.number, used)
        held = {one.nonce for one in live}
        missing = [nonce for nonce in range(max(used, self._settled), next_nonce) if nonce not in held]
        self._since = {nonce: min(self._since.get(nonce, head.number), head.number) for nonce in missing}
        if not missing or head.number - self._since[missing[0]] < self._patience_blocks:
            return None
        # Asked for again only after as long: what refused it may have changed by then.
        self._since[missing[0]] = head.number
        return self._filler(missing[0])

    def _settle(self, height: int, used: int) -> None:
        """Note what was used for as long as reorganisations go deep: a node that denies it later is wrong."""
        self._seen = [(seen_at, min(before, used)) for seen_at, before in self._seen] + [(height, used)]
        last = height - self._finality_depth
        self._settled = max([self._settled, *(before for seen_at, before in self._seen if seen_at <= last)])
        self._seen = [each for each in self._seen if each[0] > last]

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
