"""Invariant 4: the decision, made again from the logged inputs, is the same byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eth_hash.auto import keccak

from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry


class DecisionsAudit:
    """Runs the pure core on each decision's inputs. `replay` takes the canonical inputs and gives the result."""

    def __init__(self, replay: Callable[[str], str]) -> None:
        self._replay = replay
        self._same = Finding(
            "decisions", "each decision, made again from its inputs, is the same byte for byte"
        )
        self._named = Finding("decision_ids", "each decision's id is the digest of its inputs and result")

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        if entry.kind == "decision_made":
            self._decision(entry.seq, entry.body)

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        return (self._same, self._named)

    def _decision(self, seq: int, body: Mapping[str, Any]) -> None:
        name = f"entry {seq}, decision {body['decision_id']}"
        try:
            again = self._replay(body["inputs"])
        except (ValueError, KeyError, TypeError) as error:
            self._same.expect(f"{name}: its inputs can not be read: {error}", holds=False)
        else:
            self._same.expect(f"{name}: the result is another one", holds=again == body["result"])
        covered = json.dumps([body["inputs"], body["result"]], separators=(",", ":"), ensure_ascii=False)
        own = "0x" + keccak(covered.encode()).hex()
        self._named.expect(f"{name}: its digest is {own}", holds=own == body["decision_id"])
