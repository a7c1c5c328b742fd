"""What a liquidation step is called, and how a sentence tells it."""

from __future__ import annotations

from chains.hub.attestation import Action
from keeper.domain.settlement import FIX_SETTLEMENT, SETTLE_OPTION
from keeper.venues.identity import VENUE_LIQUIDATION

ACTIONS = {int(action): action.name.lower() for action in Action} | {
    VENUE_LIQUIDATION: "venue_liquidation",
    FIX_SETTLEMENT: "fix_settlement",
    SETTLE_OPTION: "settle_option",
}
"""An action's stable name by its number in the contract, or in an intent that needs no attestation."""

VERBS = {
    Action.CLOSE: "close",
    Action.REPAY: "repay",
    Action.REPAY_CROSS: "repay",
    Action.SEIZE: "seize",
    Action.WRITE_OFF: "write off",
    Action.OPTION_CLOSE: "close",
}
