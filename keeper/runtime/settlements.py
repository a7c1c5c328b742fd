"""Options that expired: what their underlying came to is fixed, and who holds them is settled, a few at a time.

Driven by heads and by nothing but what the chain says now: what is done disappears from the book, so a restart, a
reorganisation or somebody else who was faster leaves nothing to undo. The lane keeps two intents for one position apart.
Who owes goes before who is owed, because the pool pays the second with what the first brings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import structlog

from chains.blocks import Head
from chains.client import ChainClient
from chains.errors import ChainError
from chains.hub.options import OptionHeld, market_key
from chains.hub.settlement import NEWEST, PROOF_S, NotProvable, first_round
from config.settings import Settings
from keeper.domain.intent import Intent, IntentState, position_of
from keeper.domain.settlement import NOBODY, SETTLEMENTS, Settlement
from keeper.execution.intake import Outcome, Submitted
from keeper.runtime.chain_lanes import ChainLanes
from keeper.runtime.patience import Patience
from keeper.runtime.settlement_calls import fixing, fixing_key, intent_of, position_key, settling
from keeper.runtime.supervisor import Supervisor
from keeper.state.errors import StateLogError
from keeper.state.log import StateLog
from keeper.state.settlement_entries import SettlementDue
from keeper.watch.evidence import Evidence
from keeper.watch.watcher import Watcher

PART_OF_ROOM = 2
"""Settlements never take more than this part of what may be in flight: a liquidation must find room."""

Expired: TypeAlias = tuple[str, OptionHeld, int | None]
"""Whose, what, and what the underlying came to, if that is fixed."""

log = structlog.get_logger()


def start_settlements(
    settings: Settings,
    watcher: Watcher,
    lanes: Mapping[str, ChainLanes],
    state_log: StateLog,
    supervisor: Supervisor,
    now_ms: Callable[[], int],
) -> Settlements:
    """Have options settled on every chain that has a desk and a signer, unless the operator does not want it."""
    found = Settlements(settings, watcher.evidence, lanes, watcher.clients, state_log, now_ms)
    chains = [name for name in lanes if settings.chains[name].option_desk is not None]
    if settings.options.settle and chains:
        for name in chains:
            watcher.chains[name].listeners.append(found.on_head)
        supervisor.start("settlements", found.run)
    return found


class Settlements:
    """Settles for all chains. `on_head` is a chain's listener, `run` a supervisor's child, `told` hears of outcomes."""

    def __init__(
        self,
        settings: Settings,
        evidence: Evidence,
        lanes: Mapping[str, ChainLanes],
        clients: Mapping[str, ChainClient],
        state_log: StateLog,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._evidence = evidence
        self._lanes = lanes
        self._clients = clients
        self._log = state_log
        self._patience = Patience(now_ms)
        self._written: dict[str, set[str]] = {}
        self._waiting: dict[str, None] = {}
        self._arrived = asyncio.Event()

    async def on_head(self, head: Head, _removed: tuple[str, ...]) -> None:
        """Look at this chain again."""
        self._waiting[head.chain] = None
        self._arrived.set()

    async def run(self) -> None:
        """Work until cancelled. A chain that can not be read or written for now is looked at with its next head."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            waiting, self._waiting = list(self._waiting), {}
            # Chains do not wait for each other's nodes.
            await asyncio.gather(*(self.look(chain) for chain in waiting))

    def told(self, intent: Intent, state: IntentState, reason: str) -> None:
        """Take what the lane says of an intent: what was mined without effect is left alone for a while."""
        if intent.action not in SETTLEMENTS:
            return
        if state is IntentState.FINAL_OK:
            self._patience.succeeded(*_slot(intent))
        elif state in {
            IntentState.FINAL_REVERTED,
            IntentState.FINAL_LOST_NONCE,
            IntentState.FINAL_CANCELLED,
        }:
            self._patience.reverted(*_slot(intent), reason or str(state))

    async def look(self, chain: str) -> None:
        """Begin what a chain calls for now. Never raises for what the chain or the log does: the next head tries again."""
        lane, head = self._lanes[chain], self._evidence.book.cursor(chain)
        if head is None or not lane.ready or self._evidence.pauses.on_chain(chain):
            return
        expired = list(self._evidence.book.expired(chain, head.timestamp))
        try:
            due = [*await self._to_fix(chain, head, expired), *self._to_settle(chain, head, expired)]
            self._written[chain] = self._written.get(chain, set()) & {its.settlement_id for its in due}
            await self._begin(chain, head, [its for its in due if self._is_free(its)])
        except ChainError as error:
            log.info("settlement_waits_for_the_chain", chain=chain, error=str(error))
        except StateLogError as error:
            log.error("settlement_waits_for_the_log", chain=chain, error=str(error))

    async def _to_fix(self, chain: str, head: Head, expired: Sequence[Expired]) -> list[Settlement]:
        """Return the expiries that can be fixed now."""
        names = {market_key(its.market): its for its in self._evidence.facts[chain].option_markets}
        expiries = dict.fromkeys(
            (held.market, held.expiry_s) for _, held, settlement_wad in expired if settlement_wad is None
        )
        found = []
        for market, expiry_s in expiries:
            facts = names.get(market)
            key = fixing_key(market, expiry_s)
            busy = self._lanes[chain].is_busy(NOBODY, key)
            if facts is None or busy or self._must_wait(chain, NOBODY, key):
                continue
            round_id = await self._round(chain, facts.feed, head, expiry_s)
            if round_id is not None:
                found.append(fixing(head, facts.market, market, expiry_s, round_id))
        return found

    async def _round(self, chain: str, feed: str, head: Head, expiry_s: int) -> int | None:
        """Return the round to name for an expiry, None as long as there is none."""
        try:
            return await first_round(self._clients[chain], feed, expiry_s, head.hash)
        except NotProvable as error:
            log.info("expiry_not_provable", chain=chain, feed=feed, expiry_s=expiry_s, reason=str(error))
            return NEWEST if head.timestamp >= expiry_s + PROOF_S else None

    def _to_settle(self, chain: str, head: Head, expired: Sequence[Expired]) -> list[Settlement]:
        """Return the accounts whose options came to something known; who owes first, and of those the largest."""
        markets = self._evidence.known[chain].option_markets
        found = [
            settling(head, markets[held.market].market, account_id, held, settlement_wad)
            for account_id, held, settlement_wad in expired
            if settlement_wad is not None and held.market in markets
        ]
        return sorted(found, key=lambda its: (its.value_wad >= 0, -abs(its.value_wad)))

    def _is_free(self, its: Settlement) -> bool:
        key = position_key(its)
        if self._must_wait(its.chain, its.account_id, key):
            return False
        # Settled once is settled: what is mined is waited for until it is final.
        return not self._lanes[its.chain].is_busy(its.account_id, key, seen_block=0)

    def _must_wait(self, chain: str, account_id: str, key: str) -> bool:
        return self._patience.must_wait(f"{account_id}/{key}", chain)

    async def _begin(self, chain: str, head: Head, due: Sequence[Settlement]) -> None:
        """Write down and hand to a lane what there is room for."""
        lane = self._lanes[chain]
        under_way = sum(one.is_open and one.intent.action in SETTLEMENTS for one in lane.live)
        room = max(1, self._settings.chains[chain].max_in_flight // PART_OF_ROOM) - under_way
        begun, sender = due[: max(room, 0)], lane.choose()
        if not begun or sender is None:
            return
        new = [its for its in begun if its.settlement_id not in self._written[chain]]
        if new:
            await self._log.write(*(SettlementDue(its) for its in new))
            self._written[chain].update(its.settlement_id for its in new)
        for answer in await lane.submit([intent_of(its, head, self._settings) for its in begun], sender):
            self._take_answer(answer)

    def _take_answer(self, submitted: Submitted) -> None:
        intent, slot = submitted.intent, _slot(submitted.intent)
        match submitted.outcome:
            case Outcome.SENT:
                self._patience.went_out(*slot)
            case Outcome.HELD:
                self._patience.failed(*slot, submitted.reason)
            case Outcome.SKIPPED:
                # Written down each time: what the pool can not pay, or what costs too much now, may last.
                self._patience.reverted(*slot, submitted.reason)
        log.info(
            "settlement",
            outcome=submitted.outcome,
            chain=intent.chain,
            account=intent.account_id,
            position=intent.position_key,
            reason=submitted.reason,
        )


def _slot(intent: Intent) -> tuple[str, str]:
    return f"{intent.account_id}/{position_of(intent.position_key)}", intent.chain
