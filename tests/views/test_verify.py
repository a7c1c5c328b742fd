"""`keeper verify` and `keeper replay` as commands: what they answer, and that a lie in the log needs a person."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from keeper.views.exits import ExitCode

Keeper: TypeAlias = Callable[..., tuple[int, str, str]]


def tamper(log: Path, *statements: str) -> None:
    connection = sqlite3.connect(log)
    for statement in ("DROP TRIGGER journal_is_not_changed", "DROP TRIGGER journal_is_not_cut", *statements):
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_an_honest_log_verifies_with_a_count_for_each_check(keeper: Keeper, log: Path) -> None:
    code, out, _ = keeper("verify", "--log", log, "--json")

    document = json.loads(out)
    assert (ExitCode.FINE, True) == (code, document["holds"])
    assert {"name", "title", "holds", "checked", "failed", "failures"} == set(document["checks"][0])
    assert "tables" == document["checks"][-1]["name"]


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE journal SET body = replace(body, '0.1.0', '0.2.0')", "hash_chain"),
        ("DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)", "hash_chain"),
        ("UPDATE notices SET detail = 'never mind'", "tables"),
        ("DELETE FROM receipts", "tables"),
    ],
)
def test_a_log_that_was_touched_needs_a_person(keeper: Keeper, log: Path, statement: str, check: str) -> None:
    tamper(log, statement)

    code, out, _ = keeper("verify", "--log", log)
    _, document, _ = keeper("verify", "--log", log, "--json")

    assert ExitCode.PERSON == code
    assert "THE LOG DOES NOT VERIFY" in out
    assert check in {each["name"] for each in json.loads(document)["checks"] if not each["holds"]}


def test_replay_finds_an_input_that_was_altered_without_effect(keeper: Keeper, log: Path) -> None:
    altered = "json_set(body ->> 'inputs', '$.at_ms', '1')"
    tamper(
        log, f"UPDATE journal SET body = json_set(body, '$.inputs', {altered}) WHERE kind = 'decision_made'"
    )

    code, out, _ = keeper("replay", "--log", log)

    assert ExitCode.PERSON == code
    assert "its id is not the digest of these inputs and this result" in out


def test_replay_shows_in_what_a_decision_would_now_be_another(keeper: Keeper, log: Path) -> None:
    tamper(
        log, "UPDATE journal SET body = json_set(body, '$.result', replace(body ->> 'result', '0.9', '0.8'))"
    )

    code, out, _ = keeper("replay", "--log", log)

    assert ExitCode.PERSON == code
    assert "1 decision made again, 1 different" in out
    assert "reason: " in out


def test_replay_of_one_account_leaves_the_others(keeper: Keeper, log: Path) -> None:
    code, _, err = keeper("replay", "--log", log, "--account", "0xb2")

    assert ExitCode.USAGE == code
    assert "there is no such decision in this log" in err
