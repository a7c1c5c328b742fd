"""`keeper replay`: make decisions again from their logged inputs and compare."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.canonical import digest
from keeper.views import figures
from keeper.views.exits import CommandError, ExitCode
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.output import show, show_json

if TYPE_CHECKING:
    from keeper.state.reader import LogReader

_ALL = 2**31
_CHANGES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Replayed:
    """One decision made again. `changes` says in what the result differs, a line each."""

    decision_id: str
    at_ms: int
    account_id: str
    state: str
    changes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the result is the logged one, byte for byte."""
        return not self.changes


@click.command(name="replay", short_help="Make decisions again from their inputs and compare.")
@log_options
@click.option("--account", metavar="ACCOUNT", help="Only of this account (the start of its id is enough).")
@click.option("--decision", metavar="DECISION", help="Only this one (the start of its id is enough).")
@json_option
def command(
    config: Path, log: Path | None, account: str | None, decision: str | None, *, as_json: bool
) -> ExitCode:
    """Run the decision core again on the logged inputs, and the judge of venues on its own, and show where they would
    now decide otherwise.

    With the program that wrote the log nothing differs; with another version this is how to see what its rules
    change. Exits 0 if nothing differs, 4 otherwise.
    """
    from keeper.planner.decide import replay
    from keeper.venues.judge import replay as judge_again

    with open_log(log_path(config, log)) as reader:
        replayed = [
            *again(reader, replay, account or "", decision or ""),
            *verdicts_again(reader, judge_again, account or "", decision or ""),
        ]
    if not replayed:
        raise CommandError(
            "there is no such decision in this log", ExitCode.USAGE, "keeper explain ACCOUNT names them"
        )
    different = [each for each in replayed if not each.same]
    code = ExitCode.PERSON if different else ExitCode.FINE
    if as_json:
        show_json(_document(replayed, different, code))
    else:
        show(*_lines(replayed, different))
    return code


def again(log: LogReader, replay: Callable[[str], str], account: str, decision: str) -> Iterator[Replayed]:
    """Make every decision again whose account and id start as given, oldest first."""
    for row in reversed(log.decisions(limit=_ALL)):
        if not (
            row["account_id"].startswith(account.lower()) and row["decision_id"].startswith(decision.lower())
        ):
            continue
        logged = log.decision(row["decision_id"])
        assert logged is not None  # noqa: S101 - just selected
        changes = _differences(logged["decision_id"], logged["inputs"], logged["result"], replay)
        yield Replayed(logged["decision_id"], logged["at_ms"], logged["account_id"], logged["state"], changes)


def verdicts_again(
    log: LogReader, replay: Callable[[str], str], account: str, verdict: str
) -> Iterator[Replayed]:
    """Make every verdict on a borrower at a venue again whose account and id start as given, oldest first."""
    sql = "SELECT body FROM journal WHERE kind = 'venue_judged' ORDER BY seq"
    for row in log.select(sql):
        body = json.loads(row["body"]) if isinstance(row["body"], str) else row["body"]
        if not (
            body["account_id"].startswith(account.lower()) and body["verdict_id"].startswith(verdict.lower())
        ):
            continue
        changes = _differences(body["verdict_id"], body["inputs"], body["result"], replay)
        at_ms = int(body["judged_at_ms"])
        yield Replayed(body["verdict_id"], at_ms, body["account_id"], body["reason"], changes)


def _differences(made_id: str, inputs: str, logged: str, replay: Callable[[str], str]) -> tuple[str, ...]:
    """Return in what a result made again differs, a line each; an input that was altered without effect is one too."""
    result = replay(inputs)
    found = tuple(_changes(json.loads(logged), json.loads(result))) if result != logged else ()
    if result != logged and not found:
        found = ("the same values, but not the same bytes",)
    if digest([inputs, logged]) != made_id:
        found = (*found, "its id is not the digest of these inputs and this result: one of them was altered")
    return found


def _changes(before: Any, after: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _changes(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changes(one, other, f"{path}.{number}")
    elif before != after:
        yield f"{path}: {json.dumps(before)[:100]} became {json.dumps(after)[:100]}"


def _document(replayed: list[Replayed], different: list[Replayed], code: ExitCode) -> dict[str, Any]:
    return {
        "decisions": len(replayed),
        "different": [
            {
                "decision_id": each.decision_id,
                "account_id": each.account_id,
                "at_ms": each.at_ms,
                "state": each.state,
                "changes": list(each.changes),
            }
            for each in different
        ],
        "exit_code": int(code),
    }


def _lines(replayed: list[Replayed], different: list[Replayed]) -> Iterator[str]:
    for each in different:
        yield f"{figures.short(each.decision_id)} of {figures.short(each.account_id)} at {figures.utc(each.at_ms)} UTC:"
        yield from (f"  {change}" for change in each.changes[:_CHANGES_SHOWN])
    yield f"{figures.count(len(replayed), 'decision')} made again, {len(different):,} different"
