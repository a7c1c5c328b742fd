"""All that is known about one account's liquidation, or about why there was none."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from keeper.domain.settlement import SETTLEMENTS
from keeper.venues.identity import VENUE_LIQUIDATION

if TYPE_CHECKING:
    from keeper.state.reader import LogReader, Row

_NO_STEPS = SETTLEMENTS | {VENUE_LIQUIDATION}
"""Actions of intents that are no part of a liquidation here."""
_LIQUIDATABLE = ("liquidatable", "bankrupt")


class Verdict(StrEnum):
    """What became of the account, in one word."""

    LIQUIDATED = "liquidated"
    BEING_LIQUIDATED = "being_liquidated"
    NOT_YET = "not_yet"
    HELD = "held"
    NOT_LIQUIDATED = "not_liquidated"


TELLS_A_LIQUIDATION = frozenset({Verdict.LIQUIDATED, Verdict.BEING_LIQUIDATED, Verdict.NOT_YET})


@dataclass(frozen=True, slots=True)
class Case:
    """One account and the decision that its story is about.

    `decision` is the first of the newest liquidation that was acted on, the newest of all if there was none, or
    None if nothing was ever decided; `plans_made` counts the decisions since it that found the account liquidatable.
    `intents` and `attestations` are those since then, oldest first. `assets_wad` and `requirement_wad` are the
    two sides of the health that is told, at mid prices; `legs` are as they were at that moment.
    """

    verdict: Verdict
    mode: str
    account: Row
    decision: Row | None
    plans_made: int
    prices: Row | None
    legs: list[Row]
    intents: list[Row]
    attestations: list[Row]
    notices: list[Row]
    settlements: list[Row]
    claims: list[Row]
    assets_wad: int
    requirement_wad: int

    @property
    def figures(self) -> Row:
        """The row whose health, surplus and cut are told: the decision's if it was a liquidation, else the newest."""
        if self.decision is not None and self.verdict in TELLS_A_LIQUIDATION:
            return self.decision
        return self.account

    @property
    def assets(self) -> set[str]:
        """The assets whose prices matter to the account and to what was planned for it."""
        assets = {step["asset"] for step in self.steps}
        for leg in self.legs:
            for kind in ("collateral", "positions", "options"):
                # A decision of an earlier version knew of no options.
                assets |= {item["asset"] for item in leg.get(kind, ())}
            if leg["debt"]:
                assets.add(leg["debt"]["asset"])
        return assets

    @property
    def steps(self) -> list[Row]:
        """The steps of the plan, in order; empty without a plan."""
        plan = None if self.decision is None else self.decision["plan"]
        steps: list[Row] = [] if plan is None else plan["steps"]
        return steps

    @property
    def mined(self) -> list[tuple[Row, Row]]:
        """The intents that were mined with success, each with its canonical receipt."""
        return [
            (intent, receipt)
            for intent in self.intents
            for receipt in intent["receipts"]
            if receipt["canonical"] and receipt["status"] == 1 and intent["state"] != "final_cancelled"
        ]


def read_case(log: LogReader, account: str) -> Case | None:
    """Read the case of the account whose id starts with `account`, None if there is no such one account."""
    known = log.explain(account)
    if known is None:
        return None
    row = known["account"]
    episode = _episode(known["decisions"])
    since = episode[0] if episode else {"seq": 0, "at_ms": 0}
    intents = [
        intent
        for intent in reversed(known["intents"])
        if intent["created_seq"] >= since["seq"] and intent["action"] not in _NO_STEPS
    ]
    attestations = [
        asked for asked in reversed(known["attestations"]) if asked["asked_at_ms"] >= since["at_ms"]
    ]
    verdict = _verdict(row, episode, intents)
    told, plans_made = _told(log, episode, intents, verdict)
    about_decision = told if verdict in TELLS_A_LIQUIDATION else None
    health = {} if about_decision is None else json.loads(about_decision["result"])["health"]
    return Case(
        verdict=verdict,
        mode=log.status()["mode"],
        account=row,
        decision=told,
        plans_made=plans_made,
        prices=log.prices((about_decision or row)["price_set"]) or known["prices"],
        legs=row["legs"]
        if about_decision is None
        else json.loads(about_decision["inputs"])["account"]["legs"],
        intents=intents,
        attestations=attestations,
        notices=known["notices"],
        settlements=known["settlements"],
        claims=known["claims"],
        assets_wad=int(health.get("assets_mid", row["assets_mid_wad"])),
        requirement_wad=int(health.get("requirement_mid", row["requirement_mid_wad"])),
    )


def _told(log: LogReader, episode: list[Row], intents: list[Row], verdict: Verdict) -> tuple[Row | None, int]:
    """Return the decision to tell, and how many from it on found the account liquidatable.

    That is the first that was acted on; or the newest, where nothing was.
    """
    if not episode:
        return None, 0
    ids = [row["decision_id"] for row in episode]
    if verdict not in {Verdict.LIQUIDATED, Verdict.BEING_LIQUIDATED}:
        return log.decision(ids[-1]), len(ids)
    acted = next((intent["decision_id"] for intent in intents if intent["nonce"] is not None), ids[0])
    first = ids.index(acted) if acted in ids else 0
    return log.decision(ids[first]), len(ids) - first


def _episode(decisions: list[Row]) -> list[Row]:
    """Return the decisions of the newest time the account was liquidatable, oldest first; or else the newest one."""
    newest = next((number for number, row in enumerate(decisions) if row["state"] in _LIQUIDATABLE), None)
    if newest is None:
        return decisions[:1]
    together = itertools.takewhile(lambda row: row["state"] in _LIQUIDATABLE, decisions[newest:])
    return list(together)[::-1]


def _verdict(account: Row, episode: list[Row], intents: list[Row]) -> Verdict:
    if episode and episode[-1]["state"] in _LIQUIDATABLE:
        signed = [intent for intent in intents if intent["nonce"] is not None]
        if any(intent["state"] in {"mined", "final_ok"} for intent in signed):
            return Verdict.LIQUIDATED
        if any(not intent["state"].startswith("final") for intent in signed):
            return Verdict.BEING_LIQUIDATED
        if account["state"] in _LIQUIDATABLE:
            return Verdict.NOT_YET
    return Verdict.HELD if account["state"] == "unknown" else Verdict.NOT_LIQUIDATED
