"""What owners were promised and may still use: one hub at a time.

An attestation of an owner's action holds for one hub's version of the account. Two of them on two
hubs, each right by itself, could be used one after the other and together take out what backs the
debt: nothing on the one hub makes the other's void. So while one is out, none is signed for another hub.
It is out until its deadline, or until that hub's version has moved on.

Any two quorums of more than half of the attestors have one in common, and that one refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chains.hub.attestation import Action, Attestation
from keeper.domain.account import Account
from keeper.state.reader import LogReader

OWN_ACTIONS = frozenset({Action.WITHDRAW, Action.BORROW, Action.TRADE, Action.UNLINK, Action.OPTION_TRADE})
GRACE_S = 30
"""A hub goes by its block's time, which may be behind this attestor's clock."""


@dataclass(frozen=True, slots=True)
class Promise:
    """An owner's action that was signed for: on which hub, at which version, usable until when (unix seconds)."""

    chain: str
    version: int
    deadline: int
    action: int


class Promises:
    """Remembers what is out, by account. Bounded by what was signed within the longest deadline."""

    def __init__(self) -> None:
        self._out: dict[str, dict[str, Promise]] = {}

    def note(self, attestation: Attestation, chain: str) -> None:
        """Remember an owner's action that is about to be signed; other actions are not remembered."""
        if attestation.action not in OWN_ACTIONS:
            return
        its = self._out.setdefault(attestation.account, {})
        before = its.get(chain)
        same = before is not None and before.version == attestation.version
        deadline = max(attestation.deadline, before.deadline) if before and same else attestation.deadline
        its[chain] = Promise(chain, attestation.version, deadline, attestation.action)

    def conflict(self, account: Account, attestation: Attestation, chain: str, now_s: int) -> str:
        """Say which promise on another hub forbids this one; empty if none does."""
        if attestation.action not in OWN_ACTIONS:
            return ""
        self._forget(now_s)
        versions = {leg.chain: leg.version for leg in account.legs}
        for promise in self._out.get(account.account_id, {}).values():
            if promise.chain != chain and versions.get(promise.chain, 0) <= promise.version:
                return (
                    f"{Action(promise.action).name} on {promise.chain} is attested until {promise.deadline}: "
                    "use it, or wait until it can not be used"
                )
        return ""

    def restore(self, path: Path, chain_by_id: Mapping[int, str], now_s: int) -> None:
        """Read back from the state log what was signed before this process began. Blocks."""
        with LogReader(path) as reader:
            rows = reader.select(
                "SELECT chain_id, attestation FROM signed_attestations WHERE first_at_ms > ?",
                ((now_s - 3_600) * 1000,),
            )
        for row in rows:
            chain = chain_by_id.get(int(row["chain_id"]))
            its = row["attestation"]
            fields = json.loads(its) if isinstance(its, str) else its
            if chain is not None and int(fields["action"]) in OWN_ACTIONS:
                self._out.setdefault(fields["account"], {})[chain] = Promise(
                    chain, int(fields["version"]), int(fields["deadline"]), int(fields["action"])
                )
        self._forget(now_s)

    def _forget(self, now_s: int) -> None:
        for account_id, its in list(self._out.items()):
            for chain, promise in list(its.items()):
                if promise.deadline + GRACE_S < now_s:
                    del its[chain]
            if not its:
                del self._out[account_id]
