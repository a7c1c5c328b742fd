"""Verdicts at venues follow from their inputs, and nothing was signed there that none of them said to send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eth_hash.auto import keccak

from config.units import WAD
from keeper.views.audit.attestations import AT_A_VENUE
from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry

_COLUMNS = ("reason", "detail", "health_wad", "collateral_value", "debt_value", "plan")
_CALL_WORDS = {"debt_asset": 1, "collateral_asset": 2, "room": 3, "pool": 5, "least_kept": 6, "deadline_s": 7}
"""Where the words of ``execute`` are that the plan of a verdict says."""


class VenuesAudit:
    """Runs the judge on each verdict's inputs, and joins each signed intent at a venue with the verdict it rests on."""

    def __init__(self, replay: Callable[[str], str]) -> None:
        self._replay = replay
        self._plans: dict[str, Mapping[str, Any]] = {}
        self._same = Finding(
            "verdicts", "each verdict, made again from its inputs, is the same byte for byte"
        )
        self._told = Finding(
            "verdict_figures",
            "each verdict's id is its digest, and what is told of it is what its result says",
        )
        self._rests = Finding(
            "venue_calls",
            "each call at a venue is what a verdict said to send, of an account below one there",
        )

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        if entry.kind == "venue_judged":
            self._verdict(f"entry {entry.seq}, verdict {entry.body['verdict_id']}", entry.body)
        elif entry.kind == "intent_signed" and entry.body["intent"]["action"] == AT_A_VENUE:
            self._intent(entry.body["intent"])

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        return (self._same, self._told, self._rests)

    def _verdict(self, name: str, body: Mapping[str, Any]) -> None:
        try:
            again = self._replay(body["inputs"])
        except (ValueError, KeyError, TypeError) as error:
            self._same.expect(f"{name}: its inputs can not be read: {error}", holds=False)
        else:
            self._same.expect(f"{name}: the result is another one", holds=again == body["result"])
        covered = json.dumps([body["inputs"], body["result"]], separators=(",", ":"), ensure_ascii=False)
        own = "0x" + keccak(covered.encode()).hex()
        result = json.loads(body["result"])
        wrong = [column for column in _COLUMNS if body[column] != result[column]]
        if own != body["verdict_id"]:
            wrong.append(f"its digest is {own}")
        self._told.expect(f"{name}: {', '.join(wrong)}", holds=not wrong)
        if result["reason"] == "send":
            self._plans[body["verdict_id"]] = result

    def _intent(self, intent: Mapping[str, Any]) -> None:
        name = f"intent {intent['intent_id']}"
        found = self._plans.get(intent["decision_id"])
        if found is None:
            self._rests.expect(f"{name} rests on no verdict of this log that says to send", holds=False)
            return
        health = found["health_wad"]
        self._rests.expect(
            f"{name}: its account's health was {health}", holds=health is not None and int(health) < WAD
        )
        plan = {**found["plan"]["liquidation"], **found["plan"]}
        called = bytes.fromhex(intent["calldata"].removeprefix("0x"))[4:]
        wrong = [
            key
            for key, at in _CALL_WORDS.items()
            if int.from_bytes(called[32 * at : 32 * at + 32]) != _number(plan[key])
        ]
        self._rests.expect(
            f"{name}: {', '.join(wrong)} in its call are not those of its verdict", holds=not wrong
        )


def _number(text: str) -> int:
    return int(text, 16) if text.startswith("0x") else int(text)
