"""The attestor's port: whatever is sent there that is no proposal gets a status and nothing else, and nothing is decided."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Sequence

import aiohttp
import pytest

from keeper.attest.server import MAX_BODY_BYTES, application, serve
from keeper.attest.wire import Answer, Batch
from tests.chains.nodes import free_port
from tests.faults.conftest import Met

asked: list[Batch] = []


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def attest(batch: Batch) -> Sequence[Answer]:
        asked.append(batch)
        return ()

    port = free_port()
    runner = await serve(application(attest), port)
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("POST", "/v1/attest", {"Content-Type": "text/plain"}, b"{}", 415),
        ("POST", "/v1/attest", {"Content-Type": "application/x-www-form-urlencoded"}, b"a=b", 415),
        (
            "POST",
            "/v1/attest",
            {"Content-Type": "application/json", "Origin": "https://evil.example"},
            b"{}",
            415,
        ),
        ("POST", "/v1/attest", {"Content-Type": "application/json"}, b"{}", 400),
        ("POST", "/v1/attest", {"Content-Type": "application/json"}, b"not json", 400),
        ("POST", "/v1/attest", {"Content-Type": "application/json"}, b"[" * 100_000, 400),
        ("POST", "/v1/attest", {"Content-Type": "application/json"}, b" " * (MAX_BODY_BYTES + 1), 413),
        ("GET", "/v1/attest", {}, b"", 405),
        ("PUT", "/v1/attest", {"X-HTTP-Method-Override": "POST"}, b"{}", 405),
        ("POST", "/v1/../../etc/passwd", {"Content-Type": "application/json"}, b"{}", 404),
        ("POST", "/", {"Content-Type": "application/json", "Host": "evil.example"}, b"{}", 404),
    ],
)
async def test_k4_what_is_no_proposal_is_refused_without_a_word_too_many(
    url: str, met: Met, method: str, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url + path, headers=headers, data=io.BytesIO(body)) as response,
    ):
        told = await response.text()
    met("K4", 1)

    assert status == response.status
    assert 500 > len(told)
    assert "Traceback" not in told
    assert [] == asked
