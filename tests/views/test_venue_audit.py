"""What `keeper verify` says of verdicts at venues and of the calls that rest on them: each lie is noticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import config
from chains.venues.morpho_blue.venue import MorphoBlue
from chains.venues.reading import Answer
from config.loader import load
from keeper.runtime.venue_calls import venue_intent
from keeper.state.entries import plain
from keeper.state.reader import LogReader
from keeper.state.venue_entries import VenueJudged
from keeper.venues.judge import judge, replay
from keeper.views.audit.journal import LoggedEntry
from keeper.views.audit.venues import VenuesAudit
from keeper.views.replay import verdicts_again
from tests.keeper.venues.cases import PARAMETERS, inputs

Body: TypeAlias = dict[str, Any]

SETTINGS = load(Path(config.__file__).with_name("example.toml"))
VERDICT = judge(inputs(chain="ethereum"), 1)


class NoChain:
    async def call_many(self, calls: object, block_hash: str) -> list[Answer]:
        raise NotImplementedError


@pytest.fixture
def judged() -> Body:
    return VenueJudged(VERDICT).body()


@pytest.fixture
def signed() -> Body:
    venue = MorphoBlue(NoChain(), "0x" + "c" * 40, [PARAMETERS])
    intent = plain(venue_intent(VERDICT, "morpho_blue", venue, SETTINGS))
    assert isinstance(intent, dict)
    return {"intent": intent, "attempt": {}}


def broken(*rows: tuple[str, Body], again: Callable[[str], str] = replay) -> set[str]:
    audit = VenuesAudit(again)
    for seq, (kind, body) in enumerate(rows, 1):
        audit.take(LoggedEntry(seq, 1, kind, body, ""))
    return {finding.name for finding in audit.findings() if not finding.holds}


def test_an_honest_verdict_and_its_call_hold(judged: Body, signed: Body) -> None:
    assert set() == broken(("venue_judged", judged), ("intent_signed", signed))


def test_a_verdict_that_comes_out_otherwise_is_noticed(judged: Body) -> None:
    assert {"verdicts"} == broken(("venue_judged", judged), again=lambda _inputs: "{}")


@pytest.mark.parametrize(("name", "value"), [("reason", "dust"), ("health_wad", "1"), ("plan", None)])
def test_a_verdict_told_otherwise_than_it_was_found_is_noticed(
    judged: Body, name: str, value: object
) -> None:
    assert {"verdict_figures"} == broken(("venue_judged", judged | {name: value}))


def test_a_verdict_with_another_id_is_noticed(judged: Body) -> None:
    assert {"verdict_figures"} == broken(("venue_judged", judged | {"verdict_id": "0x00"}))


def test_a_call_that_no_verdict_said_to_send_is_noticed(judged: Body, signed: Body) -> None:
    quiet = VenueJudged(judge(inputs(2_000, chain="ethereum"), 1)).body()

    assert {"venue_calls"} == broken(("intent_signed", signed))
    assert {"venue_calls"} == broken(("venue_judged", quiet), ("intent_signed", signed))


@pytest.mark.parametrize("word", [1, 2, 3, 5, 6, 7])
def test_a_call_that_says_something_else_than_its_verdict_is_noticed(
    judged: Body, signed: Body, word: int
) -> None:
    data = bytearray.fromhex(signed["intent"]["calldata"][2:])
    data[4 + 32 * word + 31] ^= 1
    signed["intent"]["calldata"] = "0x" + data.hex()

    assert {"venue_calls"} == broken(("venue_judged", judged), ("intent_signed", signed))


def test_verdicts_of_a_log_are_made_again(write_log: Callable[..., Path]) -> None:
    others = judge(inputs(2_000, chain="ethereum", account_id="0x" + "d" * 64), 2)
    path = write_log([VenueJudged(each) for each in (VERDICT, others)])

    def otherwise(text: str) -> str:
        return replay(text).replace('"send"', '"dust"')

    with LogReader(path) as log:
        same = list(verdicts_again(log, replay, "", ""))
        (only,) = verdicts_again(log, otherwise, VERDICT.account_id, VERDICT.verdict_id[:10])
    assert [(VERDICT.verdict_id, True), (others.verdict_id, True)] == [
        (each.decision_id, each.same) for each in same
    ]
    assert ('reason: "send" became "dust"',) == only.changes


def test_what_is_asked_of_a_lane_is_bounded_by_what_it_should_earn(signed: Body) -> None:
    intent = signed["intent"]

    assert VERDICT.found.plan is not None
    assert VERDICT.found.plan.most_cost_wei is not None
    share_bps = SETTINGS.spending.max_profit_share_bps
    assert VERDICT.found.plan.most_cost_wei * share_bps // 10_000 == int(intent["max_cost_wei"])
    assert f"venue/morpho/{VERDICT.borrower.account}/{VERDICT.borrower.market}" == intent["position_key"]
