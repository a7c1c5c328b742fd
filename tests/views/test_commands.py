"""What each command answers, in text and in JSON of a pinned shape, and with which exit code it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from keeper.domain.intent import IntentState
from keeper.state import observations as o
from keeper.state.entries import AlertOpened, Entry, IntentMoved, RunEnded
from keeper.views.exits import ExitCode

Keeper: TypeAlias = Callable[..., tuple[int, str, str]]
WriteLog: TypeAlias = Callable[..., Path]

READS_A_LOG = ("status", "accounts", "prices", "stress", "liquidations")


def shape(value: Any) -> Any:
    """Return the names and types of a JSON value; a list has the shape of its first item."""
    match value:
        case dict():
            return {name: shape(item) for name, item in value.items()}
        case list():
            return [shape(value[0])] if value else []
        case _:
            return type(value).__name__


def answer(keeper: Keeper, *arguments: object) -> Any:
    _, out, _ = keeper(*arguments, "--json")
    return json.loads(out)


def test_status_is_fine_while_the_daemon_works_and_nothing_is_missing(keeper: Keeper, log: Path) -> None:
    code, out, _ = keeper("status", "--log", log)

    assert ExitCode.FINE == code
    assert "running, mode live, process 4242" in out
    assert "2 healthy" in out


def test_status_in_json_has_this_shape(keeper: Keeper, log: Path) -> None:
    expected = {
        "mode": "str",
        "state": "str",
        "run": {
            "run_id": "str",
            "pid": "int",
            "version": "str",
            "started_at_ms": "int",
            "ended_at_ms": "NoneType",
            "end_reason": "NoneType",
            "last_sign_ms": "int",
        },
        "chains": [
            {
                "chain": "str",
                "chain_id": "int",
                "state": "str",
                "detail": "str",
                "since_ms": "NoneType",
                "head_number": "int",
                "head_hash": "str",
                "age_ms": "int",
            }
        ],
        "endpoints": [],
        "log_passes": [],
        "prices": {
            "ok": "int",
            "degraded": "int",
            "unavailable": "int",
            "sources_used": "int",
            "sources": "int",
            "age_ms": "int",
        },
        "accounts": dict.fromkeys(
            ("healthy", "margin_call", "at_risk", "liquidatable", "bankrupt", "unknown"), "int"
        ),
        "worst": [
            {
                "account_id": "str",
                "state": "str",
                "health_low_wad": "str",
                "health_mid_wad": "str",
                "health_high_wad": "str",
                "surplus_mid_wad": "str",
            }
        ],
        "decisions": "int",
        "intents": {"final_ok": "int"},
        "live_intents": [],
        "alerts": [],
        "reasons": [],
        "exit_code": "int",
    }

    assert expected == shape(answer(keeper, "status", "--log", log))


def test_status_says_down_when_the_daemon_has_stopped(
    keeper: Keeper, story: Any, write_log: WriteLog
) -> None:
    path = write_log([*story.entries(), RunEnded("run-1", "SIGTERM")])

    code, out, _ = keeper("status", "--log", path)

    assert ExitCode.DOWN == code
    assert "the daemon has stopped: SIGTERM" in out


def test_status_says_down_when_nothing_was_noted_for_long(
    keeper: Keeper, story: Any, write_log: WriteLog
) -> None:
    path = write_log(story.entries(), at_ms=story.at_ms - 60_000)

    code, out, _ = keeper("status", "--log", path)

    assert ExitCode.DOWN == code
    assert "silent" in out


@pytest.mark.parametrize(("state", "expected"), [("stale", ExitCode.DEGRADED), ("stopped", ExitCode.PERSON)])
def test_status_tells_a_late_chain_from_a_stopped_one(
    keeper: Keeper, story: Any, write_log: WriteLog, state: str, expected: ExitCode
) -> None:
    late = o.ChainStatusSeen("birch", state, "no new block for 40 s", 98, "0x00", 1, story.at_ms - 40_000)
    path = write_log(story.entries(), [*story.observations(), late])

    code, out, _ = keeper("status", "--log", path)

    assert expected == code
    assert "no new block for 40 s" in out


@pytest.mark.parametrize(
    ("severity", "expected"), [("warning", ExitCode.DEGRADED), ("critical", ExitCode.PERSON)]
)
def test_an_open_alert_is_shown_with_its_advice(
    keeper: Keeper, story: Any, write_log: WriteLog, severity: str, expected: ExitCode
) -> None:
    alert = AlertOpened("funds", severity, "the sender can not pay", "0.01 left", "send it coins")
    path = write_log([*story.entries(), alert], story.observations())

    code, out, _ = keeper("status", "--log", path)

    assert expected == code
    assert "do: send it coins" in out


def test_a_blocked_intent_needs_a_person(keeper: Keeper, story: Any, write_log: WriteLog) -> None:
    entries: list[Entry] = [entry for entry in story.entries() if not isinstance(entry, IntentMoved)]
    blocked = IntentMoved(story.intent.intent_id, IntentState.BROADCAST, "funds", False, "", 1)

    code, out, _ = keeper("status", "--log", write_log([*entries, blocked], story.observations()))

    assert ExitCode.PERSON == code
    assert "blocked: funds" in out


def test_accounts_come_least_healthy_first(keeper: Keeper, log: Path) -> None:
    listed = answer(keeper, "accounts", "--log", log)

    assert ["0x" + "a1" * 32, "0x" + "b2" * 32] == [row["account_id"] for row in listed["accounts"]]
    assert (2, 2) == (listed["matching"], listed["total"])


def test_accounts_of_one_state_only(keeper: Keeper, log: Path) -> None:
    listed = answer(keeper, "accounts", "--log", log, "--state", "unknown")

    assert {"accounts": [], "matching": 0, "total": 2} == listed


def test_an_account_in_json_has_this_shape(keeper: Keeper, log: Path) -> None:
    figures = {
        f"{name}_{end}_wad": "str"
        for name in ("health", "surplus", "equity")
        for end in ("low", "mid", "high")
    }
    expected = {
        "account_id": "str",
        "owner": "str",
        "subaccount": "str",
        "state": "str",
        **figures,
        "initial_surplus_low_wad": "str",
        "assets_mid_wad": "str",
        "requirement_mid_wad": "str",
        "maintenance_mid_wad": "str",
        "unknown_because": [],
        "price_set": "str",
        "cut": [{"chain": "str", "number": "int", "hash": "str", "timestamp": "int", "age_ms": "int"}],
        "at_ms": "int",
    }

    assert expected == shape(answer(keeper, "accounts", "--log", log)["accounts"][0])


def test_prices_in_json_have_this_shape(keeper: Keeper, log: Path) -> None:
    quote = {
        "source": "str",
        "source_group": "str",
        "pair": "str",
        "reason": "str",
        "value_wad": "str",
        "failure": "NoneType",
        "detail": "str",
        "source_time_ms": "int",
        "received_at_ms": "int",
        "changed_at_ms": "int",
        "weight": "int",
        "confidence_wad": "str",
        "used": "bool",
    }
    price = {
        "asset": "str",
        "status": "str",
        "reason": "str",
        "low_wad": "str",
        "mid_wad": "str",
        "high_wad": "str",
        "oldest_ms": "int",
        "via_asset": "NoneType",
        "used": "int",
        "seen": "int",
        "holds": [],
        "paths": [],
        "quotes": [quote],
    }

    expected = {"price_set": "str", "as_of_ms": "int", "age_ms": "int", "prices": [price]}

    assert expected == shape(answer(keeper, "prices", "--log", log))


def test_why_draws_the_tree_down_to_the_quotes_that_were_left_out(keeper: Keeper, log: Path) -> None:
    _, out, _ = keeper("prices", "--why", "vETH", "--log", log)

    assert "times ETH" in out
    assert "gamma (g) ETH/USD  1,100.00  0.9 s old  left out: outlier" in out
    assert "delta (d) ETH/USD  left out: unreachable: status 502" in out


def test_why_of_an_asset_that_is_not_there_names_those_that_are(keeper: Keeper, log: Path) -> None:
    code, _, err = keeper("prices", "--why", "DOGE", "--log", log)

    assert ExitCode.USAGE == code
    assert "there are: ETH, USDC, vETH" in err


def test_liquidations_in_json_have_this_shape(keeper: Keeper, log: Path) -> None:
    shown = shape(answer(keeper, "liquidations", "--log", log)["liquidations"][0])

    assert {"action": "str", "value_wad": "str", "nonce": "int", "state": "str"}.items() <= shown.items()
    assert {"tx_hash", "number", "max_fee_per_gas_wei", "sends", "last_send_class", "is_cancel"} == set(
        shown["attempts"][0]
    )
    assert {"tx_hash", "block_number", "block_hash", "status", "gas_used", "cost_wei", "canonical"} == set(
        shown["receipts"][0]
    )


def test_a_backup_is_a_log_of_its_own(keeper: Keeper, log: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    code, _, _ = keeper("backup", target, "--log", log)

    assert ExitCode.FINE == code
    assert answer(keeper, "accounts", "--log", log) == answer(keeper, "accounts", "--log", target)


def test_a_backup_never_overwrites(keeper: Keeper, log: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")

    code, _, err = keeper("backup", target, "--log", log)

    assert ExitCode.USAGE == code
    assert "a backup never overwrites" in err
    assert "precious" == target.read_text()


@pytest.mark.parametrize("command", READS_A_LOG)
def test_without_a_log_there_is_one_line_and_no_traceback(
    keeper: Keeper, tmp_path: Path, command: str
) -> None:
    code, out, err = keeper(command, "--log", tmp_path / "none.db")

    assert (ExitCode.DOWN, "") == (code, out)
    assert err.startswith("keeper: ")
    assert "does not exist" in err


@pytest.mark.parametrize("command", READS_A_LOG)
def test_a_file_that_is_no_log_needs_a_person(keeper: Keeper, tmp_path: Path, command: str) -> None:
    path = tmp_path / "noise.db"
    path.write_bytes(b"not a database, but long enough to look like one. " * 100)

    code, out, err = keeper(command, "--log", path)

    assert (ExitCode.PERSON, "") == (code, out)
    assert "can not be read" in err


def test_an_error_in_json_is_one_document_too(keeper: Keeper, tmp_path: Path) -> None:
    shown = answer(keeper, "status", "--log", tmp_path / "none.db")

    assert {"error": {"message": "str", "advice": "str", "exit_code": "int"}} == shape(shown)


@pytest.mark.parametrize(
    "text",
    [
        'state_log = "keeper.db"\nmode = "lifelong"\n',
        'state_log = "other.db"\n[attestor]\nstate_log = "keeper.db"\n',
    ],
)
def test_a_reader_finds_the_log_by_its_configuration_and_an_attestors_own_first(
    keeper: Keeper, log: Path, text: str
) -> None:
    config = log.with_name("keeper.toml")
    config.write_text(text)

    code, out, _ = keeper("status", "-c", config)

    assert ExitCode.FINE == code
    assert "running, mode live" in out
