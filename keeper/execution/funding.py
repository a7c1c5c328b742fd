"""Whether a signer can pay: noticed where a node says that it can not, looked at again until it can."""

from __future__ import annotations

from chains.blocks import Head
from chains.errors import ChainError
from chains.transactions import INTRINSIC_GAS, Fees, TransactionRequest, cancellation
from keeper.execution.events import AlertKind
from keeper.execution.ports import LaneChain
from keeper.execution.recorder import Recorder
from keeper.execution.terms import LaneTerms

LOOK_EVERY_BLOCKS = 4


class Funding:
    """The money of one signer, as far as it was found missing. `missing_wei` is what it could not have paid."""

    def __init__(self, terms: LaneTerms, chain: LaneChain, sender: str, recorder: Recorder) -> None:
        self._terms = terms
        self._chain = chain
        self._sender = sender
        self._recorder = recorder
        self._looked_at = 0
        self.missing_wei: int | None = None

    async def noticed(self, missing_wei: int | None, head: Head) -> None:
        """Take what an intake found missing; None if all could be paid."""
        if missing_wei is None:
            return
        self.missing_wei, self._looked_at = missing_wei, head.number
        detail = f"it has less than the {missing_wei} wei that one transaction may cost"
        await self._recorder.alert(AlertKind.FUNDS, "new intents", detail)

    async def look_again(self, head: Head) -> None:
        """See whether the signer can pay again, by what a node would let it send. Nothing is signed."""
        if self.missing_wei is None or head.number - self._looked_at < LOOK_EVERY_BLOCKS:
            return
        self._looked_at = head.number
        try:
            await self._chain.simulate(self._transfer(self.missing_wei), self._sender, head.hash)
        except ChainError:
            return
        self.missing_wei = None
        await self._recorder.clear(AlertKind.FUNDS)

    def _transfer(self, worth_wei: int) -> TransactionRequest:
        """Return a transfer of nothing to the signer itself that may cost so much."""
        cap_wei = -(-worth_wei // INTRINSIC_GAS)
        empty = TransactionRequest(self._terms.chain_id, 0, 0, cap_wei, INTRINSIC_GAS, self._sender, b"")
        return cancellation(empty, self._sender, Fees(0, cap_wei))
