"""From a verdict to the call that is signed for it."""

from __future__ import annotations

from typing import Any

from chains.venues.executor.codec import Execution, execute_call
from chains.venues.venue import Venue
from config.canonical import digest
from config.settings import Settings
from config.units import BPS, mul_div_down
from keeper.domain.intent import Intent
from keeper.venues.identity import VENUE_LIQUIDATION, position_key
from keeper.venues.kinds import KINDS
from keeper.venues.verdict import Verdict


def venue_intent(verdict: Verdict, kind: str, venue: Venue[Any], settings: Settings) -> Intent:
    """Return the intent of a verdict that says to send. Raises ``ValueError`` for another."""
    chain = settings.chains[verdict.chain]
    plan, executor = verdict.found.plan, chain.executor
    if plan is None or executor is None:
        raise ValueError(f"verdict {verdict.verdict_id} sends nothing")
    call = venue.call(plan.liquidation)
    execution = Execution(plan.liquidation, call, plan.room, plan.pool, plan.least_kept, plan.deadline_s)
    return Intent(
        intent_id=digest([chain.chain_id, executor.address, verdict.verdict_id]),
        decision_id=verdict.verdict_id,
        chain=verdict.chain,
        chain_id=chain.chain_id,
        contract=executor.address,
        account_id=verdict.account_id,
        position_key=position_key(verdict.venue, verdict.borrower),
        action=VENUE_LIQUIDATION,
        item=0,
        sequence=verdict.block_number,
        calldata="0x" + execute_call(execution).hex(),
        gas_limit=2 * KINDS[kind].gas_used,
        value_wad=plan.value_wad,
        valid_until_s=plan.deadline_s,
        max_cost_wei=_share(plan.most_cost_wei, settings.spending.max_profit_share_bps),
    )


def _share(most_wei: int | None, share_bps: int) -> int | None:
    return None if most_wei is None else mul_div_down(most_wei, share_bps, BPS)
