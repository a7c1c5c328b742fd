"""Readiness of one borrower: what would be sent at the price that calls for it, and what its simulation means.

Only the borrower's collateral is taken to fall, against everything else. A swap is simulated at the price that its
pool has today, so what it takes of the collateral is scaled to the price of then. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chains.errors import Reverted
from chains.venues.executor.codec import NO_POOL, execute_call
from chains.venues.rehearsal import Pretended, RehearsableVenue, trigger_bps
from chains.venues.venue import NO_DEBT_HEALTH, Blocked, Borrower, Liquidation
from chains.venues.words import revert_text
from config.units import BPS
from keeper.venues.inputs import Means, Token
from keeper.venues.ways import Way, ways

_EXECUTOR_SAYS = {
    "owner": "the executor belongs to somebody else",
    "funds": "the signer's tokens do not reach the executor",
    "depth": "the pool does not have that much",
    "profit": "the swap takes more than is seized",
}


@dataclass(frozen=True, slots=True)
class Site:
    """A venue as of one block, and what there is there to pay with. `sender` owns the executor."""

    chain: str
    name: str
    venue: RehearsableVenue[Any]
    state: Any
    block_hash: str
    now_s: int
    deadline_s: int
    sender: str
    means: Means | None
    tokens: Mapping[str, Token]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to pay, as a call to be simulated."""

    way: Way
    call: Pretended


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A borrower, what would be sent at `share_bps` of its collateral's prices, and in which ways.

    `share_bps` is None if no fall calls for it. `obstacle` is what would be in the way of all ways, else "".
    """

    site: Site
    borrower: Borrower
    health_wad: int | None
    share_bps: int | None
    planned: Liquidation | None
    attempts: tuple[Attempt, ...]
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one way came to: the collateral that would be left, raw units, or why it fails."""

    pool: str
    kept: int
    failure: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a borrower could be liquidated at the price that calls for it, and if not, why."""

    rehearsed: Rehearsed
    outcomes: tuple[Outcome, ...]

    @property
    def best(self) -> Outcome | None:
        """The way that leaves most."""
        good = [each for each in self.outcomes if not each.failure]
        return max(good, key=lambda each: each.kept, default=None)

    @property
    def ready(self) -> bool:
        """Whether there is nothing to be done, or it could be done."""
        untouched = self.rehearsed.share_bps is None and not self.rehearsed.obstacle
        return untouched or self.best is not None

    @property
    def why_not(self) -> str:
        """What stands in the way, "" if nothing does."""
        if self.ready:
            return ""
        failures = dict.fromkeys(each.failure for each in self.outcomes)
        return self.rehearsed.obstacle or "; ".join(failures)


def at_risk(site: Site, borrowers: Sequence[Borrower], below_wad: int) -> list[Borrower]:
    """Return those who owe something and whose health is below this, or can not be told; the worst first."""
    found = []
    for borrower in borrowers:
        health_wad = site.venue.health(site.state, borrower, site.now_s).health_wad
        if health_wad is None or health_wad < min(below_wad, NO_DEBT_HEALTH):
            found.append((-1 if health_wad is None else health_wad, borrower))
    return [borrower for _, borrower in sorted(found)]


def rehearse(site: Site, borrower: Borrower) -> Rehearsed:
    """Return what would be sent for this borrower, and what would have to be simulated."""
    health = site.venue.health(site.state, borrower, site.now_s)
    if health.health_wad is None:
        told = f"the venue can not tell its health: {health.obstacle}"
        return Rehearsed(site, borrower, None, None, None, (), told)
    share_bps = trigger_bps(site.venue, site.state, borrower, site.now_s)
    if share_bps is None:
        return Rehearsed(site, borrower, health.health_wad, None, None, ())
    fallen = site.venue.with_collateral_at(site.state, borrower, share_bps)
    planned = site.venue.best(fallen, borrower, site.now_s)
    if isinstance(planned, Blocked):
        token = site.tokens.get(planned.asset or "")
        where = token.asset if token is not None else planned.asset
        told = f"{planned.obstacle}: {where}" if where else str(planned.obstacle)
        return Rehearsed(site, borrower, health.health_wad, share_bps, None, (), told)
    attempts = tuple(_attempts(site, fallen, borrower))
    obstacle = _obstacle(site, planned, attempts)
    return Rehearsed(site, borrower, health.health_wad, share_bps, planned, attempts, obstacle)


def conclude(rehearsed: Rehearsed, answers: Sequence[bytes | Reverted]) -> Readiness:
    """Return what the simulations of its attempts, in their order, come to."""
    pairs = zip(rehearsed.attempts, answers, strict=True)
    return Readiness(rehearsed, tuple(_outcome(rehearsed, each.way, answer) for each, answer in pairs))


def _attempts(site: Site, fallen: object, borrower: Borrower) -> list[Attempt]:
    if site.means is None:
        return []
    codes = site.venue.pretended_prices(fallen)
    found = []
    for way in ways(site.venue, fallen, borrower, site.means, site.now_s, site.deadline_s):
        execution = way.execution(site.venue.call(way.liquidation), 0, site.deadline_s)
        data = execute_call(execution)
        found.append(Attempt(way, Pretended(site.sender, site.means.executor, data, codes)))
    return found


def _obstacle(site: Site, planned: Liquidation, attempts: tuple[Attempt, ...]) -> str:
    if site.means is None:
        return "no executor is configured on this chain"
    for token in (planned.debt_asset, planned.collateral_asset):
        if token not in site.tokens:
            return f"nothing says what {token} stands for"
    if not attempts:
        debt, collateral = (
            site.tokens[each].asset for each in (planned.debt_asset, planned.collateral_asset)
        )
        return f"nothing to pay with: no {debt} in inventory, no pool of {debt} and {collateral}"
    return ""


def _outcome(rehearsed: Rehearsed, way: Way, answer: bytes | Reverted) -> Outcome:
    if isinstance(answer, Reverted):
        text = revert_text(answer.data)
        reason = rehearsed.site.venue.refusal(answer.data) or _EXECUTOR_SAYS.get(text) or text or str(answer)
        return Outcome(way.pool, 0, f"{_by(way)}: {reason}")
    kept = int.from_bytes(answer[:32])
    if way.pool != NO_POOL and rehearsed.share_bps:
        taken = -(-(way.liquidation.seize - kept) * BPS // rehearsed.share_bps)
        kept = way.liquidation.seize - taken
        if kept <= 0:
            return Outcome(way.pool, 0, f"{_by(way)}: {_EXECUTOR_SAYS['profit']}")
    return Outcome(way.pool, kept, "")


def _by(way: Way) -> str:
    return "with inventory" if way.pool == NO_POOL else f"by the pool {way.pool[:10]}"
