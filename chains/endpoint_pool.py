"""Several nodes of one chain behind one question: the first healthy answers, the last is never dropped.

A node is trusted only after its chain id and genesis block were seen to be the configured
ones, and again after every time it went away: what comes back on the same address may be
another chain.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from chains.answers import read_head, read_quantity
from chains.endpoint import Call, Endpoint
from chains.errors import (
    AskForLess,
    ChainError,
    ChainMismatch,
    EndpointUnavailable,
    NotYetThere,
    RateLimited,
    RetryLater,
    Unusable,
)

Answer = TypeVar("Answer")

REST_FIRST_S = 0.5
REST_MAX_S = 30.0
LAG_LIMIT_BLOCKS = 5

_log = structlog.get_logger()


@dataclass(slots=True)
class _Member:
    """An endpoint and what is known of it. Times are the event loop's."""

    endpoint: Endpoint
    verified: bool = False
    foreign: bool = False
    lagging: bool = False
    failures: int = 0
    rest_until_s: float = 0.0


class EndpointPool:
    """The endpoints of chain `name`, pinned to `chain_id` and `genesis_hash`.

    `ask` puts one question to the endpoints in order of health until one answers. A failed one goes
    to the end and comes back by answering a `survey` (which costs no question its time-out), or by
    answering when all before it failed; one that lags more than five blocks behind the best goes to
    the end; one of another chain leaves for good. Call `survey` every half minute or so.
    """

    def __init__(self, name: str, chain_id: int, genesis_hash: str, endpoints: Sequence[Endpoint]) -> None:
        if not endpoints:
            raise ValueError(f"{name}: a chain needs an endpoint")
        self.name = name
        self.chain_id = chain_id
        self.genesis_hash = genesis_hash.lower()
        self._members = [_Member(endpoint) for endpoint in endpoints]

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All endpoints, in the operator's order."""
        return tuple(member.endpoint for member in self._members)

    async def verified(self) -> AsyncIterator[Endpoint]:
        """Yield the endpoints in order of health, each only when it is known to serve this chain."""
        for member in self._in_order():
            try:
                if not member.verified:
                    await self._verify(member)
            except (RetryLater, Unusable, ChainMismatch) as failure:
                self._note(member, failure)
                continue
            yield member.endpoint

    async def connect(self) -> None:
        """Verify every endpoint that answers. Raises `ChainMismatch` if any serves another chain,
        `EndpointUnavailable` if none answers.
        """
        outcomes = await asyncio.gather(
            *(self._verify(member) for member in self._members), return_exceptions=True
        )
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for failure in failures:
            if not isinstance(failure, (RetryLater, Unusable)):
                raise failure
        if len(failures) == len(self._members):
            raise failures[0]

    async def survey(self) -> None:
        """Ask every endpoint who and where it is, so that lagging and foreign ones leave. Raises only
        `ChainMismatch`, when no endpoint of this chain is left.
        """
        members = [member for member in self._members if not member.foreign]
        heights = await asyncio.gather(*(self._height(member) for member in members))
        best = max(heights, default=-1)
        for member, height in zip(members, heights, strict=True):
            lagging = 0 <= height < best - LAG_LIMIT_BLOCKS
            if lagging != member.lagging:
                _log.warning(
                    "endpoint_lags" if lagging else "endpoint_caught_up",
                    chain=self.name,
                    endpoint=member.endpoint.name,
                    blocks_behind=best - height,
                )
            member.lagging = lagging
        if all(member.foreign for member in self._members):
            raise ChainMismatch(f"{self.name}: no endpoint serves this chain any more")

    async def ask(self, question: Callable[[Endpoint], Awaitable[Answer]]) -> Answer:
        """Return the first answer. Raises the last failure, or `NotYetThere` if any node said that."""
        verdict: ChainError | None = None
        for member in self._in_order():
            try:
                if not member.verified:
                    await self._verify(member)
                answer = await question(member.endpoint)
            except (RetryLater, Unusable, ChainMismatch) as failure:
                self._note(member, failure)
                if not isinstance(verdict, NotYetThere):
                    verdict = failure
                continue
            self._heal(member)
            return answer
        if verdict is None:
            raise ChainMismatch(f"{self.name}: no endpoint serves this chain")
        raise verdict

    async def aclose(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(member.endpoint.aclose() for member in self._members))

    def _in_order(self) -> list[_Member]:
        now_s = asyncio.get_running_loop().time()
        usable = [member for member in self._members if not member.foreign]
        return sorted(usable, key=lambda m: (m.failures > 0, max(m.rest_until_s - now_s, 0.0), m.lagging))

    def _note(self, member: _Member, failure: ChainError) -> None:
        if isinstance(failure, (NotYetThere, AskForLess)):
            return
        if isinstance(failure, ChainMismatch):
            member.foreign = True
            _log.critical(
                "endpoint_serves_another_chain",
                chain=self.name,
                endpoint=member.endpoint.name,
                error=str(failure),
            )
            return
        if isinstance(failure, EndpointUnavailable):
            member.verified = False
        if member.failures == 0:
            _log.warning(
                "endpoint_failed", chain=self.name, endpoint=member.endpoint.name, error=str(failure)
            )
        rest_s = min(REST_MAX_S, REST_FIRST_S * 2 ** min(member.failures, 10)) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        if isinstance(failure, RateLimited):
            rest_s = max(rest_s, failure.retry_after_s)
        member.failures += 1
        member.rest_until_s = asyncio.get_running_loop().time() + rest_s

    def _heal(self, member: _Member) -> None:
        if member.failures:
            _log.info("endpoint_recovered", chain=self.name, endpoint=member.endpoint.name)
            member.failures, member.rest_until_s = 0, 0.0

    async def _height(self, member: _Member) -> int:
        """The endpoint's height, -1 if it does not tell. Notes failures and foreign chains."""
        try:
            height = await self._verify(member)
        except (RetryLater, Unusable, ChainMismatch) as failure:
            self._note(member, failure)
            return -1
        self._heal(member)
        return height

    async def _verify(self, member: _Member) -> int:
        calls: list[Call] = [
            ("eth_chainId", []),
            ("eth_getBlockByNumber", ["0x0", False]),
            ("eth_blockNumber", []),
        ]
        answers = await member.endpoint.batch(calls)
        for answer in answers:
            if isinstance(answer, ChainError):
                raise EndpointUnavailable(str(answer))
        chain_id, genesis = read_quantity(answers[0]), read_head(self.name, answers[1])
        if chain_id != self.chain_id:
            raise ChainMismatch(
                f"{self.name} is chain id {self.chain_id}, but {member.endpoint.name} serves {chain_id}"
            )
        if genesis.hash != self.genesis_hash:
            message = (
                f"{self.name} begins with block {self.genesis_hash}, but {member.endpoint.name} serves a chain"
                f" that begins with {genesis.hash}"
            )
            raise ChainMismatch(message)
        member.verified = True
        return read_quantity(answers[2])
