"""Accounts on which a hub's own price and the reference would decide differently.

They are counted while an asset is held, for the log and for people: how many would be liquidated at the hub's
price although they are not in need (the hub is mispriced), and how many are in need although the hub would refuse
(its price is late, capped or hard-wired). Nothing is decided by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from keeper.domain.account import CutPoint
from keeper.domain.health import AccountState
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy
from keeper.margin.states import ACTIONABLE, may_be_liquidated
from keeper.watch.evidence import Evidence
from oracles.guards.guards import Guards, Tally
from oracles.policy import Reading, Tier, reading
from oracles.price import Price, PriceStatus

MOST_EVALUATED = 200
"""Accounts evaluated per count. Beyond it the count says "at least"."""
EVERY_MS = 5_000
"""How old a count may be: prices move many times a second, and a person reads it."""


Named: TypeAlias = Callable[[Mapping[str, Price], Sequence[CutPoint]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Count:
    """Accounts of one asset on one chain, by what is in question. `more`: there may be others."""

    mispriced: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    more: bool = False

    def __str__(self) -> str:
        least = "at least " if self.more else ""
        return (
            f"{least}{len(self.mispriced)} accounts would be liquidated at the hub's price only, "
            f"{least}{len(self.late)} at the reference only"
        )


class Mispriced:
    """Counts again when asked, but not more often than people can read.

    `named` says whose state other prices would change. `guards` gives those in force, to count for them.
    """

    def __init__(
        self, policy: RiskPolicy, evidence: Evidence, named: Named, guards: Callable[[], Guards] | None = None
    ) -> None:
        self._guards = guards
        self._policy = policy
        self._evidence = evidence
        self._named = named
        self._counts: dict[tuple[str, str], tuple[int, Count]] = {}

    def counts(
        self, states: Mapping[str, AccountState], cut: Sequence[CutPoint], now_ms: int
    ) -> Mapping[tuple[str, str], Count]:
        """Return the count of each (chain, asset) that is held for its price, or whose reference a guard took."""
        wanted = self._wanted()
        self._counts = {key: found for key, found in self._counts.items() if key in wanted}
        for key, own_wad in wanted.items():
            known = self._counts.get(key)
            if known is None or not 0 <= now_ms - known[0] < EVERY_MS:
                count = self._count(key[1], own_wad, states, cut)
                if self._guards is not None and known is None:
                    self._guards().held_back(key[1], len(count.mispriced))
                self._counts[key] = (now_ms, count)
        return {key: count for key, (_, count) in self._counts.items()}

    @property
    def tallies(self) -> Mapping[tuple[str, str], Tally]:
        """What the guards in force have held back since the process began, by (asset, guard)."""
        return {} if self._guards is None else self._guards().tallies

    def _wanted(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for chain, prices_wad in self._evidence.hub_prices.items():
            for asset, own_wad in prices_wad.items():
                outcome = self._evidence.outcomes.get((chain, asset))
                price = self._evidence.prices.prices.get(asset)
                guarded = price is not None and price.mid_wad is None and bool(price.holds)
                if guarded or (outcome is not None and outcome.tier is Tier.HOLD_ASSET):
                    found[chain, asset] = own_wad
        return found

    def _count(
        self, asset: str, own_wad: int, states: Mapping[str, AccountState], cut: Sequence[CutPoint]
    ) -> Count:
        prices = {**self._evidence.prices.prices, asset: _exactly(asset, own_wad)}
        # Who is in need by R is noted; the scan names every account whose state P would change.
        named = self._named(prices, cut)
        found: dict[Reading, list[str]] = {Reading.MISPRICED: [], Reading.LATE: []}
        for account_id in named[:MOST_EVALUATED]:
            account = self._evidence.book.account(account_id)
            if account is not None:
                by_protocol = may_be_liquidated(evaluate(account, prices, cut, self._policy), self._policy)
                by_reference = states.get(account_id) in ACTIONABLE
                read = reading(unhealthy_by_protocol=by_protocol, unhealthy_by_reference=by_reference)
                found.setdefault(read, []).append(account_id)
        return Count(
            tuple(found[Reading.MISPRICED]), tuple(found[Reading.LATE]), more=len(named) > MOST_EVALUATED
        )


def _exactly(asset: str, value_wad: int) -> Price:
    """Return P as a price that leaves nothing open."""
    return replace(
        Price(asset, PriceStatus.OK, "", None, None, None, None, ()),
        low_wad=value_wad,
        mid_wad=value_wad,
        high_wad=value_wad,
    )
