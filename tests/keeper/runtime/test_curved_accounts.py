"""Accounts with options under the engine: a price change costs an evaluation only where a certificate was used up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from chains.hub.events import OptionSet
from chains.hub.options import market_key, series_id
from config.units import WAD
from keeper.domain.account import Account, CutPoint
from keeper.domain.health import AccountState
from keeper.margin import critical
from keeper.margin.certificates import Certificate, certificate
from keeper.margin.health import evaluate
from keeper.margin.states import next_state
from keeper.planner.decide import Assessment
from keeper.runtime.engine import Engine
from keeper.state.log import StateLog
from oracles.price import Price, PriceSet
from tests.keeper.runtime.scene import Scene
from tests.keeper.watch.world import NOW_MS, NOW_S, World, log_path, opened, price, with_options

KEY = market_key("ETH-OPTIONS")
EXPIRY_S = NOW_S + 90 * 86_400
SIZES = (2, 8, 55)
"""Contracts owed for each ten of ether: little, some, and about as many as maintenance allows."""


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[StateLog]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        yield log


def crowd(count: int) -> World:
    """Every account owes puts; one in twenty nearly as many as its collateral allows."""
    world = World(**with_options())
    events = []
    for number in range(count):
        account = f"0x{number + 1:064x}"
        size = SIZES[2] if number % 20 == 7 else SIZES[number % 2]
        strike_wad = (1_500 + 25 * (number % 10)) * WAD
        series = series_id(KEY, strike_wad, EXPIRY_S, is_call=False)
        events += opened("alpha", eth="10", account=account)
        events.append(OptionSet(account, series, KEY, False, strike_wad, EXPIRY_S, -size * WAD, 2))
    world.mine("alpha", *events)
    return world


def at(eth: str, volatility: str = "0.60") -> PriceSet:
    its = {
        "ETH": price("ETH", int(float(eth) * 1_000) * 10**15, 3),
        "USDC": price("USDC", WAD, 0),
        "ETHVOL": price("ETHVOL", int(float(volatility) * 1_000) * 10**15, 0),
    }
    return PriceSet(f"0x{eth} {volatility}", NOW_MS, its)


class Counted:
    """An engine that counts: whom it evaluates, and whose certificate a plain sum finds used up."""

    def __init__(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scene = scene
        self.engine: Engine = scene.engine
        self.evaluated: list[str] = []
        self.certificates: dict[str, Certificate | None] = {}
        monkeypatch.setattr(critical, "certificate", self._certificate)
        assess = self.engine._planning.assess

        def counted(account: Account, previous: AccountState | None, cut: Sequence[CutPoint]) -> Assessment:
            self.evaluated.append(account.account_id)
            return assess(account, previous, cut)

        monkeypatch.setattr(self.engine._planning, "assess", counted)

    def _certificate(self, account: Account, *others: object) -> Certificate | None:
        found = certificate(account, *others)  # type: ignore[arg-type]
        self.certificates[account.account_id] = found
        return found

    def used_up(self, prices: dict[str, Price]) -> set[str]:
        """Return the accounts without a certificate that holds at `prices`; time stands still here."""
        return {
            name for name, its in self.certificates.items() if its is None or spent(its, prices) >= its.slack
        }

    async def change(self, prices: PriceSet) -> tuple[set[str], list[str]]:
        """Change prices; return whose certificate that used up, and whom the engine then evaluated."""
        expected = self.used_up(dict(prices.prices))
        self.scene.world.evidence.prices = prices
        self.evaluated.clear()
        await self.engine.evaluate()
        return expected, list(self.evaluated)


def spent(its: Certificate, prices: dict[str, Price]) -> float:
    total = 0.0
    for asset, slope in its.slopes.items():
        box, now = its.boxes[asset], prices[asset]
        before, after = (box.low_wad, box.mid_wad, box.high_wad), (now.low_wad, now.mid_wad, now.high_wad)
        drift = max(abs(old - (new or 0)) for old, new in zip(before, after, strict=True)) / WAD
        wider = max(((after[2] or 0) - (after[0] or 0)) - (before[2] - before[0]), 0) / WAD
        total += slope * (drift + 2 * wider) if drift <= its.reach[asset] else float("inf")
    return total


@pytest.mark.parametrize(
    "count", [100, pytest.param(1_000, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
)
async def test_only_those_whose_certificate_is_used_up_are_evaluated(
    log: StateLog, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    world = crowd(count)
    world.evidence.prices = at("2000")
    counted = Counted(Scene(world, log), monkeypatch)
    await counted.engine.evaluate()
    assert len(counted.evaluated) >= count
    for step in range(3):  # each has its state, and a certificate for that
        await counted.change(at(f"2000.{step}"))
    assert all(counted.certificates.values())

    counts = []
    for step in range(40):
        expected, evaluated = await counted.change(at(f"{2_000 + step % 7}.{step:02d}"))
        assert expected <= set(evaluated)
        assert len(evaluated) <= len(expected) + 1, (
            "beside them, one whose shown figures are brought up to date"
        )
        counts.append(len(evaluated))

    print(
        f"  evaluations per price change, of {count:,} accounts with options: {sum(counts) / len(counts):.1f}"
    )
    assert sum(counts) <= 3 * len(counts)
    assert any(each > 1 for each in counts)


async def test_what_the_engine_notes_is_what_every_account_is(
    log: StateLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fall, bit by bit, and back: whoever is not evaluated would have had the state that is noted."""
    world = crowd(30)
    world.evidence.prices = at("2000")
    counted = Counted(Scene(world, log), monkeypatch)
    counted.engine._pursuit = None
    path = [2_000, 1_960, 1_900, 1_905, 1_800, 1_700, 1_710, 1_600, 1_750, 1_950]
    evaluations, seen = 0, set()
    for number, eth in enumerate(path):
        _, evaluated = await counted.change(at(str(eth), f"0.6{number}"))
        evaluations += len(evaluated)
        cut = world.evidence.cut(NOW_MS)
        for account in world.evidence.book.accounts():
            noted = counted.engine._states[account.account_id]
            health = evaluate(account, world.evidence.prices.prices, cut, world.policy)
            assert noted is next_state(noted, health, world.policy)
            seen.add(noted)

    assert {AccountState.HEALTHY, AccountState.MARGIN_CALL, AccountState.LIQUIDATABLE} <= seen
    assert evaluations < len(path) * 30
