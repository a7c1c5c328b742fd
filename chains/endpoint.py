"""One node's JSON-RPC over HTTP: kept-alive connections, limits on everything, typed failures.

web3's provider frames the requests; the connection is ours. Its stock session opens a
TCP connection per request, takes a process-wide lock in a thread for each, and retries
sends; none of that is wanted here. `KeepAliveProvider` is a complete web3 provider, so
``AsyncWeb3(endpoint.provider)`` works where convenience matters more than speed.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from asyncio_throttle import Throttler
from eth_hash.auto import keccak
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random_exponential
from web3 import AsyncHTTPProvider
from web3.types import RPCEndpoint, RPCResponse

from chains.errors import (
    AnswerTooLarge,
    ChainError,
    EndpointUnavailable,
    MalformedAnswer,
    RateLimited,
    RetryLater,
    Unusable,
    clean_text,
)
from chains.node_errors import read_failure
from chains.send_errors import SendClass, SendOutcome, classify_send, may_be_pooled
from config.secrets import SecretUrl

Call: TypeAlias = tuple[str, Sequence[Any]]
"""A JSON-RPC method and its parameters."""

MAX_RETRY_AFTER_S = 30.0


class KeepAliveProvider(AsyncHTTPProvider):
    """web3's HTTP provider on one kept-alive session, with a cap on the size of answers.

    Every answer's id must be its request's. web3 itself is given the masked URL only, since it
    prints it in logs and errors.
    """

    def __init__(self, url: SecretUrl, *, answer_limit_bytes: int, connections: int) -> None:
        super().__init__(str(url), exception_retry_configuration=None)
        self._url = url
        self._answer_limit_bytes = answer_limit_bytes
        self._connections = connections
        self._session: ClientSession | None = None

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Return the whole JSON-RPC answer to one request, error object included."""
        request = self.form_request(method, params)
        answer = await self._exchange(request)
        _check_envelope(answer, request["id"])
        return cast(RPCResponse, answer)

    async def make_batch_request(self, batch_requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        """Return the answers in the order of the requests, or the single error that stands for all."""
        requests = [self.form_request(method, params) for method, params in batch_requests]
        answers = await self._exchange(requests)
        if isinstance(answers, dict) and answers.get("error") is not None:
            return cast(RPCResponse, answers)
        if not isinstance(answers, list) or len(answers) != len(requests):
            message = f"a batch of {len(requests)} was not answered by as many"
            raise MalformedAnswer(message)
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        for request in requests:
            _check_envelope(by_id.get(request["id"]), request["id"])
        return [cast(RPCResponse, by_id[request["id"]]) for request in requests]

    async def disconnect(self) -> None:
        """Close the session. A later request opens another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(self, request: object) -> Any:
        body = json.dumps(request, separators=(",", ":")).encode()
        if self._session is None or self._session.closed:
            self._session = self._open_session()
        failure: ChainError
        try:
            async with self._session.post(self._url.reveal(), data=body, allow_redirects=False) as response:
                raw = await self._read(response)
                if response.status != 200 and not _is_answer(response.status, raw):
                    raise _http_failure(response)
            return json.loads(raw)
        except ClientConnectorError as error:
            failure = EndpointUnavailable(f"not connected: {type(error).__name__}", never_sent=True)
        except (ClientError, ConnectionError, OSError) as error:
            failure = EndpointUnavailable(f"connection broke: {type(error).__name__}")
        except (ValueError, RecursionError):
            failure = MalformedAnswer("the answer is not JSON")
        # raised here, not above: the transport's errors hold the URL and must not become a context
        raise failure

    async def _read(self, response: ClientResponse) -> bytes:
        limit = self._answer_limit_bytes
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > limit:
                response.close()
                message = f"the answer is larger than {limit} bytes"
                raise AnswerTooLarge(message)
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _open_session(self) -> ClientSession:
        return ClientSession(
            connector=TCPConnector(limit=self._connections, keepalive_timeout=15, ttl_dns_cache=60),
            cookie_jar=DummyCookieJar(),
            headers={"Content-Type": "application/json", "User-Agent": "cross-chain-keeper"},
            timeout=ClientTimeout(total=None),
        )


class Endpoint:
    """One node, asked politely: throttled, time-limited, reads retried a few times, sends never.

    `name` is what logs call it (the URL without its secret, unless given). `counters` counts calls
    by method, those inside batches too. A read's retries end after `attempts`, or as soon as one
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
        self._timeout_s = timeout_s
        self._attempts = attempts

    async def request(self, method: str, params: Sequence[Any]) -> Any:
        """Return the ``result`` of one read. Raises what `chains.errors` draws."""
        try:
            return await self._request_once(method, params)
        except RetryLater as error:
            failure = error
        return await self._again(failure, self._request_once, method, params)

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Return one result per call, in order, from one HTTP request.

        A call that the node refused has its error as a value in its place, so that it fails only
        itself; an endpoint that limits or drops any of the calls fails the whole batch.
        """
        if not calls:
            return []
        try:
            return await self._batch_once(calls)
        except RetryLater as error:
            failure = error
        return await self._again(failure, self._batch_once, calls)

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
            found = classify_send(text)
            return SendOutcome(found, tx_hash, clean_text(text), self.name, may_be_pooled(found))
        if str(answer["result"]).lower() != tx_hash:
            return SendOutcome(SendClass.UNKNOWN, tx_hash, "answered another hash", self.name, may_be_pooled=True)
        return SendOutcome(SendClass.PUBLISHED, tx_hash, "", self.name, may_be_pooled=True)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.provider.disconnect()

    async def _request_once(self, method: str, params: Sequence[Any]) -> Any:
        answer = await self._post(method, params)
        if answer.get("error") is not None:
            raise read_failure(answer["error"])
        return answer["result"]

    async def _post(self, method: str, params: Sequence[Any]) -> Any:
        await self._throttler.acquire()
        self.counters[method] += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self.provider.make_request(RPCEndpoint(method), params)
        except TimeoutError:
            pass
        raise self._silence()

    async def _batch_once(self, calls: Sequence[Call]) -> list[Any]:
        await self._throttler.acquire()
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
            raise read_failure(answers.get("error"))
        results = [a["result"] if a.get("error") is None else read_failure(a["error"]) for a in answers]
        for result in results:
            if isinstance(result, (RateLimited, EndpointUnavailable, Unusable)):
                raise result
        return results

    async def _again(self, failure: RetryLater, ask: Any, *args: Any) -> Any:
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
        return await retrying(ask, *args)

    def _silence(self) -> EndpointUnavailable:
        return EndpointUnavailable(f"no answer within {self._timeout_s} s", timed_out=True)


def _check_envelope(answer: Any, request_id: int) -> None:
    if not isinstance(answer, dict):
        message = "the answer is not a JSON-RPC object"
    elif answer.get("id") != request_id or isinstance(answer.get("id"), bool):
        # a refusal of what could not be parsed, or of too many requests, has no id to give
        if answer.get("id") is None and answer.get("error") is not None:
            return
        message = "the answer's id is not the request's"
    elif answer.get("result") is not None if answer.get("error") is not None else "result" not in answer:
        message = "the answer has not exactly one of result and error"
    else:
        return
    raise MalformedAnswer(message)


def _is_answer(status: int, raw: bytes) -> bool:
    """Whether a body that came with an HTTP error is a JSON-RPC answer all the same, as some nodes do."""
    if status not in {400, 500}:
        return False
    return raw[:64].lstrip()[:1] in {b"{", b"["} and b'"jsonrpc"' in raw[:4_096] and b'"error"' in raw[:4_096]


def _http_failure(response: ClientResponse) -> ChainError:
    status = response.status
    if status == 429:
        asked = response.headers.get("Retry-After", "")
        wait_s = min(float(asked), MAX_RETRY_AFTER_S) if asked.isascii() and asked.isdigit() else 0.0
        return RateLimited("HTTP 429", retry_after_s=wait_s)
    if status == 413:
        return AnswerTooLarge("HTTP 413: the request is too large")
    if status >= 500 or status in {401, 402, 403, 404, 408}:
        return EndpointUnavailable(f"HTTP {status}")
    return MalformedAnswer(f"HTTP {status}")
