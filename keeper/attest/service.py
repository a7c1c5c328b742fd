"""An attestor at work: look for itself, judge, remember durably, and only then sign."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from chains.errors import SignerUnavailable
from chains.hub.attestation import Action
from chains.hub.signatures import AttestationSigner, digest, signed
from config.settings import AttestorSettings, Settings
from keeper.attest.cut import CutRefused, CutView, read_cut
from keeper.attest.judge import Terms, judge
from keeper.attest.promises import Promises
from keeper.attest.steps_out import StepsOut
from keeper.attest.wire import Answer, Batch, Proposal, RefusalReason, Refused, Signed
from keeper.margin.parameters import RiskPolicy
from keeper.state.entries import AttestationAnswered, AttestationAsked, AttestationSigned
from keeper.state.errors import Equivocation, LogUnavailable, StateLogError
from keeper.state.log import StateLog
from keeper.watch.venues import venue_facts
from keeper.watch.watcher import Watcher

BATCHES_AT_ONCE = 4

log = structlog.get_logger()


class Attestor:
    """Answers batches for one key. Signs nothing that it did not find itself."""

    def __init__(
        self,
        settings: Settings,
        own: AttestorSettings,
        policy: RiskPolicy,
        watcher: Watcher,
        key: AttestationSigner,
        state_log: StateLog,
        now_ms: Callable[[], int],
        effective: Callable[[], RiskPolicy] | None = None,
    ) -> None:
        self._settings = settings
        self._own = own
        self._policy = policy
        self._effective = effective or (lambda: policy)
        self._watcher = watcher
        self._key = key
        self._log = state_log
        self._now_ms = now_ms
        self._chain_by_id = {chain.chain_id: name for name, chain in settings.chains.items()}
        self._promises = Promises()
        self._steps = StepsOut(self._chain_by_id)
        self._turns = asyncio.Semaphore(BATCHES_AT_ONCE)

    async def restore(self) -> None:
        """Read back what owners were promised before this process began. Call before the first batch."""
        now_s = self._now_ms() // 1000
        await asyncio.to_thread(self._promises.restore, self._log.path, self._chain_by_id, now_s)
        await asyncio.to_thread(self._steps.restore, self._log.path, now_s)

    async def attest(self, batch: Batch) -> Sequence[Answer]:
        """Return one answer per proposal, in order. Never raises for what was asked."""
        async with self._turns:
            return await self._attest(batch)

    async def _attest(self, batch: Batch) -> Sequence[Answer]:
        evidence = self._watcher.evidence
        if not evidence.ready:
            return [Refused(RefusalReason.NOT_READY, "not every chain has been read yet")] * len(
                batch.proposals
            )
        wanted = sorted({proposal.attestation.account for proposal in batch.proposals})
        try:
            view = await read_cut(
                self._watcher,
                evidence.known,
                batch.cut,
                wanted,
                self._now_ms(),
                self._own.max_cut_age_s,
                _series(batch),
            )
        except CutRefused as refusal:
            return [Refused(RefusalReason.CUT, str(refusal))] * len(batch.proposals)
        terms = Terms(
            own=self._own,
            chains=self._settings.chains,
            policy=self._policy,
            initial_policy=self._effective(),
            prices=evidence.prices,
            facts=dict(evidence.facts),
            venues=venue_facts(self._settings, evidence),
            known=evidence.known,
            now_ms=self._now_ms(),
        )
        refusals = [self._refusal(proposal, batch, view, terms) for proposal in batch.proposals]
        refusals = await self._remembered(batch.proposals, refusals)
        answers = [
            refusal or await self._signed(proposal)
            for proposal, refusal in zip(batch.proposals, refusals, strict=True)
        ]
        await self._note_refusals(batch.proposals, answers)
        return answers

    def _refusal(self, proposal: Proposal, batch: Batch, view: CutView, terms: Terms) -> Refused | None:
        """Return why this must not be signed. What owners are promised is noted at once, not after the next await."""
        chain = self._chain_by_id.get(proposal.chain_id)
        if chain is None:
            return Refused(RefusalReason.UNKNOWN_CHAIN, f"chain id {proposal.chain_id} is not configured")
        attestation, now_s = proposal.attestation, terms.now_ms // 1000
        seen = view.accounts.get(attestation.account)
        live = self._steps.live(seen, attestation, chain, now_s) if seen is not None else ()
        refusal = judge(attestation, chain, batch.cut, view, terms, live)
        if refusal is not None:
            return refusal
        account = view.accounts[attestation.account]
        conflict = self._promises.conflict(account, attestation, chain, now_s)
        if conflict:
            return Refused(RefusalReason.MARGIN, conflict)
        self._promises.note(attestation, chain)
        self._steps.note(attestation, chain)
        return None

    async def _remembered(
        self, proposals: Sequence[Proposal], refusals: Sequence[Refused | None]
    ) -> list[Refused | None]:
        """Write (account, sequence, digest) of all that is to be signed durably, before any signature exists."""
        result = list(refusals)
        rows = {
            index: self._signed_row(proposal)
            for index, (proposal, refusal) in enumerate(zip(proposals, refusals, strict=True))
            if refusal is None
        }
        if not rows:
            return result
        try:
            await self._log.write(*rows.values())
        except Equivocation:
            # One of them contradicts the log and none was written: find out which.
            for index, row in rows.items():
                result[index] = await self._remembered_alone(row)
        except LogUnavailable as error:
            for index in rows:
                result[index] = _log_unavailable(error)
        return result

    async def _remembered_alone(self, row: AttestationSigned) -> Refused | None:
        try:
            await self._log.write(row)
        except Equivocation:
            return Refused(
                RefusalReason.EQUIVOCATION, f"another digest was signed for sequence {row.sequence}"
            )
        except LogUnavailable as error:
            return _log_unavailable(error)
        return None

    def _signed_row(self, proposal: Proposal) -> AttestationSigned:
        attestation = proposal.attestation
        return AttestationSigned(
            proposal.chain_id,
            attestation.account,
            attestation.sequence,
            "0x" + self._digest(proposal).hex(),
            attestation,
        )

    async def _signed(self, proposal: Proposal) -> Answer:
        """Sign what the log already holds. Without a signature the row stands: the same question may come again."""
        hub = self._hub(proposal)
        try:
            signature = await signed(self._key, proposal.attestation, proposal.chain_id, hub)
        except SignerUnavailable as error:
            return Refused(RefusalReason.NOT_READY, str(error))
        return Signed("0x" + signature.hex())

    def _digest(self, proposal: Proposal) -> bytes:
        return digest(proposal.attestation, proposal.chain_id, self._hub(proposal))

    def _hub(self, proposal: Proposal) -> str:
        return self._settings.chains[self._chain_by_id[proposal.chain_id]].hub

    async def _note_refusals(self, proposals: Sequence[Proposal], answers: Sequence[Answer]) -> None:
        """Keep what was asked and refused, all of a batch in one commit: a refusal is logged on both sides."""
        rows: list[AttestationAsked | AttestationAnswered] = []
        for proposal, answer in zip(proposals, answers, strict=True):
            chain = self._chain_by_id.get(proposal.chain_id)
            if not isinstance(answer, Refused) or chain is None:
                continue
            shown = "0x" + self._digest(proposal).hex()
            hub, told = self._settings.chains[chain].hub, f"{answer.reason}: {answer.detail}"
            log.info("attestation_refused", chain=chain, reason=answer.reason, detail=answer.detail)
            rows += [
                AttestationAsked(shown, "", chain, proposal.chain_id, hub, proposal.attestation),
                AttestationAnswered(shown, self._settings.name, "refused", told, None),
            ]
        if not rows:
            return
        try:
            await self._log.write(*rows)
        except StateLogError as error:
            log.warning("refusals_not_recorded", error=str(error))


def _log_unavailable(error: LogUnavailable) -> Refused:
    return Refused(RefusalReason.NOT_READY, f"the state log can not be written: {error}")


def _series(batch: Batch) -> list[tuple[int, int]]:
    """Return the option series, by chain id and item, that owners ask to trade."""
    return [
        (proposal.chain_id, proposal.attestation.item)
        for proposal in batch.proposals
        if proposal.attestation.action == Action.OPTION_TRADE
    ]
