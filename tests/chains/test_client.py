from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from chains.client import ChainClient
from chains.endpoint import Endpoint
from chains.endpoint_pool import EndpointPool
from chains.errors import (
    AskForLess,
    ChainMismatch,
    EndpointUnavailable,
    MalformedAnswer,
    NodeRefused,
    NotYetThere,
    Reverted,
)
from chains.members import RETURN_AFTER
from chains.send_errors import SendClass
from chains.transactions import TransactionRequest
from config.secrets import SecretUrl
from tests.chains.fakes import FakeNode, block_at, block_hash, failing
from tests.chains.nodes import CHAIN_ID, EMITTER, NUMBER, REVERTER, SPINNER, Closing, Node, free_port

pytestmark = pytest.mark.chain


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def fake_chain(fake: FakeNode, height: int = 100) -> None:
    fake.results |= {
        "eth_chainId": hex(CHAIN_ID),
        "eth_blockNumber": hex(height),
        "eth_getBlockByNumber": lambda number, _: block_at(number, height),
    }


def fake_endpoint(fake: FakeNode) -> Endpoint:
    return Endpoint(fake.url, timeout_s=0.3, attempts=1, name=f"fake-{fake.port}")


async def test_a_call_is_answered_for_exactly_the_block_it_names(node: Node, client: ChainClient) -> None:
    await node.mine(5)
    third = await client.block(3)

    assert word(3) == await client.call(NUMBER, b"", third.hash)
    assert third == await client.block(third.hash)


async def test_a_call_at_a_block_that_was_reorganised_away_is_not_answered(
    node: Node, client: ChainClient
) -> None:
    await node.mine(5)
    gone = await client.block(4)
    await node("anvil_reorg", 3, [])

    with pytest.raises(NotYetThere):
        await client.call(NUMBER, b"", gone.hash)
    with pytest.raises(NotYetThere):
        await client.block(gone.hash)
    with pytest.raises(NotYetThere):
        await client.logs(gone.hash, EMITTER)


async def test_many_calls_come_back_in_order_and_fail_one_by_one(node: Node, client: ChainClient) -> None:
    await node.mine(3)
    head = await client.head()
    answers = await client.call_many(
        [(NUMBER, b""), (REVERTER, b""), (NUMBER, b"\x01"), (SPINNER, b"")], head.hash
    )

    assert word(3) == answers[0] == answers[2]
    assert isinstance(answers[1], Reverted)
    assert b"\xde\xad\xbe\xef" == answers[1].data
    assert isinstance(answers[3], Reverted)
    assert b"" == answers[3].data


async def test_more_calls_than_fit_one_batch_are_sent_as_several(node: Node, client: ChainClient) -> None:
    await node.mine(2)
    head = await client.head()

    assert [word(2)] * 250 == await client.call_many([(NUMBER, b"")] * 250, head.hash)
    assert [] == await client.call_many([], head.hash)


async def test_large_calldata_stays_below_what_nodes_take(node: Node, client: ChainClient) -> None:
    head = await client.head()

    assert [word(0)] * 30 == await client.call_many([(NUMBER, b"\x01" * 90_000)] * 30, head.hash)


async def test_logs_of_a_range_and_of_a_block_agree(node: Node, client: ChainClient) -> None:
    for value in (7, 8):
        await node.emit(value)
    await node.mine(3)
    in_range = await client.logs_range(0, 5, EMITTER)
    second = await client.block(2)

    assert [hex(7), hex(8)] == [hex(int(log["data"], 16)) for log in in_range]
    assert in_range[1:] == await client.logs(second.hash, EMITTER)
    assert [] == await client.logs_range(3, 5, EMITTER)


async def test_a_range_beyond_the_head_is_not_believed(node: Node, client: ChainClient) -> None:
    await node.mine(3)

    with pytest.raises(NotYetThere):
        await client.logs_range(1, 9, EMITTER)


async def test_a_receipt_tells_what_came_of_it(node: Node, client: ChainClient) -> None:
    tx_hash = await node.emit(1)
    receipt = await client.receipt(tx_hash)

    assert receipt is not None
    assert receipt.succeeded
    assert (await client.block(1)).hash == receipt.block_hash
    assert receipt.gas_used * receipt.effective_gas_price_wei == receipt.cost_wei
    assert 1 == len(receipt.logs)
    assert await client.receipt("0x" + "ab" * 32) is None


async def test_counts_balances_code_and_fees(node: Node, client: ChainClient) -> None:
    await node.emit(1)
    await node.mine()
    first, second = await client.block(1), await client.head()
    before, after = await client.balance(node.sender, 0), await client.balance(node.sender, first.hash)
    fees = await client.fees()

    assert 10_000 * 10**18 == before > after
    assert (0, 1) == (
        await client.transaction_count(node.sender, 0),
        await client.transaction_count(node.sender),
    )
    assert b"" == await client.code("0x" + "99" * 20)
    assert 0 < fees.base_fee_wei < second.base_fee_wei
    assert 10**9 == fees.tip_wei


