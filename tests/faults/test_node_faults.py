"""One node, and what it can do wrong while prices fall: nobody is liquidated twice or wrongly, and everybody in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import pytest
import pytest_asyncio

from chains.devnet.faults.rules import SEND, On, swallowed
from chains.devnet.faults.verdicts import (
    Change,
    Crumbs,
    Cut,
    Envelope,
    Fail,
    Garbage,
    Give,
    Late,
    LeaveOut,
    Oversize,
    Refuse,
    Rule,
    Stall,
    Yet,
)
from chains.devnet.faults.views import Lagging, StaleCalls
from tests.end_to_end.stage import until
from tests.faults.conftest import Met
from tests.faults.lies import (
    BOMB,
    OTHER_ADDRESS,
    OTHER_HASH,
    READS,
    each_log,
    further,
    in_turn,
    of_newest,
    with_field,
)
from tests.faults.trial import Trial

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True, slots=True)
class Fault:
    """A case of the matrix. `blind` says that the daemon can not see new blocks while it lasts."""

    case: str
    what: str
    rules: Callable[[Trial], Sequence[Rule]]
    blind: bool = False
    blocks: int = 3
    alerts: tuple[str, ...] = ()
    """What stays open until a person closes it."""

    @property
    def id(self) -> str:
        return f"{self.case}-{self.what}".replace(" ", "-")


LOGS, CALL, RECEIPT, NONCE, BLOCK = (
    "eth_getLogs",
    "eth_call",
    "eth_getTransactionReceipt",
    "eth_getTransactionCount",
    "eth_getBlockByNumber",
)
JUMPS = [
    Change(with_field("number", further(10**6))),
    Change(with_field("number", "-0x1")),
    Change(with_field("number", "0x" + "f" * 70)),
    Change(with_field("number", "123")),
]
CASES = [
    Fault("A2", "never answers", lambda _: [On(READS, Stall())], blind=True),
    Fault("A4", "reads cut in the answer", lambda _: [On(READS, Cut(after_bytes=20))], blind=True),
    Fault("A4", "sends cut in the answer", lambda _: [On(SEND, Cut(after_bytes=9))]),
    Fault(
        "A6",
        "limits and gateways",
        lambda _: [
            in_turn(
                READS,
                [
                    Refuse(429),
                    Refuse(429, {"Retry-After": "1"}),
                    Fail(-32_005, "limit exceeded"),
                    Refuse(500, body="<html>"),
                    Refuse(502, body="<html>"),
                    Refuse(503),
                ],
            )
        ],
        blind=True,
    ),
    Fault(
        "A8",
        "wrong envelopes",
        lambda _: [
            in_turn(
                READS,
                [
                    Envelope(lambda answer: answer | {"id": 10**9}),
                    Envelope(lambda answer: answer | {"error": {"code": 1, "message": "both"}}),
                    Envelope(lambda answer: {"jsonrpc": "2.0", "id": answer["id"]}),
                    Envelope(lambda _: None),
                    Give(None),
                    LeaveOut(),
                ],
            )
        ],
        blind=True,
    ),
    Fault(
        "B4",
        "logs left out",
        lambda _: [On(LOGS, Change(lambda _: []))],
        alerts=("logs_missed", "book_differs"),
    ),
    Fault(
        "B5",
        "logs altered",
        lambda _: [
            in_turn(
                LOGS,
                [
                    Change(lambda logs: logs[1:]),
                    Change(lambda logs: [*logs, *logs]),
                    Change(lambda logs: logs[::-1]),
                    Change(each_log(with_field("address", OTHER_ADDRESS))),
                    Change(each_log(with_field("removed", value=True))),
                ],
            )
        ],
        blind=True,
    ),
    Fault("B8", "state of five blocks ago", lambda trial: [StaleCalls(trial.proxy.ask, 5)]),
    Fault(
        "B9",
        "calls answered with nothing of use",
        lambda _: [
            in_turn(
                CALL,
                [
                    Give("0x"),
                    Give("0x00"),
                    Oversize(33_500_000),
                    Garbage(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"\xff\xfe"}}'),
                    Give("0x" + "ff" * 64),
                ],
            )
        ],
    ),
    Fault("B12", "sends swallowed", lambda _: [swallowed()]),
    Fault("B13", "sends taken and refused", lambda _: [On(SEND, Yet(Fail(-32_000, "internal error")))]),
    Fault("B15", "receipts missing", lambda _: [On(RECEIPT, Change(lambda _: None))], blocks=1),
]
MORE = [
    Fault("A3", "late", lambda _: [On((), Late(0.4))]),
    Fault("A5", "in crumbs", lambda _: [On((), Crumbs(7))]),
    Fault(
        "A7",
        "no JSON and bombs",
        lambda _: [
            in_turn(
                READS,
                [
                    Garbage(b"<html>", "text/html"),
                    Garbage(b""),
                    BOMB,
                    Garbage(b"[" * 100_000),
                    Garbage(b"\x00\xff"),
                ],
            )
        ],
        blind=True,
    ),
    Fault(
        "A9",
        "sent elsewhere",
        lambda _: [On(READS, Refuse(302, {"Location": "http://127.0.0.1:1/"}))],
        blind=True,
    ),
    Fault("A16", "one in five calls fails", lambda _: [On((), Cut(), chance=0.2, seed="A16")]),
    Fault(
        "B3",
        "impossible heads",
        lambda _: [in_turn(BLOCK, JUMPS, where=of_newest)],
        blind=True,
    ),
    Fault(
        "B7",
        "logs of other blocks",
        lambda _: [On(LOGS, Change(each_log(with_field("blockHash", OTHER_HASH))))],
        blind=True,
    ),
    Fault("B10", "nonce and balance zero", lambda _: [On((NONCE, "eth_getBalance"), Give("0x0"))]),
    Fault("B11", "nonce lags", lambda _: [On(NONCE, Change(further(-1)))]),
    Fault("B11", "everything lags", lambda trial: [Lagging(trial.proxy.ask, 2)], blind=True),
    Fault(
        "B14",
        "another hash answered",
        lambda _: [On(SEND, Change(lambda _: OTHER_HASH))],
        alerts=("unknown_answer",),
    ),
    Fault(
        "B16",
        "receipts of other blocks",
        lambda _: [On(RECEIPT, Change(with_field("blockHash", OTHER_HASH)))],
    ),
    Fault(
        "B16",
        "receipts of other transactions",
        lambda _: [On(RECEIPT, Change(with_field("transactionHash", OTHER_HASH)))],
    ),
    Fault(
        "B21",
        "no fees, absurd tips",
        lambda _: [
            On("eth_feeHistory", Change(with_field("baseFeePerGas", []))),
            On("eth_maxPriorityFeePerGas", Give(hex(2**255))),
        ],
    ),
    Fault(
        "B22",
        "methods not found",
        lambda _: [
            On(("eth_feeHistory", "eth_maxPriorityFeePerGas"), Fail(-32_601, "the method does not exist"))
        ],
    ),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    directory = tmp_path_factory.mktemp("node-faults")
    async with Trial.standing(directory, ("gamma", 31_171)) as trial, trial.daemon():
        yield trial


@pytest.mark.parametrize(
    "fault",
    [*CASES, *(pytest.param(each, marks=pytest.mark.slow) for each in MORE)],
    ids=lambda fault: fault.id,
)
async def test_whatever_a_node_does_while_prices_fall_each_is_liquidated_once(
    trial: Trial, met: Met, fault: Fault
) -> None:
    played = await trial.opened()
    before = trial.proxy.injected.total()
    async with trial.wrong(*fault.rules(trial)):
        await trial.crash()
        await trial.endure(fault.blocks, lambda: trial.proxy.injected.total() > before, blind=fault.blind)
    met(fault.case, trial.proxy.injected.total() - before)

    await trial.over(played, fault.alerts)


async def test_b15_receipts_hidden_for_longer_than_finality_are_no_loss_of_a_nonce(
    trial: Trial, met: Met
) -> None:
    finality = trial.stage.settings.chains["gamma"].finality_depth
    played = await trial.opened()
    foreign = len(trial.ever_open("foreign_nonce"))
    hidden = On(RECEIPT, Give(None))
    async with trial.wrong(hidden):
        await trial.crash()
        sent = await trial.sent(played)
        for _ in range(3 * finality + 2):
            await trial.block()
        assert await trial.rounds.all_liquidated(played)
        await until(lambda: len(trial.open("hidden_receipt")) == len(sent), "each hidden receipt is told")
        assert len(sent) == len(trial.steps(played, "broadcast", "sent_unknown"))
    met("B15", hidden.met)

    await trial.over(played)
    assert len(sent) == len(trial.steps(played, "final_ok"))
    assert foreign == len(trial.ever_open("foreign_nonce"))
