"""All that is known about one account's liquidation, or about why there was none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keeper.state.reader import LogReader, Row

_LIQUIDATABLE = ("liquidatable", "bankrupt")


class Verdict(StrEnum):
    """What became of the account, in one word."""

    LIQUIDATED = "liquidated"
    BEING_LIQUIDATED = "being_liquidated"
    NOT_YET = "not_yet"
    HELD = "held"
    NOT_LIQUIDATED = "not_liquidated"


@dataclass(frozen=True, slots=True)
class Case:
    """One account and the decision that its story is about.

    `decision` is the newest one that found the account liquidatable, or else the newest of all; None if the
    account was never decided about. `intents` and `attestations` are those since that decision, oldest first.
    `assets_wad` and `requirement_wad` are the two sides of the health told, at mid prices.
    """

    verdict: Verdict
    account: Row
    decision: Row | None
    prices: Row | None
    legs: list[Row]
    intents: list[Row]
    attestations: list[Row]
    notices: list[Row]
    claims: list[Row]
    assets_wad: int | None
    requirement_wad: int | None

    @property
    def figures(self) -> Row:
        """The row whose health, surplus and cut are told: the decision's if it was a liquidation, else the newest."""
        if self.decision is not None and self.verdict in {
            Verdict.LIQUIDATED,
            Verdict.BEING_LIQUIDATED,
            Verdict.NOT_YET,
        }:
            return self.decision
        return self.account

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
    told = _told(log, known["decisions"])
    since_seq = 0 if told is None else told["seq"]
    since_ms = 0 if told is None else told["at_ms"]
    intents = [intent for intent in reversed(known["intents"]) if intent["created_seq"] >= since_seq]
    attestations = [asked for asked in reversed(known["attestations"]) if asked["asked_at_ms"] >= since_ms]
    verdict = _verdict(row, told, intents)
    liquidation = verdict in {Verdict.LIQUIDATED, Verdict.BEING_LIQUIDATED, Verdict.NOT_YET}
    price_set = told["price_set"] if told is not None and liquidation else row["price_set"]
    before = _inputs(told) if liquidation else {}
    return Case(
        verdict=verdict,
        account=row,
        decision=told,
        prices=log.prices(price_set) or known["prices"],
        legs=_legs(before) or row["legs"],
        intents=intents,
        attestations=attestations,
        notices=known["notices"],
        claims=known["claims"],
        assets_wad=None if liquidation else row["assets_mid_wad"],
        requirement_wad=None if liquidation else row["requirement_mid_wad"],
    )


def _told(log: LogReader, decisions: list[Row]) -> Row | None:
    if not decisions:
        return None
    chosen = next((row for row in decisions if row["state"] in _LIQUIDATABLE), decisions[0])
    return log.decision(chosen["decision_id"])


def _verdict(account: Row, told: Row | None, intents: list[Row]) -> Verdict:
    if told is not None and told["state"] in _LIQUIDATABLE:
        signed = [intent for intent in intents if intent["nonce"] is not None]
        if any(intent["state"] in {"mined", "final_ok"} for intent in signed):
            return Verdict.LIQUIDATED
        if any(not intent["state"].startswith("final") for intent in signed):
            return Verdict.BEING_LIQUIDATED
        if account["state"] in _LIQUIDATABLE:
            return Verdict.NOT_YET
    return Verdict.HELD if account["state"] == "unknown" else Verdict.NOT_LIQUIDATED


def _inputs(told: Row | None) -> Mapping[str, Any]:
    if told is None:
        return {}
    inputs = json.loads(told["inputs"])
    return inputs if isinstance(inputs, dict) else {}


def _legs(inputs: Mapping[str, Any]) -> list[Row]:
    account = inputs.get("account")
    return list(account.get("legs", ())) if isinstance(account, dict) else []
