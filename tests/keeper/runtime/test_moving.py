"""Multipliers of a running process: measured, written down, then used; kept over a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.units import WAD
from keeper.margin.moving_bounds import MovingBounds
from keeper.runtime.moving import Moving
from keeper.state.errors import LogUnavailable
from keeper.state.log import StateLog
from keeper.state.reader import LogReader
from oracles.price import PriceSet
from tests.keeper.margin.builders import POLICY, prices
from tests.keeper.risk.worlds import borrower

BOUNDS = MovingBounds(30_000, 6_000, 600, 10, {"ETH": 5_000}, {"ETH": WAD}, {"ETH-PERP": 20_000})
MOVING = replace(POLICY, moving=BOUNDS)
HOUR_MS = 3_600_000


class Estimated:
    """Estimates as told."""

    def __init__(self, volatility_wad: int, samples: int = 100) -> None:
        self.volatility_wad, self.samples = volatility_wad, samples

    def volatility(self, asset: str) -> Any:
        return SimpleNamespace(annualised_wad=self.volatility_wad, samples=self.samples)

    def depth(self, asset: str) -> Any:
        return SimpleNamespace(depth_wad=None)


class Clock:
    def __init__(self) -> None:
        self.at_ms = HOUR_MS

    def __call__(self) -> int:
        return self.at_ms


def evidence(estimated: Estimated) -> Any:
    book = SimpleNamespace(accounts=lambda: iter([borrower(1.2)]))
    return SimpleNamespace(book=book, prices=PriceSet("0x", 0, prices()), estimates=estimated)


def settings() -> Any:
    section = SimpleNamespace(estimates=SimpleNamespace(depth=None))
    return SimpleNamespace(assets=dict.fromkeys(POLICY.assets, section))


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Any]:
    def opened(clock: Clock) -> Any:
        return StateLog.open(tmp_path / "keeper.db", "live", clock)

    return opened


async def test_a_wild_market_tightens_new_risk_and_says_so(start: Callable[..., Any]) -> None:
    clock = Clock()
    async with start(clock) as log:
        moving = Moving(settings(), MOVING, evidence(Estimated(2 * WAD)), log, clock)
        assert MOVING == moving.policy()
        clock.at_ms += HOUR_MS

        await moving.look()

        assert 6_800 == moving.policy().assets["ETH"].initial_collateral_weight_bps
        with LogReader(log.path) as reader:
            told = reader.select("SELECT * FROM parameter_history ORDER BY number")
            now = reader.select("SELECT * FROM multipliers")
    assert ("assets.ETH.initial_collateral_weight_bps", 8_000, 6_800, "volatility") == (
        told[0]["name"],
        told[0]["before_bps"],
        told[0]["after_bps"],
        told[0]["why"],
    )
    assert 4 == len(told)
    assert [("ETH", 16_000)] == [(row["asset"], row["multiplier_bps"]) for row in now]


async def test_a_restart_loosens_nothing(start: Callable[..., Any]) -> None:
    clock = Clock()
    async with start(clock) as log:
        moving = Moving(settings(), MOVING, evidence(Estimated(2 * WAD)), log, clock)
        clock.at_ms += HOUR_MS
        await moving.look()
        tight = moving.policy()

    async with start(clock) as log:
        assert tight == Moving(settings(), MOVING, evidence(Estimated(WAD)), log, clock).policy()
        assert POLICY == Moving(settings(), POLICY, evidence(Estimated(WAD)), log, clock).policy()


async def test_few_samples_and_calm_markets_move_nothing(start: Callable[..., Any]) -> None:
    clock = Clock()
    async with start(clock) as log:
        for estimated in (Estimated(4 * WAD, samples=3), Estimated(WAD)):
            moving = Moving(settings(), MOVING, evidence(estimated), log, clock)
            clock.at_ms += HOUR_MS
            await moving.look()
            assert MOVING == moving.policy()


async def test_what_can_not_be_written_down_is_not_used(start: Callable[..., Any]) -> None:
    clock = Clock()
    async with start(clock) as log:
        moving = Moving(settings(), MOVING, evidence(Estimated(2 * WAD)), log, clock)
        clock.at_ms += HOUR_MS

        async def refuse(*_entries: object) -> None:
            raise LogUnavailable("disk full")

        log.write = refuse
        with pytest.raises(LogUnavailable):
            await moving.look()
        assert MOVING == moving.policy()
