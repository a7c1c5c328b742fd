"""What a node can is found out by asking, and each is only asked what it can."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from chains.abilities import probe
from chains.client import ChainClient
from chains.endpoint import Endpoint
from chains.errors import EndpointUnavailable, NodeRefused
from tests.chains.fakes import FakeNode, block_at, block_hash
from tests.chains.nodes import CHAIN_ID, EMITTER, Closing, Node

REFUSED = {"code": -32601, "message": "the method does not exist"}
TOO_MANY = {"code": -32600, "message": "batch limit exceeded"}


def serves(fake: FakeNode, height: int = 3_000) -> None:
    fake.results |= {
        "eth_chainId": hex(CHAIN_ID),
        "eth_getBlockByNumber": lambda number, _: block_at(number, height),
        "eth_getLogs": [],
        "eth_call": lambda call, at, lent=None: "0x" + ("00" * 31 + "01" if lent else ""),
        "eth_getBalance": "0x0",
    }


def refusing(fake: FakeNode, refused: Any, most: int = 1_000) -> None:
    """Refuse the calls that `refused` names by method and parameters, and batches of more than `most`."""

    def reply(request: Any) -> Any:
        if isinstance(request, list):
            if len(request) > most:
                return {"jsonrpc": "2.0", "id": None, "error": TOO_MANY}
            return [reply(each) for each in request]
        if refused(request["method"], request["params"]):
            return {"jsonrpc": "2.0", "id": request["id"], "error": REFUSED}
        return fake.honest(request)

    fake.reply = reply


@pytest.fixture
def endpoint(fake: FakeNode, closing: Closing) -> Endpoint:
    serves(fake)
    return closing(Endpoint(fake.url, attempts=1))


@pytest.mark.chain
async def test_anvil_can_everything_as_far_back_as_it_has_blocks(node: Node, closing: Closing) -> None:
    await node.mine(150)
    its = await probe(closing(Endpoint(node.url)), "alpha")

    assert () == its.missing
    assert its.finalized_tag
    assert its.safe_tag
    assert its.overrides
    assert (100, 100, 128) == (its.batch_calls, its.log_range_blocks, its.archive_blocks)


@pytest.mark.parametrize(
    ("refused", "missing"),
    [
        (lambda method, params: method == "eth_getLogs" and "blockHash" in params[0], "logs by block hash"),
        (
            lambda method, params: method == "eth_call" and isinstance(params[1], dict),
            "calls by block hash",
        ),
        (lambda method, params: method == "eth_getLogs" and "fromBlock" in params[0], "logs over a range"),
    ],
)
async def test_what_is_refused_is_missing(
    fake: FakeNode, endpoint: Endpoint, refused: Any, missing: str
) -> None:
    refusing(fake, refused)

    assert (missing,) == (await probe(endpoint, "alpha")).missing


async def test_the_longest_range_and_the_deepest_state_that_were_answered_count(
    fake: FakeNode, endpoint: Endpoint
) -> None:
    def refused(method: str, params: list[Any]) -> bool:
        if method == "eth_getBalance":
            return 3_000 - int(params[1], 16) > 500
        wide = "fromBlock" in params[0] if method == "eth_getLogs" else False
        return wide and int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) >= 499

    refusing(fake, refused)
    its = await probe(endpoint, "alpha")

    assert (100, 128) == (its.log_range_blocks, its.archive_blocks)


async def test_a_batch_that_is_refused_is_halved_until_it_is_taken(
    fake: FakeNode, endpoint: Endpoint
) -> None:
    refusing(fake, lambda method, params: False, most=7)
    calls = [("eth_getBalance", [EMITTER, hex(number)]) for number in range(40)]

    assert ["0x0"] * 40 == await endpoint.batch(calls)
    assert 7 >= endpoint.batch_limit > 1
    before = len(fake.requests)
    await endpoint.batch(calls)
    assert before + 8 == len(fake.requests)


async def test_where_no_batch_is_taken_calls_go_one_by_one(fake: FakeNode, endpoint: Endpoint) -> None:
    refusing(fake, lambda method, params: params[:1] == ["0x2"], most=0)
    answers = await endpoint.batch([("eth_call", [f"0x{number}", "latest"]) for number in range(4)])

    assert [True, True, False, True] == [isinstance(answer, str) for answer in answers]
    assert isinstance(answers[2], NodeRefused)
    assert 1 == endpoint.batch_limit


async def test_a_node_that_is_away_says_nothing_of_what_it_can(fake: FakeNode, closing: Closing) -> None:
    fake.port = 1

    with pytest.raises(EndpointUnavailable):
        await probe(closing(Endpoint(fake.url, attempts=1)), "alpha")


async def test_a_question_goes_to_an_endpoint_that_can_answer_it(
    fake: FakeNode, other_fake: FakeNode, closing: Closing
) -> None:
    for each in (fake, other_fake):
        serves(each)
    refusing(fake, lambda method, params: method == "eth_call" and isinstance(params[1], dict))
    endpoints = [Endpoint(each.url, attempts=1) for each in (fake, other_fake)]
    client = closing(ChainClient("alpha", CHAIN_ID, block_hash(0), endpoints))
    await client.connect()
    asked = len(fake.requests)

    assert b"" == await client.call(EMITTER, b"", block_hash(3_000))
    assert asked == len(fake.requests)
    await client.balance(EMITTER)
    assert asked + 1 == len(fake.requests)


async def test_an_endpoint_that_comes_back_is_asked_again_what_it_can(
    fake: FakeNode, closing: Closing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chains.survey.PROBE_AGAIN_S", 0.0)
    serves(fake)
    client = closing(ChainClient("alpha", CHAIN_ID, block_hash(0), [Endpoint(fake.url, attempts=1)]))
    await client.connect()
    assert client.pool.report()[0].abilities is not None
    fake.reply = lambda request: web.Response(status=503)
    with pytest.raises(EndpointUnavailable):
        await client.head()
    refusing(fake, lambda method, params: params[:1] == ["finalized"])
    await client.survey()

    (report,) = client.pool.report()
    assert report.abilities is not None
    assert not report.abilities.finalized_tag
