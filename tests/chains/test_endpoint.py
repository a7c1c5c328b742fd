from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from chains.endpoint import Endpoint
from chains.errors import (
    AnswerTooLarge,
    AskForLess,
    ChainError,
    EndpointUnavailable,
    MalformedAnswer,
    NodeRefused,
    NotYetThere,
    RateLimited,
    Reverted,
)
from chains.send_errors import SendClass
from config.secrets import SecretUrl
from tests.chains.fakes import SECRETS, FakeNode, failing
from tests.chains.nodes import free_port


@pytest.fixture
async def endpoint(fake: FakeNode) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(fake.url, max_requests_per_s=1_000, timeout_s=0.5, answer_limit_bytes=100_000)
    yield endpoint
    await endpoint.aclose()


def text_of(error: BaseException) -> str:
    return (
        "".join(traceback.format_exception(error))
        + repr(error)
        + repr(error.__context__)
        + repr(error.__cause__)
    )


async def test_calls_are_counted_by_method_also_those_in_batches(fake: FakeNode, endpoint: Endpoint) -> None:
    await endpoint.request("eth_chainId", [])
    await endpoint.batch([("eth_call", []), ("eth_chainId", [])])

    assert {"eth_chainId": 2, "eth_call": 1} == dict(endpoint.counters)
    assert 2 == len(fake.requests)


async def test_one_connection_serves_many_requests(fake: FakeNode, endpoint: Endpoint) -> None:
    await endpoint.request("eth_chainId", [])
    session = endpoint.provider._session
    assert session is not None
    assert session.connector is not None
    held = [protocol for pool in session.connector._conns.values() for protocol, _ in pool]
    for _ in range(5):
        await endpoint.request("eth_chainId", [])

    assert held == [protocol for pool in session.connector._conns.values() for protocol, _ in pool]
    assert 1 == len(held)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"jsonrpc": "2.0", "id": 999_999, "result": "0x1"}, id="wrong id"),
        pytest.param({"jsonrpc": "2.0", "id": None, "result": "0x1"}, id="no id"),
        pytest.param({"jsonrpc": "2.0", "id": "0", "result": "0x1"}, id="id of another type"),
        pytest.param({"jsonrpc": "2.0", "id": False, "result": "0x1"}, id="a boolean id"),
        pytest.param([], id="a list"),
        pytest.param("0x1", id="bare"),
        pytest.param(None, id="null"),
        pytest.param(web.Response(text="<html>hello</html>"), id="html"),
        pytest.param(web.Response(text="[" * 500_000), id="deep enough to end the process if it were parsed"),
        pytest.param(web.Response(text='{"jsonrpc":"2.0","id":0,"result":"0x'), id="truncated"),
        pytest.param(web.Response(text="[" * 50_000), id="nested"),
        pytest.param(web.Response(text='{"id":0,"result":' + "9" * 5_000 + "}"), id="a huge number"),
        pytest.param(web.Response(body=b"\xff\xfe\x00"), id="not text"),
        pytest.param(web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), id="redirect"),
    ],
)
async def test_an_answer_that_is_not_one_is_malformed(
    fake: FakeNode, endpoint: Endpoint, answer: Any
) -> None:
    fake.reply = lambda request: answer

    with pytest.raises(MalformedAnswer):
        await endpoint.request("eth_chainId", [])
    assert 1 == len(fake.requests)


@pytest.mark.parametrize("field", [{}, {"result": "0x1", "error": {"code": 1, "message": "both"}}])
async def test_result_and_error_exclude_each_other(
    fake: FakeNode, endpoint: Endpoint, field: dict[str, Any]
) -> None:
    fake.reply = lambda request: {"jsonrpc": "2.0", "id": request["id"], **field}

    with pytest.raises(MalformedAnswer):
        await endpoint.request("eth_chainId", [])


async def test_an_answer_over_the_cap_is_not_read_to_its_end(fake: FakeNode, endpoint: Endpoint) -> None:
    fake.results["eth_call"] = "0x" + "00" * 1_000_000

    with pytest.raises(AnswerTooLarge, match="100000 bytes") as caught:
        await endpoint.request("eth_call", [])
    assert isinstance(caught.value, AskForLess)
    assert "0x1" == await endpoint.request("eth_chainId", [])


async def test_a_read_is_retried_while_the_node_is_away(fake: FakeNode, endpoint: Endpoint) -> None:
    answers = [web.Response(status=503), web.Response(status=502)]
    fake.reply = lambda request: answers.pop() if answers else fake.honest(request)

    assert "0x1" == await endpoint.request("eth_chainId", [])
    assert 3 == len(fake.requests)


async def test_retries_are_bounded(fake: FakeNode, endpoint: Endpoint) -> None:
    fake.reply = lambda request: web.Response(status=503)

    with pytest.raises(EndpointUnavailable, match="HTTP 503"):
        await endpoint.request("eth_chainId", [])
    assert 3 == len(fake.requests)


