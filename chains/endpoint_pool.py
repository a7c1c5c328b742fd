"""Several nodes of one chain behind one question: the first healthy answers, the last is never dropped.

A node is trusted only after its chain id and genesis block were seen to be the configured
ones, and again after every time it went away: what comes back on the same address may be
another chain. Nodes that contradict the others are not asked until they agree with them again;
where no larger part agrees the whole chain is in dispute (`chains.agreement`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from chains.alike import Outcome, Poll
from chains.endpoint import Endpoint
from chains.endpoint_report import Abilities, EndpointReport
from chains.errors import (
    AskForLess,
    ChainError,
    ChainMismatch,
    EndpointUnavailable,
    NodeRefused,
    NotAgreed,
    NotYetThere,
    RateLimited,
    RetryLater,
    Reverted,
    Unusable,
)
from chains.members import Member
from chains.survey import Look, Survey

Answer = TypeVar("Answer")

_log = structlog.get_logger()


class EndpointPool:
    """The endpoints of chain `name`, pinned to `chain_id` and `genesis_hash`.

    `ask` puts one question to the endpoints in order of health until one answers. A failed one goes
    to the end and comes back by answering a `survey` (which costs no question its time-out), or by
    answering when all before it failed; one that is not in step with the others goes to the end; one of
    another chain, or that contradicts the larger part, is not asked. Call `survey` every half minute
    or so, and whenever `doubt` is set.
    """

    def __init__(
        self,
        name: str,
        chain_id: int,
        genesis_hash: str,
        endpoints: Sequence[Endpoint],
        *,
        agreeing: int = 1,
        block_time_s: float = 2.0,
    ) -> None:
        if not endpoints:
            raise ValueError(f"{name}: a chain needs an endpoint")
        self.name = name
        self.chain_id = chain_id
        self.genesis_hash = genesis_hash.lower()
        self.agreeing = agreeing
        self.doubt = asyncio.Event()
        """Set when answers contradicted each other: time for a survey."""
        self.not_agreed = ""
        """Why the last question that decides something had no answer that enough endpoints agreed on."""
        self._members = [Member(number, endpoint) for number, endpoint in enumerate(endpoints)]
        self._survey = Survey(name, chain_id, self.genesis_hash, self._members, block_time_s)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All endpoints, in the operator's order."""
        return tuple(member.endpoint for member in self._members)

    @property
    def asked_first(self) -> str:
        """The name of the endpoint that a question is put to first now, empty if none can be asked."""
        return next((member.endpoint.name for member in self._in_order()), "")

    @property
    def disputed(self) -> str:
        """Why nobody's word about the chain counts, empty while it does."""
        return self._survey.disputed

    @property
    def mismatched(self) -> str:
        """Why no endpoint serves this chain, empty while one does."""
        foreign = [member.foreign for member in self._members]
        return foreign[0] if all(foreign) else ""

    @property
    def is_unwell(self) -> bool:
        """Whether someone is out, or all are in dispute: then surveys should be made more often."""
        return bool(self.disputed) or not all(member.may_be_asked for member in self._members)

    def report(self) -> tuple[EndpointReport, ...]:
        """Return how each endpoint stands."""
        return tuple(member.report() for member in self._members)

    async def verified(self) -> AsyncIterator[Endpoint]:
        """Yield the endpoints in order of health, each only when it is known to serve this chain."""
        for member in self._in_order():
            try:
                await self._verify(member)
            except (RetryLater, Unusable, ChainMismatch) as failure:
                self._note(member, failure)
                continue
            yield member.endpoint

    async def connect(self) -> None:
        """Verify every endpoint that answers, and find out what it can. Raises `ChainMismatch` if any serves
        another chain, `EndpointUnavailable` if none answers.
        """
        outcomes = await asyncio.gather(
            *(self._survey.look(member) for member in self._members), return_exceptions=True
        )
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for failure in failures:
            if not isinstance(failure, (RetryLater, Unusable)):
                raise failure
        if len(failures) == len(self._members):
            raise failures[0]
        await self._survey.judge(
            {number: seen for number, seen in enumerate(outcomes) if not isinstance(seen, BaseException)}
        )
        await self._survey.probe()

    async def survey(self, at: int | None = None) -> None:
        """Ask every endpoint who and where it is, so that those that lag, contradict or are foreign leave, and come
        back. `at` is a height that all of them should have. Raises only `ChainMismatch`, when no endpoint of this
        chain is left.
        """
        was_well = not self.is_unwell
        self.doubt.clear()
        seen = await asyncio.gather(*(self._look(member, at) for member in self._members))
        await self._survey.judge({number: its for number, its in enumerate(seen) if its is not None}, at)
        await self._survey.probe()
        if was_well and self.is_unwell:
            self.doubt.set()
        if self.mismatched:
            raise ChainMismatch(self.mismatched)

    async def ask(
        self,
        question: Callable[[Endpoint], Awaitable[Answer]],
        *,
        needs: Callable[[Abilities], bool] | None = None,
        other: bool = False,
    ) -> Answer:
        """Return the first answer. Raises the last failure, or `NotYetThere` if any node said that.

        Endpoints known not to be able to answer (`needs`) are left out unless all are. With `other` the one that
        is usually asked comes last.
        """
        verdict: ChainError | None = None
        for member in self._asked(needs, other=other):
            try:
                await self._verify(member)
                answer = await question(member.endpoint)
            except (RetryLater, Unusable, ChainMismatch) as failure:
                self._note(member, failure)
                if not isinstance(verdict, NotYetThere):
                    verdict = failure
                continue
            self._heal(member)
            return answer
        raise verdict or self._nobody()

    async def ask_agreeing(
        self,
        question: Callable[[Endpoint], Awaitable[Answer]],
        *,
        needs: Callable[[Abilities], bool] | None = None,
    ) -> Answer:
        """Return the answer that `agreeing` endpoints give alike: for what decides whether something is sent.

        That a call reverts, or is refused, is an answer as well and raised when enough agree on it. Raises
        `NotAgreed` otherwise, and what `ask` does if nobody answers at all.
        """
        if self.agreeing == 1:
            return await self.ask(question, needs=needs)
        poll: Poll[Answer] = Poll(self.agreeing)
        asked = self._asked(needs, other=False)
        while asked and poll.missing:
            now, asked = asked[: poll.missing], asked[poll.missing :]
            outcomes = await asyncio.gather(*(self._outcome(member, question) for member in now))
            poll.add(outcomes)
        if poll.is_contradicted:
            self.doubt.set()
        if poll.agreed is not None:
            self.not_agreed = ""
            return poll.agreed.result()
        if not poll.answers:
            raise poll.failure or self._nobody()
        self.not_agreed = poll.why
        raise NotAgreed(f"{self.name}: {poll.why}")

    async def aclose(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(member.endpoint.aclose() for member in self._members))

    def _in_order(self) -> list[Member]:
        now_s = asyncio.get_running_loop().time()
        usable = [member for member in self._members if member.may_be_asked]
        return sorted(usable, key=lambda member: member.order(now_s))

    def _asked(self, needs: Callable[[Abilities], bool] | None, *, other: bool) -> list[Member]:
        order = self._in_order()
        if needs is not None:
            order = [each for each in order if each.abilities is None or needs(each.abilities)] or order
        return order[1:] + order[:1] if other else order

    def _nobody(self) -> ChainError:
        if self.mismatched:
            return ChainMismatch(f"{self.name}: no endpoint serves this chain: {self.mismatched}")
        return EndpointUnavailable(f"{self.name}: no endpoint can be believed")

    async def _outcome(
        self, member: Member, question: Callable[[Endpoint], Awaitable[Answer]]
    ) -> Outcome[Answer]:
        try:
            await self._verify(member)
            answer = await question(member.endpoint)
        except (Reverted, NodeRefused) as said:
            self._heal(member)
            return Outcome(said=said)
        except (RetryLater, Unusable, ChainMismatch) as failure:
            self._note(member, failure)
            return Outcome(failure=failure)
        self._heal(member)
        return Outcome(answer=answer, answered=True)

    async def _look(self, member: Member, at: int | None) -> Look | None:
        """Look at an endpoint. None if it does not answer, or not as one of this chain's."""
        try:
            found = await self._survey.look(member, at)
        except (RetryLater, Unusable, ChainMismatch) as failure:
            self._note(member, failure)
            return None
        self._heal(member)
        return found

    async def _verify(self, member: Member) -> None:
        if not member.verified:
            await self._survey.look(member)

    def _note(self, member: Member, failure: ChainError) -> None:
        if isinstance(failure, (NotYetThere, AskForLess)):
            return
        if isinstance(failure, ChainMismatch):
            if not member.foreign:
                _log.critical(
                    "endpoint_serves_another_chain",
                    chain=self.name,
                    endpoint=member.endpoint.name,
                    error=str(failure),
                )
            member.foreign = str(failure)
            member.contradicted()
            return
        if isinstance(failure, EndpointUnavailable):
            member.verified, member.is_probe_due = False, True
        if member.failures == 0:
            _log.warning(
                "endpoint_failed", chain=self.name, endpoint=member.endpoint.name, error=str(failure)
            )
        asked_s = failure.retry_after_s if isinstance(failure, RateLimited) else 0.0
        member.failed(str(failure), asyncio.get_running_loop().time(), asked_s)

    def _heal(self, member: Member) -> None:
        if member.answered():
            _log.info("endpoint_recovered", chain=self.name, endpoint=member.endpoint.name)
