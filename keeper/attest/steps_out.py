"""Liquidation steps that were signed and may still be used.

Each step is judged by what the account would still need after these, or a keeper could ask for one step
on every chain, each right by itself, and take the sum. A step is out until its deadline, until its hub
has used its sequence or a later one, or until the owner has acted there. Of one item only the newest
question counts: the hub's cooldown keeps two steps on it apart.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chains.hub.attestation import Action, Attestation
from keeper.attest.promises import GRACE_S
from keeper.domain.account import Account
from keeper.planner.effects import Move
from keeper.state.reader import LogReader

REDUCING = frozenset({Action.CLOSE, Action.OPTION_CLOSE, Action.REPAY, Action.REPAY_CROSS})
LONGEST_S = 3_600


@dataclass(frozen=True, slots=True)
class StepOut:
    """A step that was signed for: what it does, and what makes it void."""

    move: Move
    version: int
    sequence: int
    deadline: int


class StepsOut:
    """Remembers what is out, by account and item. Bounded by what was signed within the longest deadline."""

    def __init__(self, chain_by_id: Mapping[int, str]) -> None:
        self._chain_by_id = chain_by_id
        self._out: dict[str, dict[tuple[Action, str, int], StepOut]] = {}

    def note(self, attestation: Attestation, chain: str) -> None:
        """Remember a step that is about to be signed; other actions are not remembered."""
        if attestation.action not in REDUCING:
            return
        action = Action(attestation.action)
        is_cross = action is Action.REPAY_CROSS
        move = Move(
            action,
            chain,
            attestation.item,
            attestation.max_size,
            self._chain_by_id.get(attestation.value) if is_cross else None,
            attestation.target if is_cross else None,
        )
        its = self._out.setdefault(attestation.account, {})
        its[_slot(attestation, chain)] = StepOut(
            move, attestation.version, attestation.sequence, attestation.deadline
        )

    def live(self, account: Account, attestation: Attestation, chain: str, now_s: int) -> list[Move]:
        """Return the steps that may be mined beside the one that is asked for, in the order they were signed in."""
        self._forget(now_s)
        legs = {leg.chain: leg for leg in account.legs}
        found = []
        for slot, its in self._out.get(account.account_id, {}).items():
            leg = legs.get(its.move.chain)
            is_open = leg is not None and leg.version == its.version and leg.last_sequence < its.sequence
            if is_open and slot != _slot(attestation, chain):
                found.append(its)
        return [its.move for its in sorted(found, key=lambda its: (its.sequence, its.move.chain))]

    def restore(self, path: Path, now_s: int) -> None:
        """Read back from the state log what was signed before this process began. Blocks."""
        with LogReader(path) as reader:
            rows = reader.select(
                "SELECT chain_id, attestation FROM signed_attestations WHERE first_at_ms > ? ORDER BY first_at_ms",
                ((now_s - LONGEST_S) * 1000,),
            )
        for row in rows:
            chain = self._chain_by_id.get(int(row["chain_id"]))
            its = row["attestation"]
            if chain is not None:
                self.note(_attestation(json.loads(its) if isinstance(its, str) else its), chain)
        self._forget(now_s)

    def _forget(self, now_s: int) -> None:
        for account_id, its in list(self._out.items()):
            for slot, out in list(its.items()):
                if out.deadline + GRACE_S < now_s:
                    del its[slot]
            if not its:
                del self._out[account_id]


def _slot(attestation: Attestation, chain: str) -> tuple[Action, str, int]:
    return Action(attestation.action), chain, attestation.item


def _attestation(fields: Mapping[str, Any]) -> Attestation:
    """Return an attestation as the log keeps it: numbers may be text there."""
    values: dict[str, Any] = {
        field.name: int(fields[field.name]) if field.type == "int" else fields[field.name]
        for field in dataclasses.fields(Attestation)
    }
    return Attestation(**values)
