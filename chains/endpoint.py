"""One node's JSON-RPC: throttled, time-limited, counted; reads retried a few times, sends never."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

from asyncio_throttle.throttler import Throttler
from eth_hash.auto import keccak
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)
from web3.types import RPCEndpoint

from chains.errors import (
    AskForLess,
    ChainError,
    EndpointUnavailable,
    NodeRefused,
    RateLimited,
    RetryLater,
    Unusable,
    clean_text,
)
from chains.node_errors import read_failure
from chains.provider import Json, KeepAliveProvider
from chains.send_errors import SendClass, SendOutcome, classify_send, may_be_pooled
from config.secrets import SecretUrl

Call: TypeAlias = tuple[str, Sequence[Any]]
"""A JSON-RPC method and its parameters."""

Result = TypeVar("Result")

BATCH_CALLS = 100
MESSAGE_LIMIT = 4_096
"""Characters of a node's refusal that are read at all."""


class _BatchRefused(ChainError):
    """The node refused a whole batch: it may take a smaller one, or each call by itself."""

    def __init__(self, failure: ChainError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class Endpoint:
    """One node, asked politely: throttled, time-limited, reads retried a few times, sends never.

    `name` is what logs call it (the URL without its secret, unless given). `counters` counts calls
    by method, those inside batches too. `batch_limit` is the most calls sent in one request; it is
    halved by each refusal of a batch. A read's retries end after `attempts`, or as soon as one
    `timeout_s` has been spent: silence is for the next endpoint, not for patience.
    """

    def __init__(
        self,
        url: SecretUrl,
        *,
        max_requests_per_s: int = 200,
        timeout_s: float = 5.0,
        attempts: int = 3,
        answer_limit_bytes: int = 8 * 1024 * 1024,
        connections: int = 64,
        name: str = "",
    ) -> None:
        self.name = name or str(url)
        self.counters: Counter[str] = Counter()
        self.provider = KeepAliveProvider(url, answer_limit_bytes=answer_limit_bytes, connections=connections)
        self._throttler = Throttler(rate_limit=max_requests_per_s, period=1.0, retry_interval=0.005)
        self.batch_limit = BATCH_CALLS
        self._url = url
        self._timeout_s = timeout_s
        self._attempts = attempts

    async def request(self, method: str, params: Sequence[Any]) -> Json:
        """Return the ``result`` of one read. Raises what `chains.errors` draws."""
        try:
            return await self._request_once(method, params)
        except RetryLater as error:
            failure = error
        return await self._again(failure, partial(self._request_once, method, params))

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Return one result per call, in order, from one HTTP request per `batch_limit` calls.

        A call that the node refused has its error as a value in its place, so that it fails only
        itself; an endpoint that limits or drops any of the calls fails the whole batch.
        """
        if self.batch_limit <= 1:
            return [await self._value(method, params) for method, params in calls]
        results: list[Any] = []
        while len(results) < len(calls):
            part = calls[len(results) : len(results) + self.batch_limit]
            try:
                results += await self._batch(part)
            except _BatchRefused as refused:
                self.batch_limit = len(part) // 2
                if self.batch_limit == 0:
                    self.batch_limit = 1
                    raise refused.failure from None
                if self.batch_limit == 1:
                    return results + [await self._value(*call) for call in calls[len(results) :]]
        return results

    async def send_raw(self, raw: bytes) -> SendOutcome:
        """Broadcast signed bytes once and say what came of it. Never retries, raises nothing of `ChainError`."""
        tx_hash = "0x" + keccak(raw).hex()
        try:
            answer = await self._post("eth_sendRawTransaction", ["0x" + raw.hex()])
        except ChainError as failure:
            pooled = not (isinstance(failure, EndpointUnavailable) and failure.never_sent)
            return SendOutcome(SendClass.TRANSIENT, tx_hash, str(failure), self.name, pooled)
        error = answer.get("error")
        if error is not None:
            text = str(error.get("message", "")) if isinstance(error, dict) else str(error)
            text = self._url.scrub(text[:MESSAGE_LIMIT])
            found = classify_send(text)
            return SendOutcome(found, tx_hash, clean_text(text), self.name, may_be_pooled(found))
        if str(answer["result"]).lower() != tx_hash:
            return SendOutcome(
                SendClass.UNKNOWN, tx_hash, "answered another hash", self.name, may_be_pooled=True
            )
        return SendOutcome(SendClass.PUBLISHED, tx_hash, "", self.name, may_be_pooled=True)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.provider.disconnect()

    async def _batch(self, calls: Sequence[Call]) -> list[Any]:
        try:
            return await self._batch_once(calls)
        except RetryLater as error:
            failure = error
        return await self._again(failure, partial(self._batch_once, calls))

    async def _value(self, method: str, params: Sequence[Any]) -> Json:
        """Return the result of a call, or the error that would stand in its place in a batch."""
        try:
            return await self.request(method, params)
        except (RateLimited, EndpointUnavailable, Unusable):
            raise
        except ChainError as error:
            return error

    def _failure(self, error: object) -> ChainError:
        """Read an error object, in whose text a gateway may repeat our own access key."""
        if isinstance(error, Mapping) and isinstance(error.get("message"), str):
            error = {**error, "message": self._url.scrub(error["message"][:MESSAGE_LIMIT])}
        return read_failure(error)

    async def _request_once(self, method: str, params: Sequence[Any]) -> Json:
        answer = await self._post(method, params)
        if answer.get("error") is not None:
            raise self._failure(answer["error"])
        return answer["result"]

    async def _post(self, method: str, params: Sequence[Any]) -> Json:
        await self._throttler.acquire()  # type: ignore[no-untyped-call]
        self.counters[method] += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self.provider.make_request(RPCEndpoint(method), params)
        except TimeoutError:
            pass
        raise self._silence()

    async def _batch_once(self, calls: Sequence[Call]) -> list[Any]:
        await self._throttler.acquire()  # type: ignore[no-untyped-call]
        self.counters.update(method for method, _ in calls)
        answers: Any = None
        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await self.provider.make_batch_request([(RPCEndpoint(m), p) for m, p in calls])
        except TimeoutError:
            pass
        if answers is None:
            raise self._silence()
        if isinstance(answers, dict):
            failure = self._failure(answers.get("error"))
            raise _BatchRefused(failure) if isinstance(failure, (AskForLess, NodeRefused)) else failure
        results = [a["result"] if a.get("error") is None else self._failure(a["error"]) for a in answers]
        for result in results:
            if isinstance(result, (RateLimited, EndpointUnavailable, Unusable)):
                raise result
        return results

    async def _again(self, failure: RetryLater, ask: Callable[[], Awaitable[Result]]) -> Result:
        """Retry what has just failed. The first try is outside: tenacity's bookkeeping costs more than the call."""
        if self._attempts <= 1 or (isinstance(failure, EndpointUnavailable) and failure.timed_out):
            raise failure
        pause_s = failure.retry_after_s if isinstance(failure, RateLimited) else 0.0
        if pause_s > self._timeout_s:
            raise failure
        await asyncio.sleep(pause_s)
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(RetryLater),
            stop=stop_after_attempt(self._attempts - 1) | stop_after_delay(self._timeout_s),
            wait=wait_random_exponential(multiplier=0.05, max=1.0),
            reraise=True,
        )
        return await retrying(ask)

    def _silence(self) -> EndpointUnavailable:
        return EndpointUnavailable(f"no answer within {self._timeout_s} s", timed_out=True)
