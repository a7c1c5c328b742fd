"""`keeper check` against nodes that are not what they are said to be."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from config.settings import Settings
from keeper.views.check import exit_code
from keeper.views.exits import ExitCode
from keeper.views.probes.nodes import probe_endpoint
from keeper.views.probes.report import Level, Report, ok, problem, warning
from tests.chains.fakes import FakeNode, block_hash, fake_node, header

NOW_S = int(time.time())
HUB = "0x" + "b1" * 20
TOKEN = "0x" + "c1" * 20
ATTESTOR = "0x" + "a1" * 20
CHAIN_ID = 31101
ETHER = 10**18


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with fake_node() as fake:
        fake.results = {
            "eth_chainId": hex(CHAIN_ID),
            "eth_getBlockByNumber": lambda tag, _full: (
                header(0) if tag == "0x0" else header(100) | {"timestamp": hex(NOW_S)}
            ),
            "eth_getCode": "0x6001",
            "eth_getBalance": hex(5 * ETHER),
            "eth_getLogs": [],
        }
        yield fake


def settings(node: FakeNode, **chain: Any) -> Settings:
    source = {
        "kind": "http",
        "pair": "USDC/USD",
        "group": "g",
        "url": "http://127.0.0.1:9",
        "path": "/",
        "price_path": "p",
    }
    return Settings.model_validate(
        {
            "state_log": "keeper.db",
            "assets": {"USDC": {}},
            "chains": {
                "arbor": {
                    "chain_id": CHAIN_ID,
                    "genesis_hash": block_hash(0),
                    "endpoints": [{"url": node.url.reveal(), "timeout_s": 1.0}],
                    "hub": HUB,
                    "tokens": [{"address": TOKEN, "asset": "USDC", "decimals": 6}],
                    "signer": "sender",
                    **chain,
                }
            },
            "sources": [source | {"name": name} for name in ("alpha", "beta", "gamma")],
            "signers": {"sender": {"address": "0x" + "d1" * 20, "key_file": "sender.key"}},
            "attestation": {
                "threshold": 2,
                "attestors": [
                    {"name": name, "url": "http://127.0.0.1:9", "address": ATTESTOR}
                    for name in ("ash", "elm")
                ],
            },
        }
    )


async def probe(node: FakeNode, **chain: Any) -> list[Report]:
    return await probe_endpoint("arbor", 0, settings(node, **chain), NOW_S * 1000)


def found(reports: list[Report]) -> list[str]:
    return [f"{report.text}; {report.advice}" for report in reports if report.level is not Level.OK]


async def test_a_node_that_is_what_it_is_said_to_be_costs_three_requests(node: FakeNode) -> None:
    reports = await probe(node)

    assert [] == found(reports)
    assert 3 == len(node.requests)
    assert "logs of 100 blocks, state of 100 back, 100 in a batch; no overrides" == reports[-1].text


async def test_what_a_node_does_not_answer_is_a_warning(node: FakeNode) -> None:
    node.results["eth_getLogs"] = "no such method"

    assert [Level.WARNING] == [
        report.level for report in await probe(node) if "logs by block hash, logs over a range" in report.text
    ]


async def test_finality_by_a_tag_that_a_node_does_not_know_is_a_warning(node: FakeNode) -> None:
    honest = node.results["eth_getBlockByNumber"]
    node.results["eth_getBlockByNumber"] = lambda tag, full: None if tag == "finalized" else honest(tag, full)

    assert ["it does not know the tag finalized: finality goes by finality_depth, 12"] == [
        report.text for report in await probe(node, finality="tag") if report.level is Level.WARNING
    ]


async def test_another_chain_id_is_a_problem(node: FakeNode) -> None:
    node.results["eth_chainId"] = "0x1"

    assert ["this is chain id 1, not 31101; mend chain_id, or the URL"] == found(await probe(node))


async def test_another_genesis_is_a_problem(node: FakeNode) -> None:
    reports = await probe(node, genesis_hash="0x" + "77" * 32)

    assert [Level.PROBLEM] == [report.level for report in reports]
    assert "this is another chain" in reports[0].advice


async def test_a_hub_without_code_is_a_problem(node: FakeNode) -> None:
    node.results["eth_getCode"] = "0x"

    assert [
        f"there is no contract at the hub's address {settings(node).chains['arbor'].hub}; mend hub, or deploy it"
    ] == (found(await probe(node)))


@pytest.mark.parametrize(
    ("behind_s", "level"), [(-31, Level.PROBLEM), (-30, Level.OK), (30, Level.OK), (31, Level.WARNING)]
)
async def test_a_clock_that_does_not_agree_is_found(node: FakeNode, behind_s: int, level: Level) -> None:
    node.results["eth_getBlockByNumber"] = lambda tag, _full: (
        header(0) if tag == "0x0" else header(100) | {"timestamp": hex(NOW_S - behind_s)}
    )

    assert level is next(report.level for report in await probe(node) if "newest block is" in report.text)


async def test_a_sender_that_can_pay_little_is_a_warning(node: FakeNode) -> None:
    node.results["eth_getBalance"] = hex(ETHER)

    assert [Level.WARNING] == [report.level for report in await probe(node) if "the sender" in report.text]


async def test_a_node_that_does_not_answer_is_a_warning_without_its_secret(node: FakeNode) -> None:
    node.port = 1

    reports = await probe_endpoint("arbor", 0, settings(node), NOW_S * 1000)

    assert [Level.WARNING] == [report.level for report in reports]
    assert not any(
        secret in found(reports)[0] for secret in ("password", "key-that-must-stay-secret", "hidden")
    )


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([], ExitCode.FINE),
        ([ok("a", "b")], ExitCode.FINE),
        ([ok("a", "b"), warning("a", "b", "c")], ExitCode.DEGRADED),
        ([problem("a", "b", "c"), warning("a", "b", "c")], ExitCode.USAGE),
    ],
)
def test_a_problem_weighs_more_than_a_warning(reports: list[Report], expected: ExitCode) -> None:
    assert expected is exit_code(reports)
