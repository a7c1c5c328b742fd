"""From plans to transactions: the quorum is asked, the calls are built, the lanes take them.

One round takes every plan that waits, so that fifty accounts failing at once cost the
attestors one question and not fifty. Per account and chain at most one step is under way;
what a step changed is planned anew, never assumed. What did not work is noted with its
reason and left alone for a while that depends on the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing

import structlog

from chains.hub.attestation import Action
from chains.hub.signatures import blocks_root
from config.settings import Settings
from keeper.attest.quorum import Quorum, QuorumClient
from keeper.attest.wire import OTHER_AMOUNTS, Batch, CutBlock, Proposal, Refused, Signed
from keeper.domain.account import Account
from keeper.domain.decision import Decision
from keeper.domain.intent import Intent
from keeper.domain.plan import Step
from keeper.execution.intake import Outcome, Submitted
from keeper.execution.together import together
from keeper.runtime.alerts import Alerts
from keeper.runtime.calls import Calls, Key, Task, is_step, position_key, step_of
from keeper.runtime.chain_lanes import ChainLanes
from keeper.runtime.confirmed_cut import ConfirmedCut
from keeper.runtime.patience import Patience
from keeper.runtime.senders import Begun, Senders
from keeper.state.entries import AttestationAnswered, AttestationAsked
from keeper.state.errors import StateLogError
from keeper.state.log import StateLog
from keeper.watch.changes import Change, ChangeKind
from keeper.watch.evidence import Evidence

MAX_STEPS_PER_ROUND = 200
log = structlog.get_logger()


class Pursuit:
    """Carries decisions' plans out. `offer` is called by the engine; `run` is a supervisor's child."""

    def __init__(
        self,
        settings: Settings,
        evidence: Evidence,
        quorum: QuorumClient,
        lanes: Mapping[str, ChainLanes],
        patience: Patience,
        alerts: Alerts,
        state_log: StateLog,
        now_ms: Callable[[], int],
        policy_hash: str,
        confirmed: ConfirmedCut | None = None,
    ) -> None:
        self._settings = settings
        self._confirmed = confirmed or ConfirmedCut({})
        self._evidence = evidence
        self._quorum = quorum
        self._lanes = lanes
        self._patience = patience
        self._alerts = alerts
        self._log = state_log
        self._calls = Calls(settings, evidence, now_ms, policy_hash)
        self._waiting: dict[str, Decision] = {}
        self._arrived = asyncio.Event()
        self._under_way: dict[Key, Begun] = {}
        self._senders = Senders(lanes, evidence)

    def offer(self, decision: Decision) -> None:
        """Take a decision with a plan; a newer one of the same account replaces one that still waits."""
        self._waiting[decision.account_id] = decision
        self._arrived.set()

    def is_free(self, account_id: str, chain: str) -> bool:
        """Whether a step of this account could be begun on this chain now.

        Not while another is being attested or may still be mined, nor soon after one that did not work. A
        step that is mined is in the book: the next one does not wait until it is final.
        """
        lane = self._lanes.get(chain)
        return (
            lane is not None
            and lane.ready
            and self._evidence.live(chain)
            and lane.choose() is not None
            and not self._evidence.pauses.on_chain(chain)
            and (account_id, chain) not in self._under_way
            and not self._patience.must_wait(account_id, chain)
            and not any(
                one.is_open and one.intent.account_id == account_id and is_step(one.intent)
                for one in lane.live
            )
        )

    def takes(self, decision: Decision) -> bool:
        """Whether anything of the decision's plan would be begun now: else it is not worth writing down again."""
        return bool(self._beginnings(decision))

    def live_steps(self, account_id: str) -> list[Step]:
        """Return the account's steps that may still be mined: being attested, or signed and not mined."""
        steps = [begun.step for (account, _), begun in self._under_way.items() if account == account_id]
        for lanes in self._lanes.values():
            steps += [
                step_of(one.intent, self._evidence.known)
                for one in lanes.live
                if one.is_open and one.intent.account_id == account_id and is_step(one.intent)
            ]
        return steps

    def senders(self, account: Account) -> dict[str, str]:
        """Return who would send for this account now, by chain."""
        return self._senders.of(account, self._under_way.values())

    def is_waiting(self, account_id: str) -> bool:
        """Whether a plan of this account has not been looked at yet."""
        return account_id in self._waiting

    async def run(self) -> None:
        """Work until cancelled. Rounds overlap: one that waits for a slow attestor or node keeps no other waiting."""
        async with asyncio.TaskGroup() as rounds:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                decisions, self._waiting = list(self._waiting.values()), {}
                # The largest requirement first: what is most at stake must not wait behind crumbs.
                decisions.sort(key=lambda each: each.health.requirement_mid, reverse=True)
                # All at once, also those of later rounds: what is under way is not decided again.
                begun = [one for each in decisions for one in self._begin(each)]
                for start in range(0, len(begun), MAX_STEPS_PER_ROUND):
                    rounds.create_task(self._round(begun[start : start + MAX_STEPS_PER_ROUND]))

    def _begin(self, decision: Decision) -> list[Begun]:
        """Begin a plan's first step on each chain that is free, each with the signer that is the least busy."""
        found: list[Begun] = []
        for step in self._beginnings(decision):
            sender = self._senders.choose(decision, step, self._under_way.values())
            if sender is not None:
                begun = Begun(decision, step, sender)
                self._under_way[begun.key] = begun
                self._lanes[step.chain].begin(sender)
                found.append(begun)
        return found

    def _beginnings(self, decision: Decision) -> list[Step]:
        """Return the plan's first step on each chain that is free."""
        found: dict[str, Step] = {}
        passed: set[str] = set()
        for step in decision.plan.steps if decision.plan is not None else ():
            if step.chain in found or step.chain in passed:
                continue
            if not self.is_free(decision.account_id, step.chain):
                passed.add(step.chain)
            elif step.action is Action.SEIZE and step.claim is None:
                passed.add(step.chain)  # its claim is not opened yet
            elif self._senders.choose(decision, step, self._under_way.values()) is None:
                passed.add(step.chain)  # nobody there can pay for it now
            elif not self._lanes[step.chain].is_busy(decision.account_id, position_key(step)):
                found[step.chain] = step
        return list(found.values())

    async def _round(self, begun: Sequence[Begun]) -> None:
        keys = {one.key for one in begun}
        try:
            cut = self._calls.cut()
            objection = await self._confirmed.objection(cut)
            tasks = [] if objection else self._attested(begun, cut)
            if objection:
                log.warning("cut_not_confirmed", reason=objection)
                for account_id, chain in keys:
                    self._patience.failed(account_id, chain, objection)
            if tasks:
                await self._note_asked(tasks)
                await self._gather(tasks, cut, keys)
        except* StateLogError as errors:
            reason = f"the state log: {errors.exceptions[0]}"
            log.error("pursuit_waits_for_the_log", error=reason)
            for account_id, chain in keys:
                self._patience.failed(account_id, chain, reason)
        finally:
            self._release(keys)

    def _attested(self, begun: Sequence[Begun], cut: tuple[CutBlock, ...]) -> list[Task]:
        """Return the attestations to ask for. All of a round rest on one cut, the newest."""
        root = blocks_root((block.chain_id, block.number, block.hash) for block in cut)
        tasks: list[Task] = []
        for one in begun:
            decision, step = one.decision, one.step
            attestation = self._calls.attestation(decision, step, root, one.sender)
            if attestation is None:
                self._patience.failed(decision.account_id, step.chain, "what it acts on is gone")
            else:
                tasks.append(Task(decision, step, attestation, self._settings.chains[step.chain].chain_id))
        return tasks

    async def _gather(self, tasks: Sequence[Task], cut: tuple[CutBlock, ...], keys: set[Key]) -> None:
        """Ask for signatures and hand each chain what is signed as it comes. What is done leaves `keys`."""
        batch = Batch(cut, tuple(Proposal(task.chain_id, task.attestation) for task in tasks))
        async with asyncio.TaskGroup() as handing, aclosing(self._quorum.settle(batch)) as settling:
            async for settled in settling:
                await self._note_answers(list(settled.values()))
                await self._note_shortages(list(settled.values()))
                by_chain: dict[str, list[tuple[Task, Quorum]]] = {}
                for index, quorum in settled.items():
                    by_chain.setdefault(tasks[index].step.chain, []).append((tasks[index], quorum))
                for chain, its in by_chain.items():
                    done = {task.key for task, _ in its}
                    keys -= done
                    handing.create_task(self._hand_over(chain, its, done))

    async def _hand_over(self, chain: str, signed: Sequence[tuple[Task, Quorum]], keys: set[Key]) -> None:
        """Give a chain's lane what has a quorum. Chains do not wait for each other."""
        try:
            intents: dict[str, list[Intent]] = {}
            paused = self._evidence.pauses.on_chain(chain)
            for task, quorum in signed:
                if quorum.signatures is None:
                    self._refused(task, quorum)
                elif paused:
                    self._patience.failed(*task.key, f"{chain} is {paused}")
                else:
                    sender = task.attestation.beneficiary
                    intents.setdefault(sender, []).append(self._calls.intent(task, quorum.signatures))
            await together(self._submit(chain, sender, its) for sender, its in intents.items())
        finally:
            self._release(keys)

    async def _submit(self, chain: str, sender: str, intents: Sequence[Intent]) -> None:
        for submitted in await self._lanes[chain].submit(intents, sender):
            self._take_answer(submitted)

    def _release(self, keys: set[Key]) -> None:
        for key in keys:
            begun = self._under_way.pop(key, None)
            if begun is not None:
                self._lanes[begun.step.chain].ended(begun.sender)
        if keys:
            self._evidence.changes.announce(Change(ChangeKind.OUTCOME))

    def _refused(self, task: Task, quorum: Quorum) -> None:
        self._patience.failed(*task.key, quorum.shortage)
        self._doubt(task, quorum)
        log.info(
            "quorum_not_reached",
            account=task.decision.account_id,
            chain=task.step.chain,
            action=task.step.action.name,
            reason=quorum.shortage,
        )

    def _doubt(self, task: Task, quorum: Quorum) -> None:
        """Have the logs of the account's chains read again where an attestor sees other amounts than we do."""
        account = self._evidence.book.account(task.decision.account_id)
        answers = quorum.answers.values()
        if account and any(isinstance(each, Refused) and each.reason in OTHER_AMOUNTS for each in answers):
            for leg in account.legs:
                self._evidence.doubts[leg.chain].set()

    async def _note_shortages(self, quorums: Sequence[Quorum]) -> None:
        short = [quorum.shortage for quorum in quorums if quorum.signatures is None]
        told = self._alerts.shortage(short[0]) if short else self._alerts.quorum_reached()
        if told:
            await self._log.write(*told)
            self._alerts.recorded(told)

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

    async def _note_asked(self, tasks: Sequence[Task]) -> None:
        await self._log.write(
            *(
                AttestationAsked(
                    self._calls.digest(task),
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
