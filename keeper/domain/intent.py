"""Intents and attempts: one action on one chain with one nonce for ever."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class IntentState(StrEnum):
    """Life of an intent. FINAL_* and SKIPPED are the ends; everything else is live."""

    PROPOSED = "proposed"
    RESERVED = "reserved"
    SIGNED = "signed"
    SENT_UNKNOWN = "sent_unknown"
    BROADCAST = "broadcast"
    MINED = "mined"
    FINAL_OK = "final_ok"
    FINAL_REVERTED = "final_reverted"
    FINAL_CANCELLED = "final_cancelled"
    FINAL_LOST_NONCE = "final_lost_nonce"
    SKIPPED = "skipped"


FILL_GAP = 0
"""The action of an intent that does nothing but use its nonce up. No contract has an action of this number."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One contract call that the keeper means to have mined exactly once.

    `intent_id` is a digest of (chain, contract, account, action, item, sequence), so that a
    re-plan after a crash finds the row instead of making a second. `valid_until_s` is when the
    call can no longer succeed (the attestation's deadline).

    `max_cost_wei` is what it may cost at most: the profit expected of it, in the chain's own coin; None where that is
    not known, and then the spending limits alone bound it. One nonce, so only one of its transactions is ever mined:
    each of them is bounded by it, not their sum. What frees the nonce is not: that is paid from the cancel reserve.
    """

    intent_id: str
    decision_id: str
    chain: str
    chain_id: int
    contract: str
    account_id: str
    position_key: str
    action: int
    item: int
    sequence: int
    calldata: str
    gas_limit: int
    value_wad: int
    valid_until_s: int
    max_cost_wei: int | None = None


def position_of(key: str) -> str:
    """Return what a position key is for. A step that follows one that is mined but not final has a number behind it."""
    return key.partition("~")[0]


def place_of(intent: Intent) -> tuple[str, str]:
    """Return the account and position that an intent is for: no two of one place may wait to be mined at one time."""
    return intent.account_id, position_of(intent.position_key)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One signed transaction for an intent's nonce. `raw` is what goes on the wire, always the same bytes.

    `l1_fee_wei` is what a rollup is expected to charge at most for its data, on top of its gas.
    """

    tx_hash: str
    intent_id: str
    number: int
    sender: str
    nonce: int
    raw: str
    max_fee_per_gas_wei: int
    max_priority_fee_per_gas_wei: int
    gas_limit: int
    is_cancel: bool
    l1_fee_wei: int = 0