async def test_a_simulation_says_whether_a_transaction_would_succeed(node: Node, client: ChainClient) -> None:
    def request(to: str, **more: Any) -> TransactionRequest:
        fields = {
            "gas_limit": 100_000,
            "max_fee_per_gas_wei": 10**10,
            "max_priority_fee_per_gas_wei": 10**9,
        } | more
        return TransactionRequest(chain_id=CHAIN_ID, nonce=0, to=to, data=word(1), **fields)

    assert b"" == await client.simulate(request(EMITTER), node.sender)
    assert 21_000 < await client.estimate_gas(request(EMITTER), node.sender) < 50_000
    with pytest.raises(Reverted) as caught:
        await client.simulate(request(REVERTER), node.sender)
    assert b"\xde\xad\xbe\xef" == caught.value.data
    with pytest.raises(Reverted):
        await client.estimate_gas(request(REVERTER), node.sender)
    with pytest.raises(NodeRefused):
        await client.simulate(request(EMITTER), "0x" + "77" * 20)


async def test_the_wrong_chain_is_refused(node: Node, closing: Closing) -> None:
    endpoint = closing(Endpoint(node.url))
    for chain_id, genesis_hash in ((CHAIN_ID + 1, node.genesis_hash), (CHAIN_ID, "0x" + "00" * 32)):
        with pytest.raises(ChainMismatch):
            await ChainClient("alpha", chain_id, genesis_hash, [endpoint]).connect()


async def test_no_endpoint_at_all_is_unavailable(node: Node, closing: Closing) -> None:
    client = closing(
        ChainClient(
            "alpha", CHAIN_ID, node.genesis_hash, [Endpoint(SecretUrl(f"http://127.0.0.1:{free_port()}"))]
        )
    )
    with pytest.raises(EndpointUnavailable):
        await client.connect()


async def test_a_chain_that_was_wiped_behind_our_back_is_noticed(node: Node, client: ChainClient) -> None:
    await node.stop()
    with pytest.raises(EndpointUnavailable):
        await client.head()
    await node.start("--timestamp", "1700000000")

    with pytest.raises(ChainMismatch):
        await client.head()


async def test_a_hung_node_costs_its_time_out_once(node: Node, fake: FakeNode, closing: Closing) -> None:
    fake_chain(fake, height=0)
    fake.results["eth_getBlockByNumber"] = lambda number, _: (
        (block_at(number, 0) or {}) | {"hash": node.genesis_hash}
    )
    client = closing(node.client(fake_endpoint(fake), timeout_s=0.3))
    await client.connect()
    node.pause()
    try:
        began = asyncio.get_running_loop().time()
        for _ in range(5):
            await client.balance(EMITTER)
        took = asyncio.get_running_loop().time() - began
    finally:
        node.resume()
    assert 0.3 <= took < 0.9

    asked = len(fake.requests)
    await client.survey()
    await client.balance(EMITTER)
    assert asked + 1 == len(fake.requests)


async def test_a_liar_is_passed_over_and_the_last_endpoint_is_never_dropped(
    fake: FakeNode, other_fake: FakeNode, closing: Closing
) -> None:
    fake_chain(fake)
    fake_chain(other_fake)
    client = closing(
        ChainClient("alpha", CHAIN_ID, block_hash(0), [fake_endpoint(fake), fake_endpoint(other_fake)])
    )
    await client.connect()
    fake.reply = lambda request: web.Response(text="<html>")
    other_fake.results["eth_getBalance"] = "0x2"

    with capture_logs() as logs:
        assert [2, 2, 2] == [await client.balance(EMITTER) for _ in range(3)]
    assert ["endpoint_failed"] == [line["event"] for line in logs]

    other_fake.reply = fake.reply
    with pytest.raises(MalformedAnswer):
        await client.balance(EMITTER)
    fake.reply = fake.honest
    assert 1 == await client.balance(EMITTER)


async def test_an_endpoint_far_behind_goes_to_the_end(
    fake: FakeNode, other_fake: FakeNode, closing: Closing
) -> None:
    fake_chain(fake, height=50)
    fake_chain(other_fake, height=100)
    client = closing(
        ChainClient("alpha", CHAIN_ID, block_hash(0), [fake_endpoint(fake), fake_endpoint(other_fake)])
    )
    await client.connect()
    assert 100 == (await client.head()).number

    fake_chain(fake, height=101)
    await client.survey()
    assert 101 == (await client.head()).number


