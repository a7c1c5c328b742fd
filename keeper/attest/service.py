"""An attestor at work: look for itself, judge, remember durably, and only then sign."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from chains.hub.signatures import DigestSigner, digest, sign
from config.settings import AttestorSettings, Settings
from keeper.attest.cut import CutRefused, CutView, read_cut
from keeper.attest.judge import Terms, judge
from keeper.attest.wire import Answer, Batch, Proposal, RefusalReason, Refused, Signed
from keeper.margin.parameters import RiskPolicy
from keeper.state.entries import AttestationAnswered, AttestationAsked, AttestationSigned
from keeper.state.errors import Equivocation, LogUnavailable, StateLogError
from keeper.state.log import StateLog
from keeper.watch.venues import venue_facts
from keeper.watch.watcher import Watcher

log = structlog.get_logger()


class Attestor:
    """Answers batches for one key. Signs nothing that it did not find itself."""

    def __init__(
        self,
        settings: Settings,
        own: AttestorSettings,
        policy: RiskPolicy,
        watcher: Watcher,
        key: DigestSigner,
        state_log: StateLog,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._own = own
        self._policy = policy
        self._watcher = watcher
        self._key = key
        self._log = state_log
        self._now_ms = now_ms
        self._chain_by_id = {chain.chain_id: name for name, chain in settings.chains.items()}

    async def attest(self, batch: Batch) -> Sequence[Answer]:
        """Return one answer per proposal, in order. Never raises for what was asked."""
        evidence = self._watcher.evidence
        if not evidence.ready:
            return [Refused(RefusalReason.NOT_READY, "not every chain has been read yet")] * len(
                batch.proposals
            )
        wanted = sorted({proposal.attestation.account for proposal in batch.proposals})
        try:
            view = await read_cut(
                self._watcher, evidence.known, batch.cut, wanted, self._now_ms(), self._own.max_cut_age_s
            )
        except CutRefused as refusal:
            return [Refused(RefusalReason.CUT, str(refusal))] * len(batch.proposals)
        terms = Terms(
            own=self._own,
            chains=self._settings.chains,
            policy=self._policy,
            prices=evidence.prices,
            facts=dict(evidence.facts),
            venues=venue_facts(self._settings, evidence),
            now_ms=self._now_ms(),
        )
        return [await self._answer(proposal, batch, view, terms) for proposal in batch.proposals]

    async def _answer(self, proposal: Proposal, batch: Batch, view: CutView, terms: Terms) -> Answer:
        chain = self._chain_by_id.get(proposal.chain_id)
        if chain is None:
            return Refused(RefusalReason.UNKNOWN_CHAIN, f"chain id {proposal.chain_id} is not configured")
        refusal = judge(proposal.attestation, chain, batch.cut, view, terms)
        hub = self._settings.chains[chain].hub
        to_sign = digest(proposal.attestation, proposal.chain_id, hub)
        if refusal is None:
            refusal = await self._remembered(proposal, to_sign)
        answer = refusal or Signed("0x" + sign(self._key, to_sign).hex())
        await self._note(proposal, chain, to_sign, answer)
        return answer

    async def _remembered(self, proposal: Proposal, to_sign: bytes) -> Refused | None:
        """Write (account, sequence, digest) durably before the signature exists."""
        attestation = proposal.attestation
        try:
            await self._log.write(
                AttestationSigned(
                    proposal.chain_id,
                    attestation.account,
                    attestation.sequence,
                    "0x" + to_sign.hex(),
                    attestation,
                )
            )
        except Equivocation:
            return Refused(
                RefusalReason.EQUIVOCATION, f"another digest was signed for sequence {attestation.sequence}"
            )
        except LogUnavailable as error:
            return Refused(RefusalReason.NOT_READY, f"the state log can not be written: {error}")
        return None

    async def _note(self, proposal: Proposal, chain: str, to_sign: bytes, answer: Answer) -> None:
        """Keep what was asked and answered: a refusal is logged on both sides."""
        if not isinstance(answer, Refused):
            return
        shown = "0x" + to_sign.hex()
        log.info("attestation_refused", chain=chain, reason=answer.reason, detail=answer.detail)
        try:
            await self._log.write(
                AttestationAsked(
                    shown,
                    "",
                    chain,
                    proposal.chain_id,
                    self._settings.chains[chain].hub,
                    proposal.attestation,
                ),
                AttestationAnswered(
                    shown, self._settings.name, "refused", f"{answer.reason}: {answer.detail}", None
                ),
            )
        except StateLogError as error:
            log.warning("refusal_not_recorded", error=str(error))
