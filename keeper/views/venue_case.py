"""What is known of an account at venues, and of it over all its legs: told in sentences, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from keeper.domain.intent import position_of
from keeper.views import figures
from keeper.views.output import pick

if TYPE_CHECKING:
    from keeper.state.reader import LogReader, Row
    from keeper.venues.view import VenueAccount

Tokens: TypeAlias = Mapping[tuple[str, str], tuple[str, int]]
"""Asset and decimals of a chain's token."""

NO_POOL = "0x" + "00" * 20
_VERDICT = ("chain", "venue", "market", "at_ms", "block_number", "reason", "detail", "health_wad", "plan")
_ENDING = (
    *("chain", "venue", "market", "at_ms", "ending", "detail", "block_number", "tx_hash", "liquidator"),
    *("debt_token", "collateral_token", "repaid", "seized", "bad_debt", "expected_repaid", "expected_seized"),
)
_UNIFIED = (
    *("account_id", "owner", "state", "at_ms", "unknown_because", "cut", "venues"),
    *(f"{figure}_{end}_wad" for figure in ("health", "surplus", "equity") for end in ("low", "mid", "high")),
)
_NO_DEBT_WAD = 2**256 - 1
_EARLIER = 3


@dataclass(frozen=True, slots=True)
class VenueCase:
    """One account at venues: as it stands, what was found of it and what became of it, newest first."""

    account_id: str
    owner: str
    unified: Row | None
    legs: Sequence[VenueAccount]
    verdicts: Sequence[Row]
    endings: Sequence[Row]
    calls: Sequence[Row]
    """Calls of ours that were mined with effect: block, transaction, place and verdict."""
    tokens: Tokens


def read_venue_case(log: LogReader, start: str) -> VenueCase | None:
    """Return the case of the one account whose id begins so; None if it has nothing at venues, or is not the only one."""
    from keeper.state import venue_reader

    with log.snapshot():
        found = venue_reader.known_at_venues(log, start)
        if len(found) != 1:
            return None
        account_id = found[0]
        legs = venue_reader.at_venues(log, account_id)
        rows = venue_reader.unified(log, account_id)
        return VenueCase(
            account_id,
            legs[0].borrower.account,
            rows[0] if rows else None,
            legs,
            venue_reader.verdicts(log, account_id),
            venue_reader.endings(log, account_id),
            venue_reader.calls(log, account_id),
            _tokens(log.configuration()),
        )


def sentences(case: VenueCase) -> Iterator[str]:
    """Yield paragraphs: the account over all its legs, then each of its legs at venues."""
    if case.unified is not None:
        yield _over_all(case.unified)
    for leg in case.legs:
        yield " ".join(_leg(case, leg))


def document(case: VenueCase | None) -> dict[str, Any]:
    """Return what is known as JSON can hold it."""
    if case is None:
        return {"unified": None, "venues": []}
    return {
        "unified": None if case.unified is None else pick(case.unified, _UNIFIED),
        "venues": [
            {
                "chain": leg.chain,
                "venue": leg.venue,
                "account": leg.borrower.account,
                "market": leg.borrower.market,
                "health_wad": None if leg.health.health_wad is None else str(leg.health.health_wad),
                "obstacle": None if leg.health.obstacle is None else str(leg.health.obstacle),
                "block_number": leg.block_number,
                "verdicts": [pick(row, _VERDICT) for row in _of(case.verdicts, leg)],
                "endings": [pick(row, _ENDING) for row in _of(case.endings, leg)],
            }
            for leg in case.legs
        ],
    }


def own_health(health_wad: int | None, obstacle: str = "") -> str:
    """Return a venue's own figure as it is written."""
    if health_wad is None:
        return f"unknown ({obstacle.replace('_', ' ')})" if obstacle else "unknown"
    return "no debt" if health_wad == _NO_DEBT_WAD else figures.health(health_wad)


