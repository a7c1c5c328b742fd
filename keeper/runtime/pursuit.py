"""From plans to transactions: the quorum is asked, the calls are built, the lanes take them.

One round takes every plan that waits, so that fifty accounts failing at once cost the
attestors one question and not fifty. Per account and chain at most one step is under way;
what a step changed is planned anew, never assumed. What did not work is noted with its
reason and left alone for a while that depends on the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from chains.hub.attestation import Action, Attestation
from chains.hub.codec import LIQUIDATE, SEIZE, WRITE_OFF, attested_call
from chains.hub.signatures import blocks_root
from chains.hub.signatures import digest as attestation_digest
from config.canonical import digest
from config.settings import Settings
from keeper.attest.quorum import Quorum, QuorumClient
from keeper.attest.wire import Batch, CutBlock, Proposal, Signed
from keeper.book.catalogue import KnownChain
from keeper.domain.decision import Decision
from keeper.domain.intent import Intent
from keeper.domain.plan import Step
from keeper.execution.intake import Outcome, Submitted
from keeper.runtime.alerts import Alerts
from keeper.runtime.lane_driver import LaneDriver
from keeper.runtime.patience import Patience
from keeper.state.entries import AttestationAnswered, AttestationAsked
from keeper.state.errors import LogUnavailable
from keeper.state.log import StateLog
from keeper.watch.changes import Change, ChangeKind
from keeper.watch.evidence import Evidence

GAS_LIMITS: Mapping[Action, int] = {
    Action.CLOSE: 600_000,
    Action.REPAY: 600_000,
    Action.REPAY_CROSS: 500_000,
    Action.SEIZE: 500_000,
    Action.WRITE_OFF: 400_000,
}
MAX_STEPS_PER_ROUND = 200
NO_BYTES32 = "0x" + "00" * 32
NO_ADDRESS = "0x" + "00" * 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Task:
    """One step of one decision, ready to be attested."""

    decision: Decision
    step: Step
    attestation: Attestation
    chain_id: int


class Pursuit:
    """Carries decisions' plans out. `offer` is called by the engine; `run` is a supervisor's child."""

    def __init__(
        self,
        settings: Settings,
        evidence: Evidence,
        quorum: QuorumClient,
        lanes: Mapping[str, LaneDriver],
        patience: Patience,
        alerts: Alerts,
        state_log: StateLog,
        now_ms: Callable[[], int],
        policy_hash: str,
    ) -> None:
        self._settings = settings
        self._evidence = evidence
        self._quorum = quorum
        self._lanes = lanes
        self._patience = patience
        self._alerts = alerts
        self._log = state_log
        self._now_ms = now_ms
        self._policy_hash = policy_hash
        self._waiting: dict[str, Decision] = {}
        self._arrived = asyncio.Event()
        self._under_way: dict[tuple[str, str], Step] = {}
        self._last_sequence = 0

    def offer(self, decision: Decision) -> None:
        """Take a decision with a plan; a newer one of the same account replaces one that still waits."""
        self._waiting[decision.account_id] = decision
        self._arrived.set()

    def is_busy(self, account_id: str, chain: str) -> bool:
        """Whether something of this account is under way on this chain: waiting, being attested, or live."""
        lane = self._lanes.get(chain)
        return (account_id, chain) in self._under_way or (
            lane is not None and any(one.intent.account_id == account_id for one in lane.lane.live)
        )

    def live_steps(self, account_id: str) -> list[Step]:
        """Return the account's steps that may still be mined: being attested, or signed and not mined."""
        steps = [step for (account, _), step in self._under_way.items() if account == account_id]
        for lane in self._lanes.values():
            steps += [
                step_of(one.intent, self._evidence.known[one.intent.chain])
                for one in lane.lane.live
                if one.is_open and one.intent.account_id == account_id
            ]
        return steps

    def is_waiting(self, account_id: str) -> bool:
        """Whether a plan of this account has not been looked at yet."""
        return account_id in self._waiting

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            decisions, self._waiting = list(self._waiting.values()), {}
            # The largest requirement first: what is most at stake must not wait behind crumbs.
            decisions.sort(key=lambda each: each.health.requirement_mid, reverse=True)
            tasks = [task for decision in decisions for task in self._tasks(decision)]
            for start in range(0, len(tasks), MAX_STEPS_PER_ROUND):
                await self._round(tasks[start : start + MAX_STEPS_PER_ROUND])

    def _tasks(self, decision: Decision) -> list[Task]:
        """Return the first step per chain that is free, as attestations to ask for."""
        if decision.plan is None:
            return []
        tasks: list[Task] = []
        taken: set[str] = set()
        for step in decision.plan.steps:
            lane = self._lanes.get(step.chain)
            free = not self.is_busy(decision.account_id, step.chain) and step.chain not in taken
            if lane is None or not free or (step.action is Action.SEIZE and step.claim is None):
                taken.add(step.chain)
                continue
            if not lane.ready or not self._evidence.live(step.chain):
                continue
            taken.add(step.chain)
            attestation = self._attestation(decision, step)
            if attestation is not None:
                tasks.append(Task(decision, step, attestation, self._settings.chains[step.chain].chain_id))
        return tasks

    def _attestation(self, decision: Decision, step: Step) -> Attestation | None:
        account = self._evidence.book.account(decision.account_id)
        leg = next((leg for leg in account.legs if leg.chain == step.chain), None) if account else None
        signer = self._settings.chains[step.chain].signer
        if leg is None or signer is None:
            return None
        health = decision.health.health
        now_s = self._now_ms() // 1000
        self._last_sequence = max(self._now_ms(), self._last_sequence + 1, leg.last_sequence + 1)
        value = step.value_wad
        if step.action is Action.REPAY_CROSS:
            value = self._settings.chains[step.target_chain or ""].chain_id
        claim = next((each for each in leg.claims if each.claim == step.claim), None)
        if step.action is Action.SEIZE:
            if claim is None:
                return None
            value = claim.value_wad
        settings = self._settings.attestation
        return Attestation(
            action=int(step.action),
            account=decision.account_id,
            version=leg.version,
            sequence=self._last_sequence,
            epoch=self._evidence.facts[step.chain].epoch,
            item=step.item,
            max_size=step.size,
            price=step.price_wad,
            health=0 if health is None else max(0, health.high),
            value=value if step.action in {Action.REPAY_CROSS, Action.SEIZE} else 0,
            claim=step.claim or NO_BYTES32,
            target=step.target_token or NO_ADDRESS,
            beneficiary=self._settings.signers[signer].address,
            blocks_root=blocks_root((block.chain_id, block.number, block.hash) for block in self._cut()),
            policy_hash=self._policy_hash,
            price_set=decision.health.price_set,
            observed_at=now_s,
            deadline=now_s + round(settings.deadline_s if settings else 60),
        )

    def _cut(self) -> tuple[CutBlock, ...]:
        """Return the newest block of every chain: what the attestors are asked to look at."""
        return tuple(
            CutBlock(self._settings.chains[point.chain].chain_id, point.number, point.hash)
            for point in self._evidence.cut(self._now_ms())
        )

    async def _round(self, tasks: Sequence[Task]) -> None:
        keys = [(task.decision.account_id, task.step.chain) for task in tasks]
        self._under_way.update(zip(keys, (task.step for task in tasks), strict=True))
        try:
            cut = self._cut()
            root = blocks_root((block.chain_id, block.number, block.hash) for block in cut)
            # All of a round rest on one cut, the newest; tasks made a moment earlier are moved onto it.
            fresh = [_rooted(task, root) for task in tasks]
            await self._note_asked(fresh)
            quorums = await self._quorum.ask(
                Batch(cut, tuple(Proposal(task.chain_id, task.attestation) for task in fresh))
            )
            await self._note_answers(quorums)
            await self._submit(fresh, quorums)
        except LogUnavailable as error:
            log.error("pursuit_waits_for_the_log", error=str(error))
        finally:
            for key in keys:
                del self._under_way[key]
            self._evidence.changes.announce(Change(ChangeKind.OUTCOME))

    async def _submit(self, tasks: Sequence[Task], quorums: Sequence[Quorum]) -> None:
        short = [quorum.shortage for quorum in quorums if quorum.signatures is None]
        told = self._alerts.shortage(short[0]) if short else self._alerts.quorum_reached()
        if told:
            await self._log.write(*told)
        by_chain: dict[str, list[Intent]] = {}
        for task, quorum in zip(tasks, quorums, strict=True):
            if quorum.signatures is None:
                self._patience.refused(task.decision.account_id, task.step.chain, quorum.shortage)
                log.info(
                    "quorum_not_reached",
                    account=task.decision.account_id,
                    chain=task.step.chain,
                    action=task.step.action.name,
                    reason=quorum.shortage,
                )
                continue
            by_chain.setdefault(task.step.chain, []).append(self._intent(task, quorum))
        answers = await asyncio.gather(
            *(self._lanes[chain].submit(intents) for chain, intents in by_chain.items())
        )
        for submitted in (each for lane_answers in answers for each in lane_answers):
            self._take_answer(submitted)

    def _take_answer(self, submitted: Submitted) -> None:
        intent = submitted.intent
        if submitted.outcome is Outcome.SENT:
            self._patience.went_out(intent.account_id, intent.chain)
        else:
            self._patience.failed(intent.account_id, intent.chain, submitted.reason)
        log.info(
            "intent",
            outcome=submitted.outcome,
            chain=intent.chain,
            account=intent.account_id,
            action=Action(intent.action).name,
            reason=submitted.reason,
        )

    def _intent(self, task: Task, quorum: Quorum) -> Intent:
        step, attestation = task.step, task.attestation
        function = {Action.SEIZE: SEIZE, Action.WRITE_OFF: WRITE_OFF}.get(step.action, LIQUIDATE)
        hub = self._settings.chains[step.chain].hub
        identity = [
            task.chain_id,
            hub,
            attestation.account,
            int(step.action),
            step.item,
            attestation.sequence,
        ]
        return Intent(
            intent_id=digest(identity),
            decision_id=task.decision.decision_id,
            chain=step.chain,
            chain_id=task.chain_id,
            contract=hub,
            account_id=attestation.account,
            position_key=f"{step.action.name.lower()}/{step.item}",
            action=int(step.action),
            item=step.item,
            sequence=attestation.sequence,
            calldata="0x" + attested_call(function, (), attestation, quorum.signatures or ()).hex(),
            gas_limit=GAS_LIMITS[step.action],
            value_wad=step.value_wad,
            valid_until_s=attestation.deadline,
        )

    async def _note_asked(self, tasks: Sequence[Task]) -> None:
        await self._log.write(
            *(
                AttestationAsked(
                    self._digest(task),
                    task.decision.decision_id,
                    task.step.chain,
                    task.chain_id,
                    self._settings.chains[task.step.chain].hub,
                    task.attestation,
                )
                for task in tasks
            )
        )

    async def _note_answers(self, quorums: Sequence[Quorum]) -> None:
        rows = []
        for quorum in quorums:
            for name, answer in quorum.answers.items():
                if isinstance(answer, Signed):
                    rows.append(AttestationAnswered(quorum.digest, name, "signed", "", answer.signature))
                else:
                    reason = f"{answer.reason}: {answer.detail}"
                    rows.append(AttestationAnswered(quorum.digest, name, "refused", reason, None))
        if rows:
            await self._log.write(*rows)

    def _digest(self, task: Task) -> str:
        hub = self._settings.chains[task.step.chain].hub
        return "0x" + attestation_digest(task.attestation, task.chain_id, hub).hex()


def _rooted(task: Task, root: str) -> Task:
    return replace(task, attestation=replace(task.attestation, blocks_root=root))


def step_of(intent: Intent, known: KnownChain) -> Step:
    """Return the step that an intent's calldata asks for: all of it is in the attestation it carries."""
    words = bytes.fromhex(intent.calldata[10:])
    action, item = Action(intent.action), intent.item
    asset = known.stable.asset
    if action is Action.CLOSE:
        asset = known.markets[item].asset
    elif action in {Action.REPAY, Action.SEIZE}:
        asset = next(token.asset for token in known.tokens.values() if token.token_id == item)
    size, price_wad = (int.from_bytes(words[32 * at : 32 * at + 32]) for at in (6, 7))
    return Step(action, intent.chain, item, asset, size, price_wad, intent.value_wad, 0)
