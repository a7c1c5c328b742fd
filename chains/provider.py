"""JSON-RPC framing and transport: web3's provider on connections of our own.

web3's stock session opens a TCP connection per request, takes a process-wide lock in a
thread for each (which a cancelled request can leave locked), and retries sends; none of
that is wanted here. `KeepAliveProvider` is a complete web3 provider, so
``AsyncWeb3(endpoint.provider)`` works where convenience matters more than speed.
"""

from __future__ import annotations

import json
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
from web3 import AsyncHTTPProvider
from web3.types import RPCEndpoint, RPCResponse

from chains.errors import AnswerTooLarge, ChainError, EndpointUnavailable, MalformedAnswer, RateLimited
from config.json_depth import nests_deeper
from config.secrets import SecretUrl

Json: TypeAlias = Any
"""Decoded JSON from a node, of whatever shape it chose. Read it with `chains.answers`."""

MAX_DEPTH = 128
"""Levels of JSON: no answer to what is asked here has more than a dozen."""
MAX_RETRY_AFTER_S = 30.0
SHORTEST_KEY = 8
"""Secret parts of a URL from this length on are taken out of whole answers, shorter ones out of errors' texts only."""


class KeepAliveProvider(AsyncHTTPProvider):
    """web3's HTTP provider on one kept-alive session, with a cap on the size of answers.

    Every answer's id must be its request's. web3 itself is given the masked URL only, since it
    prints it in logs and errors.
    """

    def __init__(self, url: SecretUrl, *, answer_limit_bytes: int, connections: int) -> None:
        super().__init__(str(url), exception_retry_configuration=None)
        self._url = url
        self._keys = [part.encode() for part in url.parts if len(part) >= SHORTEST_KEY]
        self._answer_limit_bytes = answer_limit_bytes
        self._connections = connections
        self._session: ClientSession | None = None

    async def make_request(self, method: RPCEndpoint, params: object) -> RPCResponse:
        """Return the whole JSON-RPC answer to one request, error object included."""
        request = self.form_request(method, params)
        answer = await self._exchange(request)
        _check_envelope(answer, request["id"])
        return cast("RPCResponse", answer)

    async def make_batch_request(
        self, batch_requests: list[tuple[RPCEndpoint, Any]]
    ) -> list[RPCResponse] | RPCResponse:
        """Return the answers in the order of the requests, or the single error that stands for all."""
        requests = [self.form_request(method, params) for method, params in batch_requests]
        answers = await self._exchange(requests)
        if isinstance(answers, dict) and answers.get("error") is not None:
            return cast("RPCResponse", answers)
        if not isinstance(answers, list) or len(answers) != len(requests):
            raise MalformedAnswer(f"a batch of {len(requests)} was not answered by as many")
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        for request in requests:
            _check_envelope(by_id.get(request["id"]), request["id"])
        return [cast("RPCResponse", by_id[request["id"]]) for request in requests]

    async def disconnect(self) -> None:
        """Close the session. A later request opens another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(self, request: object) -> Json:
        body = json.dumps(request, separators=(",", ":")).encode()
        if self._session is None or self._session.closed:
            self._session = self._open_session()
        failure: ChainError
        try:
            async with self._session.post(self._url.reveal(), data=body, allow_redirects=False) as response:
                raw = await self._read(response)
                if response.status != 200 and not _is_answer(response.status, raw):
                    raise _http_failure(response)
            return _parsed(raw)
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
                raise AnswerTooLarge(f"the answer is larger than {limit} bytes")
            chunks.append(chunk)
        return self._without_keys(chunks[0] if len(chunks) == 1 else b"".join(chunks))

    def _without_keys(self, raw: bytes) -> bytes:
        """Return an answer without our own access keys, which some gateways repeat in what they refuse."""
        for key in self._keys:
            if key in raw:
                raw = raw.replace(key, b"***")
        return raw

    def _open_session(self) -> ClientSession:
        return ClientSession(
            connector=TCPConnector(limit=self._connections, keepalive_timeout=15, ttl_dns_cache=60),
            cookie_jar=DummyCookieJar(),
            headers={"Content-Type": "application/json", "User-Agent": "cross-chain-keeper"},
            timeout=ClientTimeout(total=None),
        )


def _check_envelope(answer: object, request_id: object) -> None:
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


def _parsed(raw: bytes) -> Json:
    if nests_deeper(raw, MAX_DEPTH):
        raise ValueError("nested too deep")
    return json.loads(raw)
