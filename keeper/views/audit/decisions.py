"""Invariant 4: the decision, made again from the logged inputs, is the same byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eth_hash.auto import keccak

from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry

_FIGURES = ("health", "surplus")
_ENDS = ("low", "mid", "high")


class DecisionsAudit:
    """Runs the pure core on each decision's inputs. `replay` takes the canonical inputs and gives the result."""

    def __init__(self, replay: Callable[[str], str]) -> None:
        self._replay = replay
        self._same = Finding(
            "decisions", "each decision, made again from its inputs, is the same byte for byte"
        )
        self._named = Finding("decision_ids", "each decision's id is the digest of its inputs and result")
        self._told = Finding("decision_figures", "what is told of each decision is what its result says")

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        if entry.kind == "decision_made":
            self._decision(f"entry {entry.seq}, decision {entry.body['decision_id']}", entry.body)

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        return (self._same, self._named, self._told)

    def _decision(self, name: str, body: Mapping[str, Any]) -> None:
        try:
            again = self._replay(body["inputs"])
        except (ValueError, KeyError, TypeError) as error:
            self._same.expect(f"{name}: its inputs can not be read: {error}", holds=False)
        else:
            self._same.expect(f"{name}: the result is another one", holds=again == body["result"])
        covered = json.dumps([body["inputs"], body["result"]], separators=(",", ":"), ensure_ascii=False)
        own = "0x" + keccak(covered.encode()).hex()
        self._named.expect(f"{name}: its digest is {own}", holds=own == body["decision_id"])
        differing = _differing(body, json.loads(body["result"]))
        self._told.expect(f"{name}: {', '.join(differing)}", holds=not differing)


def _differing(body: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    """Return the columns of a logged decision that are not those of its result."""
    health = result["health"]
    expected: dict[str, Any] = {
        "account_id": health["account_id"],
        "state": result["state"],
        "reason": result["reason"],
        "price_set": health["price_set"],
        "cut": health["cut"],
        "unknown_because": health["unknown_because"],
        "plan": [] if result["plan"] is None else [result["plan"]],
    }
    for figure in _FIGURES:
        for end in _ENDS:
            expected[f"{figure}_{end}_wad"] = None if health[figure] is None else health[figure][end]
    return [name for name, value in expected.items() if body[name] != value]
