"""How the daemon and what it watches stand: facts from the log, and what they amount to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keeper.views.exits import ExitCode
from keeper.views.output import pick

if TYPE_CHECKING:
    from keeper.state.reader import LogReader, Row

SILENT_AFTER_MS = 20_000
"""A daemon at work notes heads, prices or states more often than this."""

STATES = ("healthy", "margin_call", "at_risk", "liquidatable", "bankrupt", "unknown")
WORST_SHOWN = 5
STOPPED = frozenset({"stopped", "mismatched", "finality_violated", "disagreeing"})
"""States of a chain that a person must look into."""

_CHAIN = ("chain", "chain_id", "state", "detail", "since_ms", "head_number", "head_hash")
_ENDPOINT = ("chain", "number", "name", "standing", "reason", "height", "failures", "at_ms")
_ACCOUNT = ("account_id", "state", "health_low_wad", "health_mid_wad", "health_high_wad", "surplus_mid_wad")
_INTENT = (
    "intent_id",
    "chain",
    "account_id",
    "position_key",
    "action",
    "nonce",
    "state",
    "blocked",
    "created_at_ms",
)
_ALERT = ("severity", "title", "detail", "advice", "opened_at_ms", "count")


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is not as it should be, and how bad that is."""

    code: ExitCode
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The answer of `keeper status`: `facts` as JSON can hold them, and the reasons for the exit code."""

    facts: dict[str, Any]
    reasons: tuple[Reason, ...]

    @property
    def code(self) -> ExitCode:
        """The worst of the reasons."""
        return max((reason.code for reason in self.reasons), default=ExitCode.FINE)


def read_standing(log: LogReader, now_ms: int) -> Standing:
    """Read how things stand as of `now_ms` (UTC milliseconds)."""
    status = log.status()
    newest = log.prices()
    sources = {
        quote["source"]: bool(quote["used"])
        for price in (newest or {"prices": []})["prices"]
        for quote in price["quotes"]
    }
    last_sign_ms = max(
        (moment for moment in _signs_of_life(status) if moment is not None),
        default=None,
    )
    facts: dict[str, Any] = {
        "mode": status["mode"],
        "state": _run_state(status["run"], last_sign_ms, now_ms),
        "run": _run(status["run"], last_sign_ms),
        "chains": [_chain(row, now_ms) for row in status["chains"]],
        "endpoints": [_endpoint(row) for row in status["endpoints"]],
        "log_passes": status["log_passes"],
        "prices": {
            **{state: status["prices"].get(state, 0) for state in ("ok", "degraded", "unavailable")},
            "sources_used": sum(sources.values()),
            "sources": len(sources),
            "age_ms": None if newest is None else now_ms - newest["as_of_ms"],
        },
        "accounts": {state: status["accounts"].get(state, 0) for state in STATES},
        "worst": [pick(row, _ACCOUNT) for row in log.accounts(limit=WORST_SHOWN)],
        "decisions": status["decisions"],
        "intents": status["intents"],
        "live_intents": [pick(row, _INTENT) for row in log.intents(live_only=True)],
        "alerts": [pick(row, _ALERT) for row in status["alerts"]],
    }
    reasons = tuple(_reasons(facts, now_ms))
    return Standing(facts | {"reasons": [reason.text for reason in reasons]}, reasons)


def _signs_of_life(status: Row) -> Iterator[int | None]:
    yield (status["newest_entry"] or {}).get("at_ms")
    yield status["price_set_at_ms"]
    for chain in status["chains"]:
        yield chain["at_ms"]


def _run_state(run: Row | None, last_sign_ms: int | None, now_ms: int) -> str:
    if run is None or last_sign_ms is None:
        return "never_started"
    if run["ended_at_ms"] is not None:
        return "stopped"
    return "running" if now_ms - last_sign_ms <= SILENT_AFTER_MS else "silent"


def _run(run: Row | None, last_sign_ms: int | None) -> dict[str, Any] | None:
    if run is None:
        return None
    names = ("run_id", "pid", "version", "started_at_ms", "ended_at_ms", "end_reason")
    return pick(run, names) | {"last_sign_ms": last_sign_ms}


def _chain(row: Row, now_ms: int) -> dict[str, Any]:
    age_ms = None
    if row["received_at_ms"] is not None:
        age_ms = max(0, now_ms - row["received_at_ms"], now_ms - row["head_timestamp_s"] * 1000)
    return pick(row, _CHAIN) | {"state": row["state"] or "connecting", "age_ms": age_ms}


def _endpoint(row: Row) -> dict[str, Any]:
    abilities = row["abilities"]
    return pick(row, _ENDPOINT) | {
        "abilities": json.loads(abilities) if isinstance(abilities, str) else abilities
    }


def _reasons(facts: dict[str, Any], now_ms: int) -> Iterator[Reason]:
    yield from _run_reasons(facts, now_ms)
    for chain in facts["chains"]:
        if chain["state"] in STOPPED:
            told = chain["state"].replace("_", " ")
            yield Reason(ExitCode.PERSON, f"chain {chain['chain']} is stopped, {told}: {chain['detail']}")
        elif chain["state"] != "live":
            yield Reason(
                ExitCode.DEGRADED,
                f"chain {chain['chain']} is {chain['state'].replace('_', ' ')}: {chain['detail'] or 'no head seen'}",
            )
    for endpoint in facts["endpoints"]:
        if endpoint["standing"] in {"quarantined", "foreign"}:
            where = f"endpoint {endpoint['number']} of {endpoint['chain']} ({endpoint['name']})"
            yield Reason(ExitCode.DEGRADED, f"{where} is {endpoint['standing']}: {endpoint['reason']}")
    prices = facts["prices"]
    for state in ("degraded", "unavailable"):
        if prices[state]:
            yield Reason(
                ExitCode.DEGRADED,
                f"{prices[state]} of the prices {'is' if prices[state] == 1 else 'are'} {state}",
            )
    if facts["accounts"]["unknown"]:
        yield Reason(
            ExitCode.DEGRADED, f"{facts['accounts']['unknown']} accounts are unknown: evidence is missing"
        )
    for intent in facts["live_intents"]:
        if intent["blocked"]:
            yield Reason(ExitCode.PERSON, f"an intent on {intent['chain']} is blocked: {intent['blocked']}")
    for alert in facts["alerts"]:
        code = ExitCode.PERSON if alert["severity"] == "critical" else ExitCode.DEGRADED
        yield Reason(code, f"{alert['severity']}: {alert['title']}")


def _run_reasons(facts: dict[str, Any], now_ms: int) -> Iterator[Reason]:
    run = facts["run"]
    match facts["state"]:
        case "never_started":
            yield Reason(ExitCode.DOWN, "no daemon has ever run with this log")
        case "stopped":
            yield Reason(ExitCode.DOWN, f"the daemon has stopped: {run['end_reason']}")
        case "silent":
            silent_s = (now_ms - run["last_sign_ms"]) // 1000
            yield Reason(
                ExitCode.DOWN, f"nothing was noted for {silent_s} s: process {run['pid']} is dead or hangs"
            )
        case _:
            return
