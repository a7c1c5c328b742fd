"""What if: which accounts would be liquidated after a move of prices, by the exact evaluation.

Floats only pass over accounts that are clearly well; what is left is decided as the daemon would decide it, on prices
moved as whole intervals and on legs as last read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from config.units import BPS
from keeper.domain.account import Account
from keeper.domain.health import AccountState, UnifiedHealth
from keeper.margin.health import evaluate
from keeper.margin.states import ACTIONABLE, next_state
from keeper.risk.arrays import Floats
from keeper.risk.exposures import Exposures
from keeper.risk.watched import Watched
from oracles.price import Price

ROOM_USD = 1e-3
"""What a float may err by: accounts this near to zero are evaluated exactly."""


@dataclass(frozen=True, slots=True)
class Shock:
    """Moves of prices that happen together, basis points by asset: -2000 is a fall by a fifth."""

    name: str
    moves_bps: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Struck:
    """What a shock does: the accounts in each state that is not well, and sums over those liquidatable, USD wad.

    `shortfall_wad` is how far they are below their requirement, `debts_wad` what is uncovered in those bankrupt.
    """

    shock: Shock
    liquidatable: tuple[str, ...]
    bankrupt: tuple[str, ...]
    at_risk: tuple[str, ...]
    requirement_wad: int
    shortfall_wad: int
    bad_debt_wad: int


def shocks(
    assets: Sequence[str], groups: Mapping[str, Sequence[str]], steps_bps: Sequence[int]
) -> list[Shock]:
    """Return a shock for each asset alone and each group together, at every step."""
    together = {**{asset: (asset,) for asset in assets}, **groups}
    return [
        Shock(name, dict.fromkeys(members, step)) for name, members in together.items() for step in steps_bps
    ]


def moved(prices: Mapping[str, Price], moves_bps: Mapping[str, int]) -> dict[str, Price]:
    """Return prices after a move, intervals and all. A price never falls below one wad."""
    return {asset: _moved(price, moves_bps.get(asset, 0)) for asset, price in prices.items()}


def strike(watched: Watched, exposures: Exposures, shock: Shock) -> Struck:
    """Return what a shock does to the accounts, which `exposures` are of (without tables)."""
    prices = moved(watched.prices, shock.moves_bps)
    after = replace(watched, prices=prices)
    found: list[tuple[str, AccountState]] = []
    requirement_wad = shortfall_wad = bad_debt_wad = 0
    for row in short(exposures, after.mids(exposures.assets)):
        account = watched.accounts[row]
        state, health = standing(account, after)
        found.append((account.account_id, state))
        if state in ACTIONABLE:
            requirement_wad += health.requirement_mid
            shortfall_wad += max(-health.surplus.mid, 0)
            bad_debt_wad += max(-health.equity.mid, 0)
    return Struck(
        shock,
        tuple(each for each, state in found if state in ACTIONABLE),
        tuple(each for each, state in found if state is AccountState.BANKRUPT),
        tuple(each for each, state in found if state is AccountState.AT_RISK),
        requirement_wad,
        shortfall_wad,
        bad_debt_wad,
    )


def short(exposures: Exposures, prices: Floats) -> list[int]:
    """Return the rows whose surplus may be below zero at mid prices: no other account may be liquidated.

    A high end is never below the middle, so an account that is well there is well for certain. `exposures` are
    without tables: of an account that would need one nothing is known before it is evaluated exactly.
    """
    used = np.nan_to_num(prices, nan=0.0)
    below = exposures.surplus(used[None, None])[:, 0] < ROOM_USD
    return [int(row) for row in np.flatnonzero(below | exposures.opaque)]


def standing(account: Account, watched: Watched) -> tuple[AccountState, UnifiedHealth]:
    """Return the state an account would be in, and its exact figures."""
    health = evaluate(account, watched.prices, watched.cut, watched.policy)
    return next_state(None, health, watched.policy), health


def _moved(price: Price, move_bps: int) -> Price:
    if not move_bps or price.low_wad is None or price.mid_wad is None or price.high_wad is None:
        return price
    factor = max(BPS + move_bps, 0)
    low, mid, high = (max(end * factor // BPS, 1) for end in (price.low_wad, price.mid_wad, price.high_wad))
    return replace(price, low_wad=low, mid_wad=mid, high_wad=high)
