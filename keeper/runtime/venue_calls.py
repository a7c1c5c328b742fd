"""From a verdict to the call that is signed for it."""

from __future__ import annotations

from typing import Any

from chains.venues.executor.codec import Execution, execute_call
from chains.venues.venue import Venue
from config.canonical import digest
from config.settings import ChainSettings
from keeper.domain.intent import Intent
from keeper.venues.identity import VENUE_LIQUIDATION, position_key
from keeper.venues.kinds import KINDS
from keeper.venues.verdict import Verdict


def venue_intent(verdict: Verdict, kind: str, venue: Venue[Any], settings: ChainSettings) -> Intent:
    """Return the intent of a verdict that says to send. Raises ``ValueError`` for another."""
    plan, executor = verdict.found.plan, settings.executor
    if plan is None or executor is None:
        raise ValueError(f"verdict {verdict.verdict_id} sends nothing")
    call = venue.call(plan.liquidation)
    execution = Execution(plan.liquidation, call, plan.room, plan.pool, plan.least_kept, plan.deadline_s)
    return Intent(
        intent_id=digest([settings.chain_id, executor.address, verdict.verdict_id]),
        decision_id=verdict.verdict_id,
        chain=verdict.chain,
        chain_id=settings.chain_id,
        contract=executor.address,
        account_id=verdict.account_id,
        position_key=position_key(verdict.venue, verdict.borrower),
        action=VENUE_LIQUIDATION,
        item=0,
        sequence=verdict.block_number,
        calldata="0x" + execute_call(execution).hex(),
        gas_limit=2 * KINDS[kind].gas_used,
        value_wad=max(0, plan.profit_wad),
        valid_until_s=plan.deadline_s,
        max_cost_wei=plan.most_cost_wei,
    )
