"""What a step stands on: an account, the pools' cash, and the prices the hubs will use.

And the way amounts of a leg are changed, so that the result is what the book would say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from keeper.domain.account import Account, Collateral, Debt, Leg, Position
from keeper.planner.facts import MarketFacts, TokenFacts, VenueFacts


@dataclass(frozen=True, slots=True)
class Prices:
    """The price each hub is expected to use: its own where it was read, else the middle of the reference price.

    An option is traded at what a quorum attests: `options_wad` are marks by series, USD wad for one contract.
    """

    mids_wad: Mapping[str, int]
    facts: Mapping[str, VenueFacts]
    options_wad: Mapping[str, int] = field(default_factory=dict)

    def known(self, chain: str, asset: str) -> bool:
        """Whether there is a price of `asset` on `chain`."""
        return asset in self.mids_wad or asset in self.facts[chain].hub_prices_wad

    def option(self, series: str) -> int | None:
        """Return the mark of an option, USD wad, None if it has none."""
        return self.options_wad.get(series)

    def at(self, chain: str, asset: str) -> int:
        """Return the price of `asset` on `chain`, USD wad. Raises ``KeyError`` if there is none."""
        own = self.facts[chain].hub_prices_wad.get(asset)
        return self.mids_wad[asset] if own is None else own


@dataclass(frozen=True, slots=True)
class Ground:
    """An account and the raw cash of each chain's pool, before or after a step."""

    account: Account
    pool_cash: Mapping[str, int]

    def leg(self, chain: str) -> Leg | None:
        """Return the account's leg on `chain`."""
        return next((leg for leg in self.account.legs if leg.chain == chain), None)

    def with_leg(self, leg: Leg, pool_cash: int | None = None) -> Ground:
        """Return the ground with this leg (and this much cash in its chain's pool) in place of what was there."""
        others = [its for its in self.account.legs if its.chain != leg.chain]
        legs = tuple(sorted([*others, leg], key=lambda its: its.chain))
        cash = self.pool_cash if pool_cash is None else {**self.pool_cash, leg.chain: pool_cash}
        return Ground(replace(self.account, legs=legs), cash)


def balance_of(leg: Leg, token: TokenFacts) -> int:
    """Return the raw amount of `token` in the leg."""
    return sum(held.amount for held in leg.collateral if held.token == token.token)


def debt_of(leg: Leg) -> int:
    """Return the raw stable owed."""
    return leg.debt.amount if leg.debt is not None else 0


def position_of(leg: Leg, market: MarketFacts) -> Position | None:
    """Return the position in `market`."""
    return next((position for position in leg.positions if position.hub_id == market.hub_id), None)


def with_balance(leg: Leg, token: TokenFacts, amount: int) -> Leg:
    """Return the leg with `amount` of `token`."""
    others = [held for held in leg.collateral if held.token != token.token]
    if amount:
        others.append(Collateral(token.token, token.asset, token.decimals, amount))
    return replace(leg, collateral=tuple(sorted(others, key=lambda held: held.token)))


def with_debt(leg: Leg, stable: TokenFacts, amount: int) -> Leg:
    """Return the leg owing `amount`."""
    return replace(leg, debt=Debt(stable.asset, stable.decimals, amount) if amount else None)


def with_position(leg: Leg, market: MarketFacts, size_wad: int, entry_price_wad: int) -> Leg:
    """Return the leg with this position in `market`."""
    others = [position for position in leg.positions if position.hub_id != market.hub_id]
    if size_wad:
        others.append(Position(market.market, market.hub_id, market.asset, size_wad, entry_price_wad))
    return replace(leg, positions=tuple(sorted(others, key=lambda position: position.hub_id)))
