"""What the log knows of the book, for questions about the future: accounts, prices, policy, hubs, past prices.

Policy and hubs are those of the newest decisions, which carry all they were made from; so no configuration is needed,
and what is asked is asked of the rules that decided.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from keeper.domain.account import (
    Account,
    Collateral,
    CutPoint,
    Debt,
    Leg,
    OptionPosition,
    PendingClaim,
    Position,
)
from keeper.margin.curves import missing_parameters
from keeper.margin.evidence import assets_of, boxes
from keeper.margin.parameters import RiskPolicy
from keeper.planner.codec import decode
from keeper.planner.facts import VenueFacts
from keeper.risk.history import PastPrice
from keeper.risk.watched import Watched
from keeper.state.reader import LogReader, Row
from oracles.price import Price, PriceStatus

_DECISIONS_LOOKED_AT = 50
_CUTS_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Book:
    """Everything a question about the future starts from.

    `left_out` are accounts that can not be valued now, each with the reason. `settings` is the
    configuration that the newest run used, as it was logged; `via` names the asset that another is priced in.
    """

    watched: Watched
    left_out: Mapping[str, str]
    facts: Mapping[str, VenueFacts]
    settings: Mapping[str, Any]
    via: Mapping[str, str]
    price_set: str
    as_of_ms: int


def read_book(log: LogReader) -> Book | None:
    """Return the book as the log has it, None while there is no price or no decision yet.

    Raises ``ValueError`` (`keeper.planner.codec.Undecodable`) for a log whose decisions are another version's.
    """
    with log.snapshot():
        newest = log.prices()
        policy, facts = _rules(log)
        if newest is None or policy is None:
            return None
        prices = {row["asset"]: _price(row) for row in newest["prices"]}
        accounts, left_out = _valued(_accounts(log), prices, policy)
        return Book(
            watched=Watched(accounts, prices, _cut(log), policy),
            left_out=left_out,
            facts=facts,
            settings=_settings(log),
            via={row["asset"]: row["via_asset"] for row in newest["prices"] if row["via_asset"]},
            price_set=newest["price_set"],
            as_of_ms=newest["as_of_ms"],
        )


def past_prices(log: LogReader, step_ms: int, since_ms: int) -> list[PastPrice]:
    """Return the last mid price of each asset in every slot of `step_ms` since then, oldest first."""
    rows = log.select(
        "SELECT asset, as_of_ms / ? AS slot, mid_wad, max(as_of_ms) FROM prices "
        "JOIN price_sets ON price_sets.price_set = prices.price_set "
        "WHERE as_of_ms >= ? AND mid_wad IS NOT NULL GROUP BY asset, slot ORDER BY slot",
        (step_ms, since_ms),
    )
    return [PastPrice(row["asset"], row["slot"], row["mid_wad"]) for row in rows]


def _rules(log: LogReader) -> tuple[RiskPolicy | None, dict[str, VenueFacts]]:
    """Return the newest decision's policy, and of every hub the newest facts that any decision was given."""
    rows = log.select(
        "SELECT json_extract(body, '$.inputs') AS inputs FROM journal WHERE seq IN "
        "(SELECT seq FROM decisions ORDER BY seq DESC LIMIT ?) ORDER BY seq DESC",
        (_DECISIONS_LOOKED_AT,),
    )
    policy: RiskPolicy | None = None
    facts: dict[str, VenueFacts] = {}
    for row in rows:
        inputs = json.loads(row["inputs"])
        if policy is None:
            policy = decode(RiskPolicy, inputs["policy"])
        for chain, its in inputs["facts"].items():
            if chain not in facts:
                facts[chain] = decode(VenueFacts, its)
        if facts.keys() >= policy.chains.keys():
            break
    return policy, facts


def _accounts(log: LogReader) -> Iterator[Account]:
    owners = log.select("SELECT account_id, owner, subaccount FROM accounts ORDER BY account_id")
    legs: dict[str, list[Leg]] = {}
    for row in log.select("SELECT * FROM legs ORDER BY account_id, chain"):
        legs.setdefault(row["account_id"], []).append(_leg(row))
    for row in owners:
        its = tuple(legs.get(row["account_id"], ()))
        yield Account(row["account_id"], row["owner"], int(row["subaccount"]), its)


def _leg(row: Row) -> Leg:
    options = row.get("options") or ()
    return Leg(
        chain=row["chain"],
        version=row["version"],
        cross_margin=bool(row["cross_margin"]),
        collateral=tuple(decode(Collateral, its) for its in row["collateral"]),
        debt=None if row["debt"] is None else decode(Debt, row["debt"]),
        positions=tuple(decode(Position, its) for its in row["positions"]),
        claims=tuple(decode(PendingClaim, its) for its in row["claims"]),
        options=tuple(decode(OptionPosition, its) for its in options),
    )


def _valued(
    accounts: Iterator[Account], prices: Mapping[str, Price], policy: RiskPolicy
) -> tuple[tuple[Account, ...], dict[str, str]]:
    valued: list[Account] = []
    left_out: dict[str, str] = {}
    for account in accounts:
        reasons = [*missing_parameters(account, policy)] or boxes(assets_of(account, policy), prices)[1]
        if reasons:
            left_out[account.account_id] = "; ".join(reasons)
        elif any(not leg.is_empty for leg in account.legs):
            valued.append(account)
    return tuple(valued), left_out


def _cut(log: LogReader) -> tuple[CutPoint, ...]:
    """Return every chain's newest head, as if it had just come."""
    rows = log.select(
        "SELECT chain, head_number, head_hash, head_timestamp_s FROM chain_status ORDER BY chain"
    )
    points = {
        row["chain"]: CutPoint(row["chain"], row["head_number"], row["head_hash"], row["head_timestamp_s"], 0)
        for row in rows
    }
    for row in log.select("SELECT cut FROM health ORDER BY at_ms DESC LIMIT ?", (_CUTS_LOOKED_AT,)):
        for its in row["cut"]:
            point = replace(decode(CutPoint, its), age_ms=0)
            if point.chain not in points or points[point.chain].number < point.number:
                points[point.chain] = point
    return tuple(points[chain] for chain in sorted(points))


def _price(row: Row) -> Price:
    return Price(
        row["asset"],
        PriceStatus(row["status"]),
        row["reason"],
        row["low_wad"],
        row["mid_wad"],
        row["high_wad"],
        row["oldest_ms"],
        (),
    )


def _settings(log: LogReader) -> Mapping[str, Any]:
    row = log.one("SELECT text FROM configs ORDER BY first_used_at_ms DESC, rowid DESC LIMIT 1")
    values = json.loads(row["text"]) if row is not None else {}
    return values if isinstance(values, dict) else {}
