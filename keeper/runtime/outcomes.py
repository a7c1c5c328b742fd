"""What a lane tells of an intent, as patience understands it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from keeper.domain.intent import Intent, IntentState
from keeper.execution.tracked import Tracked
from keeper.runtime.patience import Patience


class Lanes(Protocol):
    """A lane, or all lanes of a chain."""

    @property
    def live(self) -> Sequence[Tracked]:
        """The live intents."""


def note_outcome(patience: Patience, lane: Lanes, intent: Intent, state: IntentState, reason: str) -> None:
    """Note success or failure as soon as the intent is mined. What becomes final later says the same again."""
    if state is IntentState.MINED:
        one = next((one for one in lane.live if one.intent.intent_id == intent.intent_id), None)
        mined = one.view.mined if one is not None else None
        if one is None or mined is None:
            return
        if mined.status and not one.attempts[mined.tx_hash].is_cancel:
            patience.succeeded(intent.account_id, intent.chain)
        else:
            patience.reverted(intent.account_id, intent.chain, reason or "it had no effect")
    elif state is IntentState.FINAL_LOST_NONCE:
        patience.reverted(intent.account_id, intent.chain, f"{state}: {reason}")