async def test_silence_is_not_retried(fake: FakeNode, endpoint: Endpoint) -> None:
    fake.before = lambda: asyncio.sleep(5)

    with pytest.raises(EndpointUnavailable) as caught:
        await endpoint.request("eth_chainId", [])
    assert caught.value.timed_out
    assert 1 == len(fake.requests)


async def test_too_many_requests_waits_as_long_as_it_was_told(fake: FakeNode, endpoint: Endpoint) -> None:
    answers = [web.Response(status=429, headers={"Retry-After": "0"})]
    fake.reply = lambda request: answers.pop() if answers else fake.honest(request)

    assert "0x1" == await endpoint.request("eth_chainId", [])

    fake.reply = lambda request: web.Response(status=429, headers={"Retry-After": "7"})
    with pytest.raises(RateLimited) as caught:
        await endpoint.request("eth_chainId", [])
    assert 7.0 == caught.value.retry_after_s


async def test_a_reordered_batch_is_put_in_order(fake: FakeNode, endpoint: Endpoint) -> None:
    fake.results |= {"a": "0xa", "b": "0xb", "c": "0xc"}
    fake.reply = lambda request: fake.honest(request)[::-1]

    assert ["0xa", "0xb", "0xc"] == await endpoint.batch([("a", []), ("b", []), ("c", [])])


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda answers: answers[:-1], id="missing"),
        pytest.param(lambda answers: [answers[0], answers[0]], id="twice"),
        pytest.param(lambda answers: [*answers, answers[0]], id="one too many"),
        pytest.param(lambda answers: [answers[0], "0x1"], id="not an object"),
        pytest.param(lambda answers: {"jsonrpc": "2.0", "id": 0, "result": "0x1"}, id="not a list"),
    ],
)
async def test_a_batch_with_wrong_answers_is_malformed(
    fake: FakeNode, endpoint: Endpoint, spoil: Any
) -> None:
    fake.reply = lambda request: spoil(fake.honest(request))

    with pytest.raises(MalformedAnswer):
        await endpoint.batch([("a", []), ("b", [])])


async def test_one_failing_call_of_a_batch_fails_only_itself(fake: FakeNode, endpoint: Endpoint) -> None:
    def reply(request: Any) -> Any:
        answers = fake.honest(request)
        del answers[1]["result"]
        answers[1]["error"] = {"code": 3, "message": "execution reverted", "data": "0xdead"}
        return answers

    fake.reply = reply
    first, second, third = await endpoint.batch([("a", []), ("b", []), ("c", [])])

    assert ("0x1", "0x1") == (first, third)
    assert isinstance(second, Reverted)
    assert b"\xde\xad" == second.data


async def test_a_batch_in_which_one_call_was_limited_is_asked_again(
    fake: FakeNode, endpoint: Endpoint
) -> None:
    def limited_once(request: Any) -> Any:
        answers = fake.honest(request)
        fake.reply = fake.honest
        answers[0] = {
            "jsonrpc": "2.0",
            "id": request[0]["id"],
            "error": {"code": 429, "message": "slow down"},
        }
        return answers

    fake.reply = limited_once

    assert ["0x1", "0x1"] == await endpoint.batch([("a", []), ("b", [])])
    assert 2 == len(fake.requests)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": 3, "message": "execution reverted: price", "data": "0x08c379a0"}, Reverted),
        ({"code": -32000, "message": "execution reverted"}, Reverted),
        ({"code": -32015, "message": "VM execution error.", "data": "Reverted 0xdead"}, Reverted),
        ({"code": -32603, "message": "EVM error OutOfGas"}, Reverted),
        ({"code": -32005, "message": "daily request count exceeded, request rate limited"}, RateLimited),
        (
            {"code": 429, "message": "Your app has exceeded its compute units per second capacity"},
            RateLimited,
        ),
        ({"code": -32005, "message": "query returned more than 10000 results"}, AskForLess),
        ({"code": -32602, "message": "block range is too wide"}, AskForLess),
        ({"code": -32000, "message": "header not found"}, NotYetThere),
        ({"code": -32000, "message": "hash 0x12 is not currently canonical"}, NotYetThere),
        ({"code": -32001, "message": "Resource not found"}, NotYetThere),
        ({"code": -32000, "message": "unknown block"}, NotYetThere),
        (
            {"code": -32602, "message": "BlockOutOfRangeError: block height is 5 but requested was 99"},
            NotYetThere,
        ),
        ({"code": -32000, "message": "missing trie node 0d (path )"}, NotYetThere),
        ({"code": -32603, "message": "request timed out"}, EndpointUnavailable),
        ({"code": -32601, "message": "Method not found"}, NodeRefused),
        ({"code": "x", "message": "no code"}, MalformedAnswer),
        ("bare text", MalformedAnswer),
    ],
)
async def test_a_nodes_refusal_says_what_to_do(
    fake: FakeNode, endpoint: Endpoint, error: Any, expected: type[ChainError]
) -> None:
    fake.reply = failing(error)

    with pytest.raises(ChainError) as caught:
        await endpoint.request("eth_call", [])
    assert expected is type(caught.value)