def _over_all(row: Row) -> str:
    chains = sorted({point["chain"] for point in row["cut"]})
    state = row["state"].replace("_", " ")
    told = f"Over all its legs, on {figures.listing(chains)}, it is {state} by our own weights"
    if row["unknown_because"]:
        return f"{told}: {'; '.join(row['unknown_because'])}."
    between = f"{figures.health(row['health_low_wad'])} .. {figures.health(row['health_high_wad'])}"
    return (
        f"{told}: health {figures.health(row['health_mid_wad'])} ({between}), surplus "
        f"{figures.usd(row['surplus_mid_wad'])} USD. That ranks and warns; what is done is decided at each place by "
        "that place's own rule."
    )


def _leg(case: VenueCase, leg: VenueAccount) -> Iterator[str]:
    obstacle = "" if leg.health.obstacle is None else str(leg.health.obstacle)
    health = own_health(leg.health.health_wad, obstacle)
    market = f", market {figures.short(leg.borrower.market)}" if leg.borrower.market else ""
    yield f"At {leg.venue} on {leg.chain}{market}: by the venue's own rule its health is {health}."
    verdicts, endings = _of(case.verdicts, leg), _of(case.endings, leg)
    done = [row for row in endings if row["ending"] == "liquidated"]
    for row in reversed(done[:_EARLIER]):
        yield _liquidated(case, row, verdicts)
    told = {row["tx_hash"] for row in done}
    key = f"venue/{leg.venue}/{leg.borrower.account}/{leg.borrower.market}"
    for call in (
        row for row in case.calls if row["chain"] == leg.chain and position_of(row["position_key"]) == key
    ):
        if call["tx_hash"] not in told:
            # The daemon was not there when the venue's event came: what it says is not in the log.
            yield f"A liquidation of ours was mined in block {call['block_number']:,} (transaction {call['tx_hash']})."
    newest = verdicts[0] if verdicts else None
    ended_at = max((row["seq"] for row in endings), default=0)
    if newest is not None and newest["reason"] != "send" and newest["seq"] > ended_at:
        yield f"Nothing is done there ({newest['reason'].replace('_', ' ')}): {newest['detail']}."
    held = next((row for row in verdicts if row["reason"] not in {"send", "healthy"}), None)
    if held is not None and held is not newest:
        yield f"Before, in block {held['block_number']:,}, it was left alone: {held['detail'] or held['reason']}."
    other = next((row for row in endings if row["ending"] not in {"liquidated", "recovered"}), None)
    if other is not None:
        yield (
            f"In block {other['block_number']:,}: {other['ending'].replace('_', ' ')} {other['detail']}".rstrip()
            + "."
        )
    if not verdicts and not endings:
        yield "It was never liquidatable there."


def _liquidated(case: VenueCase, row: Row, verdicts: Sequence[Row]) -> str:
    verdict = next((each for each in verdicts if each["verdict_id"] == row["verdict_id"]), None)
    repaid = _amount(case.tokens, row["chain"], row["debt_token"], row["repaid"])
    seized = _amount(case.tokens, row["chain"], row["collateral_token"], row["seized"])
    told = f"It was liquidated in block {row['block_number']:,}: {repaid} repaid for {seized}"
    if verdict is not None and verdict["plan"] is not None:
        way = "from inventory" if verdict["plan"]["pool"] == NO_POOL else "by a flash swap"
        health = own_health(verdict["health_wad"])
        told += f", {way}, because its health there was {health}; {verdict['detail']}"
    return f"{told} (transaction {row['tx_hash']})."


def _amount(tokens: Tokens, chain: str, token: str, raw: str) -> str:
    known = tokens.get((chain, token.lower()))
    if known is None:
        return f"{raw} of {figures.short(token)}"
    asset, decimals = known
    return f"{figures.quantity(int(raw), decimals, 4 if decimals > 6 else 2)} {asset}"


def _of(rows: Sequence[Row], leg: VenueAccount) -> list[Row]:
    place = (leg.chain, leg.venue, leg.borrower.market)
    return [row for row in rows if (row["chain"], row["venue"], row["market"]) == place]


def _tokens(configuration: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, int]]:
    return {
        (chain, token["address"].lower()): (token["asset"], int(token["decimals"]))
        for chain, its in configuration.get("chains", {}).items()
        for token in (*its.get("tokens", ()), *its.get("venue_tokens", ()))
    }