async def test_an_endpoint_of_another_chain_leaves_until_it_serves_this_one_for_a_while(
    fake: FakeNode, other_fake: FakeNode, closing: Closing
) -> None:
    fake_chain(fake)
    fake_chain(other_fake)
    client = closing(
        ChainClient("alpha", CHAIN_ID, block_hash(0), [fake_endpoint(fake), fake_endpoint(other_fake)])
    )
    await client.connect()
    fake.results["eth_chainId"] = "0x1"
    await client.survey()
    fake.requests.clear()
    await client.head()
    assert [] == fake.requests

    other_fake.results["eth_chainId"] = "0x1"
    with pytest.raises(ChainMismatch):
        await client.survey()
    with pytest.raises(ChainMismatch):
        await client.head()

    fake_chain(other_fake)
    for _ in range(RETURN_AFTER - 1):
        with pytest.raises(ChainMismatch):
            await client.survey()
    await client.survey()
    assert 100 == (await client.head()).number


def limited_logs(fake: FakeNode, most_blocks: int) -> list[tuple[int, int]]:
    """Let the fake serve ranges of at most `most_blocks`. Returns the list of what was served."""
    served: list[tuple[int, int]] = []

    def reply(request: Any) -> Any:
        if not isinstance(request, list) or request[0]["method"] != "eth_getLogs":
            return fake.honest(request)
        first, last = (int(request[0]["params"][0][key], 16) for key in ("fromBlock", "toBlock"))
        answers = fake.honest(request)
        if last - first + 1 > most_blocks:
            error = {"code": -32005, "message": "query returned more than 10000 results"}
            return [{"jsonrpc": "2.0", "id": request[0]["id"], "error": error}, answers[1]]
        served.append((first, last))
        return answers

    fake.results["eth_getLogs"] = []
    fake.reply = reply
    return served


async def test_a_range_that_is_too_much_is_halved_and_none_is_skipped(
    fake: FakeNode, closing: Closing
) -> None:
    fake_chain(fake, height=10_000)
    client = closing(ChainClient("alpha", CHAIN_ID, block_hash(0), [fake_endpoint(fake)]))
    served = limited_logs(fake, 70)
    assert [] == await client.logs_range(1, 1_000, EMITTER)

    assert list(range(1, 1_001)) == [number for first, last in served for number in range(first, last + 1)]
    assert 1_000 // 35 > len(served)


async def test_a_single_block_that_is_too_much_is_an_error(fake: FakeNode, closing: Closing) -> None:
    fake_chain(fake, height=10_000)
    client = closing(ChainClient("alpha", CHAIN_ID, block_hash(0), [fake_endpoint(fake)]))
    limited_logs(fake, 0)
    with pytest.raises(AskForLess):
        await client.logs_range(1, 100, EMITTER)


@pytest.mark.parametrize(
    "spoil",
    [
        {"address": NUMBER},
        {"blockNumber": "0x9"},
        {"removed": True},
        {"logIndex": "1"},
        {"blockHash": "0x12"},
    ],
)
async def test_a_log_that_was_not_asked_for_spoils_the_answer(
    fake: FakeNode, spoil: dict[str, Any], closing: Closing
) -> None:
    fake_chain(fake)
    log = {
        "address": EMITTER,
        "blockNumber": "0x2",
        "blockHash": block_hash(2),
        "logIndex": "0x0",
        "removed": False,
    }
    fake.results["eth_getLogs"] = [log]
    client = closing(ChainClient("alpha", CHAIN_ID, block_hash(0), [fake_endpoint(fake)]))
    assert [log] == await client.logs_range(1, 5, EMITTER)

    fake.results["eth_getLogs"] = [log | spoil]
    with pytest.raises(MalformedAnswer):
        await client.logs_range(1, 5, EMITTER)
    fake.results["eth_getLogs"] = [log, log]
    with pytest.raises(MalformedAnswer):
        await client.logs_range(1, 5, EMITTER)


async def test_a_broadcast_goes_on_to_the_next_node_only_when_the_first_gave_no_answer(
    fake: FakeNode, other_fake: FakeNode, closing: Closing
) -> None:
    fake_chain(fake)
    fake_chain(other_fake)
    client = closing(
        ChainClient("alpha", CHAIN_ID, block_hash(0), [fake_endpoint(fake), fake_endpoint(other_fake)])
    )
    await client.connect()
    other_fake.requests.clear()
    fake.reply = failing({"code": -32000, "message": "insufficient funds for gas * price + value"})
    outcome = await client.send_raw(b"\x02")
    assert (SendClass.FUNDS, False) == (outcome.send_class, outcome.may_be_pooled)
    assert [] == other_fake.requests

    fake.reply = lambda request: web.Response(status=504)
    other_fake.reply = failing({"code": -32000, "message": "insufficient funds for gas * price + value"})
    outcome = await client.send_raw(b"\x02")
    assert (SendClass.FUNDS, True) == (outcome.send_class, outcome.may_be_pooled)
    assert ["eth_sendRawTransaction"] == other_fake.methods()


def test_a_chain_needs_an_endpoint() -> None:
    with pytest.raises(ValueError, match="needs an endpoint"):
        EndpointPool("alpha", CHAIN_ID, block_hash(0), [])
