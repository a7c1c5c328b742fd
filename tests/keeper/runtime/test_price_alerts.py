"""Prices that are held are told once, with the accounts they concern, and told again when they are free."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.asset_settings import AssetSettings
from config.units import WAD
from keeper.domain.health import AccountState
from keeper.margin.columns import Columns
from keeper.margin.scan import Scan
from keeper.runtime.alerts import Alerts
from keeper.runtime.mispriced import EVERY_MS, Mispriced
from keeper.state.entries import AlertClosed, AlertOpened, Entry
from keeper.state.log import StateLog
from keeper.watch.standoffs import Standoffs
from oracles.guarding import held
from oracles.guards.guards import Guards
from oracles.price import Hold, Price, PriceStatus
from tests.keeper.watch.world import ACCOUNT, NOW_MS, OTHER, World, log_path, opened

HOLD = Hold("peg", "at 1.3000 USD, a premium", NOW_MS, NOW_MS + 3_600_000)
LIQUIDATABLE, HEALTHY = AccountState.LIQUIDATABLE, AccountState.HEALTHY


class Clock:
    now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


class Scene:
    """A long account that is in need below 2,000 USD or so, and one that never is."""

    def __init__(self, log: StateLog) -> None:
        self.world, self.clock = World(), Clock()
        self.evidence = self.world.evidence
        self.world.mine("alpha", *opened("alpha", eth="10", debt=15_000))
        self.world.mine("alpha", *opened("alpha", eth="10", debt=1_000, account=OTHER))
        self.world.mine("beta")
        self.columns = columns = Columns(self.world.policy)
        for account_id in (ACCOUNT, OTHER):
            account = self.evidence.book.account(account_id)
            assert account is not None
            columns.update([account])
            columns.note_state(account_id, HEALTHY)
        self.guards = Guards({"ETH": AssetSettings(), "USDC": AssetSettings()})
        self.mispriced = Mispriced(
            self.world.policy, self.evidence, Scan(columns).candidates, lambda: self.guards
        )
        self.standoffs = Standoffs(self.world.settings, self.evidence, self.clock)
        self.alerts = Alerts(self.world.settings, self.evidence, log, self.clock)
        self.states = {ACCOUNT: HEALTHY, OTHER: HEALTHY}

    def told(self) -> list[Entry]:
        """What the log is told by one evaluation."""
        self.standoffs.look()
        counts = self.mispriced.counts(self.states, self.evidence.cut(self.clock.now_ms), self.clock.now_ms)
        entries = self.alerts.due(Counter(self.states.values()), counts, self.mispriced.tallies)
        self.alerts.recorded(entries)
        return entries

    def reference(self, price: Price) -> None:
        prices = {**self.evidence.prices.prices, price.asset: price}
        self.evidence.prices = replace(self.evidence.prices, prices=prices)

    @property
    def eth(self) -> Price:
        return self.evidence.prices.prices["ETH"]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        yield Scene(log)


def keys(entries: list[Entry]) -> list[tuple[str, str]]:
    return [(type(e).__name__, e.dedupe_key) for e in entries if isinstance(e, (AlertOpened, AlertClosed))]


def opening(entries: list[Entry], key: str) -> AlertOpened:
    return next(each for each in entries if isinstance(each, AlertOpened) and each.dedupe_key == key)


async def test_a_price_that_a_guard_took_is_told_with_what_it_held_back(scene: Scene) -> None:
    scene.evidence.hub_prices["alpha"] = {"ETH": 1_000 * WAD}
    free = scene.eth
    scene.reference(held(free, HOLD))
    entries = scene.told()
    scene.reference(free)
    scene.evidence.hub_prices["alpha"] = {"ETH": 2_000 * WAD}

    alert = opening(entries, "price_held/ETH/peg")
    assert "critical" == alert.severity
    assert "ETH is held by its peg guard" == alert.title
    assert (
        "at 1.3000 USD, a premium; alpha: 1 accounts would be liquidated at the hub's price only"
        in alert.detail
    )
    assert "keeper resume --asset ETH" in alert.advice
    assert ("AlertClosed", "price_held/ETH/peg") in keys(scene.told())


async def test_what_a_guard_held_back_is_counted_once_per_hold(scene: Scene) -> None:
    scene.evidence.hub_prices["alpha"] = {"ETH": 1_000 * WAD}
    raw = replace(scene.eth, low_wad=5_000 * WAD, mid_wad=5_000 * WAD, high_wad=5_000 * WAD)
    scene.guards.apply(scene.eth, {}, NOW_MS)
    scene.reference(scene.guards.apply(raw, {}, NOW_MS + 1))
    for _ in range(3):
        scene.told()

    assert 1 == scene.guards.tallies["ETH", "move"].liquidations


async def test_when_a_hold_is_over_its_alert_tells_what_the_guard_has_held_back(scene: Scene) -> None:
    scene.evidence.hub_prices["alpha"] = {"ETH": 1_000 * WAD}
    raw = replace(scene.eth, low_wad=5_000 * WAD, mid_wad=5_000 * WAD, high_wad=5_000 * WAD)
    scene.guards.apply(scene.eth, {}, NOW_MS)
    scene.reference(scene.guards.apply(raw, {}, NOW_MS + 1))
    scene.told()
    scene.reference(scene.guards.apply(raw, {}, NOW_MS + 3_600_001))
    closed = [each for each in scene.told() if isinstance(each, AlertClosed)]

    assert ["no_price", "price_held/ETH/move"] == [each.dedupe_key for each in closed]
    assert (
        "it is so no more; its guard so far: 1 holds, 0 of them expired, 1 prices and 1 liquidations held back"
        == closed[-1].reason
    )


async def test_a_widened_price_is_a_warning(scene: Scene) -> None:
    scene.reference(replace(scene.eth, holds=(HOLD,)))

    assert "warning" == opening(scene.told(), "price_held/ETH/peg").severity


async def test_an_expired_hold_is_told(scene: Scene) -> None:
    expired = replace(scene.eth, status=PriceStatus.DEGRADED, reason="hold expired: peg: at 1.3000 USD")
    scene.reference(expired)

    assert "critical" == opening(scene.told(), "price_released/ETH").severity


async def test_a_hub_that_is_mispriced_is_told_with_the_accounts_it_would_cost(scene: Scene) -> None:
    scene.evidence.hub_prices["alpha"] = {"ETH": 1_000 * WAD}
    alert = opening(scene.told(), "price_disputed/alpha/ETH")

    assert "1 accounts would be liquidated at the hub's price only, 0 at the reference only" in alert.detail


async def test_a_hub_s_price_that_is_late_is_told_with_the_accounts_in_need(scene: Scene) -> None:
    scene.states[ACCOUNT] = LIQUIDATABLE
    scene.columns.note_state(ACCOUNT, LIQUIDATABLE)
    scene.reference(replace(scene.eth, low_wad=1_000 * WAD, mid_wad=1_000 * WAD, high_wad=1_000 * WAD))
    scene.evidence.hub_prices["alpha"] = {"ETH": 2_000 * WAD}

    detail = opening(scene.told(), "price_disputed/alpha/ETH").detail
    assert "0 accounts would be liquidated at the hub's price only, 1 at the reference only" in detail


async def test_what_lasts_calls_a_person_and_is_over_when_they_agree(scene: Scene) -> None:
    scene.evidence.hub_prices["alpha"] = {"ETH": 1_000 * WAD}
    first = keys(scene.told())
    scene.clock.now_ms += 12_001
    second = keys(scene.told())
    scene.evidence.hub_prices["alpha"] = {"ETH": 2_000 * WAD}

    assert [("AlertOpened", "price_disputed/alpha/ETH")] == first
    assert [
        ("AlertClosed", "price_disputed/alpha/ETH"),
        ("AlertOpened", "price_standoff/alpha/ETH"),
    ] == second
    assert [("AlertClosed", "price_standoff/alpha/ETH")] == keys(scene.told())


async def test_accounts_are_not_counted_with_every_tick(scene: Scene) -> None:
    scene.evidence.hub_prices["alpha"] = {"ETH": 1_000 * WAD}
    scene.told()
    counted = dict(scene.mispriced._counts)
    scene.told()
    same = scene.mispriced._counts[("alpha", "ETH")]
    scene.clock.now_ms += EVERY_MS
    scene.told()

    assert counted["alpha", "ETH"] is same
    assert counted["alpha", "ETH"] is not scene.mispriced._counts["alpha", "ETH"]


async def test_a_price_at_the_edge_of_a_band_is_no_storm_and_is_told_over_after_a_minute_of_quiet(
    scene: Scene,
) -> None:
    free = scene.eth
    said = []
    for number in range(200):
        scene.clock.now_ms += 20
        scene.reference(replace(free, holds=(HOLD,)) if number % 2 else free)
        said += keys(scene.told())
    scene.reference(free)
    scene.clock.now_ms += 20
    for _ in range(8):
        scene.clock.now_ms += 9_999
        said += keys(scene.told())

    assert [("AlertOpened", "price_held/ETH/peg"), ("AlertClosed", "price_held/ETH/peg")] * 3 == said


async def test_after_a_flutter_the_same_is_told_at_once_again(scene: Scene) -> None:
    free = scene.eth
    for number in range(20):
        scene.reference(replace(free, holds=(HOLD,)) if number % 2 else free)
        scene.told()
    scene.reference(free)
    scene.told()
    scene.clock.now_ms += 3_600_000
    scene.told()
    found = []
    for holds in ((HOLD,), ()):
        scene.reference(replace(free, holds=holds))
        found += [type(each).__name__ for each in scene.told()]

    assert ["AlertOpened", "AlertClosed"] == found
