"""Nodes and gateways repeat what they were sent: no error, log line or report of ours carries an access key all the same."""

from __future__ import annotations

import base64
import traceback
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from chains.client import ChainClient
from chains.endpoint import Endpoint
from chains.errors import ChainError
from config.secrets import SecretUrl
from tests.chains.fakes import FakeNode, block_hash
from tests.chains.nodes import CHAIN_ID, EMITTER

USER, PASSWORD = "ops-user", "pa55 w/rd"
KEY, TOKEN = "c0ffee-key-in-the-path-7f3a91", "tok-91ab"
LOGIN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
CANARIES = (PASSWORD, quote(PASSWORD, safe=""), KEY, TOKEN, LOGIN, USER)


def url(port: int) -> SecretUrl:
    login = f"{USER}:{quote(PASSWORD, safe='')}"
    return SecretUrl(f"http://{login}@127.0.0.1:{port}/v2/{KEY}?network=main&token={TOKEN}")


def echo(port: int) -> str:
    revealed = url(port).reveal()
    return f"denied: {revealed} Authorization: Basic {LOGIN} user {USER} password {PASSWORD} {TOKEN} {KEY}"


ECHOES: list[Any] = [
    lambda port: {"error": {"code": -32000, "message": echo(port)}},
    lambda port: {"error": {"code": 3, "message": echo(port), "data": "0x"}},
    lambda port: {"error": {"code": -32005, "message": f"rate limit {echo(port)}"}},
    lambda port: {"error": {"code": "x", "message": echo(port)}},
    lambda port: {"error": echo(port)},
    lambda port: {"result": KEY},
    lambda port: {"result": {"hash": KEY, "number": KEY}},
    lambda port: {"result": [KEY]},
    lambda port: {"result": TOKEN},
]


@pytest.fixture
async def client(fake: FakeNode) -> AsyncIterator[ChainClient]:
    endpoint = Endpoint(url(fake.port), timeout_s=5.0, attempts=1)
    client = ChainClient("alpha", CHAIN_ID, block_hash(0), [endpoint])
    yield client
    await client.aclose()


def shown(error: BaseException) -> str:
    told = [*traceback.format_exception(error), repr(error), repr(vars(error)), repr(error.args)]
    return "\n".join(told)


@pytest.mark.parametrize("number", range(len(ECHOES)))
async def test_what_a_node_repeats_is_not_in_errors_logs_or_reports(
    fake: FakeNode, client: ChainClient, number: int
) -> None:
    def reply(request: Any) -> Any:
        if isinstance(request, list):
            return [reply(each) for each in request]
        return {"jsonrpc": "2.0", "id": request["id"], **ECHOES[number](fake.port)}

    fake.reply = reply
    said: list[str] = []
    with capture_logs() as logs:
        for question in (
            client.connect(),
            client.survey(),
            client.head(),
            client.call(EMITTER, b"", block_hash(1)),
            client.logs_range(1, 2, EMITTER),
            client.receipt(block_hash(3)),
        ):
            try:
                await question
            except ChainError as error:
                said.append(shown(error))
        for endpoint in client.pool.endpoints:
            outcome = await endpoint.send_raw(b"\x02")
            said.append(repr(outcome))
    said += [repr(logs), repr(client.pool.report()), repr(client.pool.endpoints)]

    assert [] == [canary for canary in CANARIES for text in said if canary in text]


@pytest.mark.parametrize("status", [200, 401, 403, 429, 500, 502])
async def test_bodies_that_are_no_answer_are_not_shown(
    fake: FakeNode, client: ChainClient, status: int
) -> None:
    fake.reply = lambda request: web.Response(status=status, text=echo(fake.port), headers={"X-Key": KEY})
    with capture_logs() as logs, pytest.raises(ChainError) as caught:
        await client.connect()

    told = shown(caught.value) + repr(logs) + repr(client.pool.report())
    assert [] == [canary for canary in CANARIES if canary in told]


@pytest.mark.parametrize(
    "revealed",
    [
        f"https://{USER}:{TOKEN}@host.test/",
        f"https://host.test/v3/{KEY}",
        f"https://host.test/?apikey={TOKEN}",
        f"https://host.test/?{TOKEN}",
        f"https://host.test/#{TOKEN}",
    ],
)
def test_a_url_is_taken_out_of_others_words_wherever_its_secret_stands(revealed: str) -> None:
    scrubbed = SecretUrl(revealed).scrub(f"refused {revealed} and {TOKEN} and {KEY} once more")

    assert (TOKEN if TOKEN in revealed else KEY) not in scrubbed
    assert "refused" in scrubbed


def test_plain_words_of_a_path_stay() -> None:
    assert "eth_call of v3" == SecretUrl("https://host.test/eth/v3").scrub("eth_call of v3")


async def test_an_answer_keeps_its_data_where_nothing_is_secret(fake: FakeNode, client: ChainClient) -> None:
    fake.results["eth_call"] = "0x" + "c0ffee" * 100
    fake.results |= {"eth_chainId": hex(CHAIN_ID)}
    (endpoint,) = client.pool.endpoints

    assert "0x" + "c0ffee" * 100 == await endpoint.request("eth_call", [])
