"""What a liquidation step is called, and how a sentence tells it."""

from __future__ import annotations

from chains.hub.attestation import Action

ACTIONS = {int(action): action.name.lower() for action in Action}
"""An action's stable name by its number in the contract."""

VERBS = {
    Action.CLOSE: "close",
    Action.REPAY: "repay",
    Action.REPAY_CROSS: "repay",
    Action.SEIZE: "seize",
    Action.WRITE_OFF: "write off",
    Action.OPTION_CLOSE: "close",
}