async def test_a_refusal_without_id_is_still_a_refusal(fake: FakeNode, endpoint: Endpoint) -> None:
    fake.reply = lambda request: {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32600, "message": "Invalid request"},
    }

    with pytest.raises(NodeRefused, match="Invalid request"):
        await endpoint.request("eth_call", [])
    with pytest.raises(NodeRefused, match="Invalid request"):
        await endpoint.batch([("eth_call", [])])


async def test_an_http_error_with_a_json_rpc_body_is_read(fake: FakeNode, endpoint: Endpoint) -> None:
    fake.reply = lambda request: web.json_response(
        failing({"code": -32601, "message": "nope"})(request), status=400
    )

    with pytest.raises(NodeRefused, match="nope"):
        await endpoint.request("eth_call", [])


async def test_a_nodes_text_is_cut_and_cleaned(fake: FakeNode, endpoint: Endpoint) -> None:
    fake.reply = failing({"code": 1, "message": "line\nfeed \x1b[31m" + "x" * 5_000})

    with pytest.raises(NodeRefused) as caught:
        await endpoint.request("eth_call", [])
    assert len(caught.value.text) <= 200
    assert caught.value.text.isprintable()


@pytest.mark.parametrize("kind", ["refused", "silent", "html", "http", "cut"])
async def test_no_error_or_log_shows_the_url(fake: FakeNode, kind: str) -> None:
    url = fake.url
    if kind == "refused":
        url = SecretUrl(url.reveal().replace(str(fake.port), str(free_port())))
    if kind == "silent":
        fake.before = lambda: asyncio.sleep(5)
    fake.reply = {
        "html": lambda request: web.Response(text="<html>"),
        "http": lambda request: web.Response(status=500),
        "cut": lambda request: web.Response(body=b"{", headers={"Content-Length": "100"}),
    }.get(kind, fake.honest)
    endpoint = Endpoint(url, timeout_s=0.3, attempts=2)

    with capture_logs() as logs, pytest.raises(ChainError) as caught:
        await endpoint.request("eth_chainId", [])
    outcome = await endpoint.send_raw(b"\x02")
    shown = text_of(caught.value) + repr(logs) + repr(outcome) + repr(endpoint.name) + str(endpoint.provider)
    await endpoint.aclose()

    assert [] == [secret for secret in SECRETS if secret in shown]


async def test_the_rate_is_limited(fake: FakeNode) -> None:
    endpoint = Endpoint(fake.url, max_requests_per_s=10, timeout_s=5)
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(endpoint.request("eth_chainId", []) for _ in range(15)))
    took = asyncio.get_running_loop().time() - began
    await endpoint.aclose()

    assert took > 0.95


async def test_a_cancelled_request_does_not_jam_the_next(fake: FakeNode, endpoint: Endpoint) -> None:
    fake.before = lambda: asyncio.sleep(5)
    asked = [asyncio.create_task(endpoint.request("eth_chainId", [])) for _ in range(5)]
    await asyncio.sleep(0.05)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    fake.before = None

    assert "0x1" == await endpoint.request("eth_chainId", [])


RAW = b"\x02\xc0"


async def test_a_broadcast_is_sent_once_whatever_happens(fake: FakeNode, endpoint: Endpoint) -> None:
    for reply in (lambda request: web.Response(status=503), lambda request: web.Response(text="<html>")):
        fake.requests.clear()
        fake.reply = reply
        outcome = await endpoint.send_raw(RAW)

        assert (SendClass.TRANSIENT, True) == (outcome.send_class, outcome.may_be_pooled)
        assert 1 == len(fake.requests)


async def test_a_broadcast_that_found_no_node_is_certainly_nowhere() -> None:
    endpoint = Endpoint(SecretUrl(f"http://127.0.0.1:{free_port()}/"))
    outcome = await endpoint.send_raw(RAW)
    await endpoint.aclose()

    assert (SendClass.TRANSIENT, False) == (outcome.send_class, outcome.may_be_pooled)


async def test_a_broadcast_answered_with_another_hash_is_unknown(fake: FakeNode, endpoint: Endpoint) -> None:
    fake.results["eth_sendRawTransaction"] = "0x" + "00" * 32
    outcome = await endpoint.send_raw(RAW)

    assert (SendClass.UNKNOWN, True) == (outcome.send_class, outcome.may_be_pooled)


async def test_a_nodes_words_about_a_broadcast_are_classed(fake: FakeNode, endpoint: Endpoint) -> None:
    fake.reply = failing({"code": -32000, "message": "nonce too low: next nonce 5, tx nonce 3"})
    outcome = await endpoint.send_raw(RAW)

    assert SendClass.NONCE_USED is outcome.send_class
    assert "nonce too low: next nonce 5, tx nonce 3" == outcome.text
