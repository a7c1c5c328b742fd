"""What is written to the state log of accounts at venues: verdicts, endings, and how each account stands."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from keeper.state.entries import Body, Entry, plain
from keeper.state.observations import Observation
from keeper.venues.endings import Ended
from keeper.venues.verdict import Verdict
from keeper.venues.view import VenueAccount


@dataclass(frozen=True, slots=True)
class VenueJudged(Entry):
    """A verdict on a borrower that is another than the last, or that is acted on, with its inputs and its result."""

    kind: ClassVar[str] = "venue_judged"
    verdict: Verdict

    def body(self) -> Body:
        """Return the verdict; what was found stands in the result text and as columns."""
        verdict, found = self.verdict, self.verdict.found
        return {
            "verdict_id": verdict.verdict_id,
            "chain": verdict.chain,
            "venue": verdict.venue,
            "account_id": verdict.account_id,
            "borrower": verdict.borrower.account,
            "market": verdict.borrower.market,
            "block_number": str(verdict.block_number),
            "judged_at_ms": str(verdict.at_ms),
            "reason": str(found.reason),
            "detail": found.detail,
            "health_wad": None if found.health_wad is None else str(found.health_wad),
            "collateral_value": str(found.collateral_value),
            "debt_value": str(found.debt_value),
            "plan": plain(found.plan),
            "inputs": verdict.inputs,
            "result": verdict.result,
        }


@dataclass(frozen=True, slots=True)
class VenueEnded(Entry):
    """What became of a borrower that could be liquidated."""

    kind: ClassVar[str] = "venue_ended"
    ended: Ended

    def body(self) -> Body:
        """Return the ending with its borrower's two names as columns."""
        body = plain(self.ended)
        assert isinstance(body, dict)  # noqa: S101 - a dataclass
        return body | {"borrower": self.ended.borrower.account, "market": self.ended.borrower.market}


@dataclass(frozen=True, slots=True)
class VenueAccountSeen(Observation):
    """How a borrower stands at its venue."""

    kind: ClassVar[str] = "venue_account_seen"
    account: VenueAccount

    def latest_key(self) -> Hashable | None:
        """Only how it stands now matters."""
        return (self.kind, self.account.chain, self.account.venue, self.account.borrower)

    def body(self) -> Body:
        """Return the account as columns; `holdings` is a list of objects."""
        account, health = self.account, self.account.health
        return {
            "chain": account.chain,
            "venue": account.venue,
            "account_id": account.account_id,
            "borrower": account.borrower.account,
            "market": account.borrower.market,
            "health_wad": None if health.health_wad is None else str(health.health_wad),
            "collateral_value": str(health.collateral_value),
            "debt_value": str(health.debt_value),
            "obstacle": None if health.obstacle is None else str(health.obstacle),
            "holdings": plain(account.holdings),
            "block_number": account.block_number,
            "block_timestamp_s": account.block_timestamp_s,
        }
