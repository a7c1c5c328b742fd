"""Gathering a quorum: every attestor is asked at once, and no one of them is waited for in vain.

A proposal is settled as soon as it has the threshold of valid signatures, or can no longer
reach it. An attestor that is down, slow or lying costs at most the timeout, and only for
proposals that need it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import aiohttp
import structlog

from chains.hub.signatures import InvalidSignature, assemble, digest, recover
from config.settings import AttestationSettings, AttestorPeerSettings
from keeper.attest.wire import (
    Answer,
    Batch,
    RefusalReason,
    Refused,
    Signed,
    WireError,
    decode_answers,
    encode_batch,
    read_json,
)

MAX_ANSWER_BYTES = 1 << 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Quorum:
    """What came back for one proposal. `signatures` is None when the threshold was not reached."""

    digest: str
    signatures: tuple[bytes, ...] | None
    answers: Mapping[str, Answer]

    @property
    def shortage(self) -> str:
        """Say in a line who refused and why, for the log and for a person."""
        refusals = [
            f"{name}: {answer.reason} ({answer.detail})"
            for name, answer in sorted(self.answers.items())
            if isinstance(answer, Refused)
        ]
        return "; ".join(refusals) or "no attestor refused, too few answered"


class QuorumClient:
    """Asks the configured attestors. `hubs` maps chain id to the hub's address."""

    def __init__(
        self, settings: AttestationSettings, hubs: Mapping[int, str], session: aiohttp.ClientSession
    ) -> None:
        self._settings = settings
        self._hubs = hubs
        self._session = session

    async def ask(self, batch: Batch) -> tuple[Quorum, ...]:
        """Return one `Quorum` per proposal, in order. Never raises for what attestors do."""
        found: dict[int, Quorum] = {}
        async with aclosing(self.settle(batch)) as settling:
            async for settled in settling:
                found |= settled
        return tuple(quorum for _, quorum in sorted(found.items()))

    async def settle(self, batch: Batch) -> AsyncGenerator[dict[int, Quorum]]:
        """Yield quorums by their proposal's place as soon as no further answer can change them.

        One account that attestors disagree on must not keep a hundred others waiting for a slow attestor.
        """
        digests = [
            digest(proposal.attestation, proposal.chain_id, self._hubs[proposal.chain_id])
            for proposal in batch.proposals
        ]
        tally = _Tally(self._settings, digests)
        body = encode_batch(batch)
        tasks = {
            asyncio.create_task(self._ask_one(peer, body, len(digests))): peer
            for peer in self._settings.attestors
        }
        waiting = set(tasks)
        try:
            while tally.unsettled:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    tally.count(tasks[task], task.result())
                settled = tally.take_settled()
                if settled:
                    yield settled
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _ask_one(
        self, peer: AttestorPeerSettings, body: Mapping[str, object], expected: int
    ) -> tuple[Answer, ...]:
        try:
            async with self._session.post(
                peer.url.reveal().rstrip("/") + "/v1/attest",
                json=body,
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    return _all_refused(expected, RefusalReason.BAD_ANSWER, f"HTTP {response.status}")
                raw = await response.content.read(MAX_ANSWER_BYTES + 1)
                while len(raw) <= MAX_ANSWER_BYTES and (more := await response.content.read(65_536)):
                    raw += more
                if len(raw) > MAX_ANSWER_BYTES:
                    return _all_refused(expected, RefusalReason.BAD_ANSWER, "answer too large")
                return decode_answers(read_json(raw), expected)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            # The class only: aiohttp's texts may carry the URL, and the URL is a secret.
            return _all_refused(expected, RefusalReason.UNREACHABLE, type(error).__name__)
        except WireError as error:
            return _all_refused(expected, RefusalReason.BAD_ANSWER, str(error))


class _Tally:
    """Counts valid signatures per proposal."""

    def __init__(self, settings: AttestationSettings, digests: Sequence[bytes]) -> None:
        self._threshold = settings.threshold
        self._outstanding = len(settings.attestors)
        self.unsettled = set(range(len(digests)))
        self._digests = digests
        self._signatures: list[dict[str, bytes]] = [{} for _ in digests]
        self._answers: list[dict[str, Answer]] = [{} for _ in digests]

    def count(self, peer: AttestorPeerSettings, answers: Sequence[Answer]) -> None:
        """Take one attestor's answers, checking each signature against its address."""
        self._outstanding -= 1
        for index, answer in enumerate(answers):
            checked = self._checked(peer, index, answer)
            self._answers[index][peer.name] = checked
            if isinstance(checked, Signed):
                self._signatures[index][peer.address] = bytes.fromhex(checked.signature[2:])

    def take_settled(self) -> dict[int, Quorum]:
        """Return, once, the outcome of each proposal that no further answer can change, by its place."""
        settled: dict[int, Quorum] = {}
        for index in sorted(self.unsettled):
            found = self._signatures[index]
            if len(found) >= self._threshold:
                signatures: tuple[bytes, ...] | None = assemble(found, self._threshold)
            elif len(found) + self._outstanding < self._threshold:
                signatures = None
            else:
                continue
            shown = "0x" + self._digests[index].hex()
            settled[index] = Quorum(shown, signatures, dict(self._answers[index]))
        self.unsettled -= settled.keys()
        return settled

    def _checked(self, peer: AttestorPeerSettings, index: int, answer: Answer) -> Answer:
        if isinstance(answer, Refused):
            return answer
        try:
            signer = recover(self._digests[index], bytes.fromhex(answer.signature[2:]))
        except InvalidSignature as error:
            return Refused(RefusalReason.BAD_ANSWER, str(error))
        if signer != peer.address:
            log.warning("attestation_by_another_key", attestor=peer.name, signer=signer)
            return Refused(RefusalReason.BAD_ANSWER, f"signed by {signer}, not by {peer.address}")
        return answer


def _all_refused(count: int, reason: RefusalReason, detail: str) -> tuple[Answer, ...]:
    return (Refused(reason, detail),) * count
