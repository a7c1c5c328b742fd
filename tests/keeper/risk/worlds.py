"""Worlds with known dynamics, and books of accounts in them."""

from __future__ import annotations

import random

import numpy as np

from config.units import WAD
from keeper.domain.account import Account
from keeper.risk.arrays import Floats
from keeper.risk.history import History, PastPrice
from keeper.risk.volatility import YEAR_S
from tests.keeper.margin.builders import account, leg, position

ASSETS = ("USDC", "ETH", "WBTC", "VAULT")
NOW = np.array([1.0, 2_000.0, 60_000.0, 1.1])
DAY_YEARS = 1 / 365
VOLATILITY = np.array([0.01, 0.8, 0.6, 0.02])
CORRELATION = np.array(
    [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.7, 0.0], [0.0, 0.7, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)


def spread(years: float = DAY_YEARS) -> Floats:
    """Return the covariance of logarithmic prices over a time."""
    found: Floats = CORRELATION * np.outer(VOLATILITY, VOLATILITY) * years
    return found


def walk(rng: np.random.Generator, count: int, steps: int, years: float, start: Floats = NOW) -> Floats:
    """Return geometric Brownian paths of prices by (path, moment, asset), over `years` in all."""
    step = spread(years / steps)
    moves = rng.standard_normal((count, steps, len(start))) @ np.linalg.cholesky(step).T
    logs = np.cumsum(moves - 0.5 * np.diag(step), axis=1)
    found: Floats = start * np.exp(np.concatenate([np.zeros((count, 1, len(start))), logs], axis=1))
    return found


def history_of(prices: Floats, step_s: float) -> History:
    """Return the history of one path by (moment, asset)."""
    return History.of(
        ASSETS,
        step_s,
        [
            PastPrice(asset, slot, int(value * WAD))
            for slot, row in enumerate(prices)
            for asset, value in zip(ASSETS, row, strict=True)
        ],
    )


def day_of_history(rng: np.random.Generator, step_s: float = 300.0, days: float = 7.0) -> History:
    steps = int(days * 86_400 / step_s)
    return history_of(walk(rng, 1, steps, days * 86_400 / YEAR_S)[0], step_s)


def borrower(health: float, number: int = 0, units: float = 10.0) -> Account:
    """Return an account that holds ETH and owes USDC, at this health at today's prices."""
    owed = units * 2_000 * 0.825 / health
    return account(leg(tokens={"ETH": f"{units:.18f}"}, owes=f"{owed:.6f}"), account_id=f"0x{number:064x}")


def mixed(source: random.Random, number: int) -> Account:
    """Return a solvent account on two chains: some of everything, within reach of its requirement."""
    eth, btc = source.uniform(1, 20), source.uniform(0.02, 0.5)
    worth = eth * 2_000 * 0.825 + btc * 60_000 * 0.75
    size = source.choice((0.0, 0.0, -1.0, 1.0)) * source.uniform(1, 10)
    owed = worth / source.uniform(1.02, 1.35)
    positions = [position(f"{size:.18f}", "2000")] if size else []
    return account(
        leg("arbor", tokens={"ETH": f"{eth:.18f}"}, positions=positions),
        leg("basin", tokens={"WBTC": f"{btc:.8f}"}, owes=f"{owed:.6f}"),
        account_id=f"0x{number:064x}",
    )
