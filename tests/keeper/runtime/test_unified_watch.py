"""Accounts over hubs and venues: told when their state changes, shown as they are, and nothing is ever decided by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chains.venues.venue import Borrower, VenueHealth
from config.units import WAD
from keeper.domain.health import AccountState
from keeper.runtime.unified_watch import UnifiedWatch, notice_kind
from keeper.runtime.venue_sight import VenueSight
from keeper.state.log import StateLog
from keeper.state.reader import LogReader, Row
from keeper.state.venue_reader import changes, read_unified_states, unified
from keeper.state.verify import verify
from keeper.venues.view import Holding, VenueAccount
from tests.keeper.watch.world import ACCOUNT, NOW_MS, NOW_S, OWNER, World, head, log_path, opened, price_set


def loan(debt: int, *, ether: int = 10, account: str = ACCOUNT, health: int = 2 * WAD) -> VenueAccount:
    """Return ether at a venue on beta, and dollars owed there."""
    holdings = (
        Holding("0xe", "ETH", 18, ether * WAD, 0, is_collateral=True),
        Holding("0xd", "USDC", 6, 0, debt * 10**6, is_collateral=False),
    )
    return VenueAccount(
        "beta", "aave", account, Borrower(OWNER), VenueHealth(health, 0, 0), holdings, 1, NOW_S
    )


@dataclass
class Scene:
    """A watch over a world of two chains, with a log."""

    world: World
    log: StateLog
    watch: UnifiedWatch

    async def told(self) -> list[tuple[str | None, str]]:
        await self.watch.evaluate()
        await self.log.flush()
        with LogReader(self.log.path) as reader:
            return [(row["previous"], row["state"]) for row in reversed(changes(reader, ACCOUNT))]

    async def rows(self) -> list[Row]:
        await self.log.flush()
        with LogReader(self.log.path) as reader:
            return unified(reader)

    def notices(self) -> list[str]:
        with LogReader(self.log.path) as reader:
            return [row["kind"] for row in reader.select("SELECT kind FROM notices ORDER BY seq")]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        world = World()
        yield Scene(world, log, UnifiedWatch(world.policy, world.evidence, log, lambda: NOW_MS, {}))


async def test_a_hub_leg_and_a_loan_have_one_health(scene: Scene) -> None:
    scene.world.mine("alpha", *opened("alpha", eth="10", debt=8_000))
    scene.watch.take(loan(8_000))

    assert [] == await scene.told()
    (row,) = await scene.rows()
    assert (2 * WAD, "healthy") == (row["health_mid_wad"], row["state"])
    assert ["alpha", "beta"] == [point["chain"] for point in row["cut"]]
    assert [("beta", "aave", str(2 * WAD))] == [
        (each["chain"], each["venue"], each["health_wad"]) for each in row["venues"]
    ]


async def test_prices_change_states_and_owners_are_told_once(scene: Scene) -> None:
    scene.watch.take(loan(14_000))
    await scene.told()
    for eth in (1_900, 1_900, 1_700, 2_000):
        scene.world.evidence.prices = price_set(eth)
        told = await scene.told()

    assert [("healthy", "margin_call"), ("margin_call", "liquidatable"), ("liquidatable", "healthy")] == told
    assert ["called", "worsened", "cleared"] == scene.notices()


async def test_changes_are_made_again_from_the_journal_alone(scene: Scene) -> None:
    scene.watch.take(loan(14_000))
    for eth in (2_000, 1_900, 1_700):
        scene.world.evidence.prices = price_set(eth)
        await scene.told()

    assert () == verify(scene.log.path).findings


async def test_what_a_hub_leg_gains_counts_at_once(scene: Scene) -> None:
    scene.watch.take(loan(15_800))
    assert [(None, "margin_call")] == await scene.told()

    scene.world.mine("alpha", *opened("alpha", eth="10"))

    assert (None, "margin_call") in await scene.told()
    assert ["healthy"] == [row["state"] for row in await scene.rows()]


async def test_a_restart_tells_nothing_twice(scene: Scene) -> None:
    scene.watch.take(loan(15_800))
    before = await scene.told()

    states = read_unified_states(scene.log.path)
    scene.watch = UnifiedWatch(scene.world.policy, scene.world.evidence, scene.log, lambda: NOW_MS, states)
    scene.watch.take(loan(15_800))

    assert before == await scene.told() == [(None, "margin_call")]
    assert ["called"] == scene.notices()


async def test_who_has_left_every_venue_is_forgotten(scene: Scene) -> None:
    scene.watch.take(loan(15_800))
    await scene.told()

    scene.watch.take(loan(0, ether=0))
    await scene.told()

    assert [] == await scene.rows()


async def test_a_venue_that_lags_makes_the_account_unknown_and_no_notice_is_sent(scene: Scene) -> None:
    scene.watch.take(loan(15_800))
    await scene.told()
    late = head("beta", 1, timestamp=NOW_S - 3_600)
    sight = VenueSight("beta", "aave", "aave_v3", late, NOW_S, None, None, {}, frozenset(), ())

    await scene.watch.look(sight)
    scene.world.mine("beta")

    assert [(None, "margin_call"), ("margin_call", "unknown")] == await scene.told()
    assert ["called"] == scene.notices()


async def test_thousands_who_are_well_cost_a_search_and_no_evaluation(scene: Scene) -> None:
    for number in range(2_000):
        scene.watch.take(loan(5_000 + number, account=f"0x{number:064x}"))
    scene.watch.take(loan(15_900))
    await scene.told()
    evaluated: list[int] = []
    part = scene.watch._part

    async def counted(wanted: list[str]) -> None:
        evaluated.append(len(wanted))
        await part(wanted)

    scene.watch._part = counted  # type: ignore[method-assign, assignment]
    scene.world.evidence.prices = price_set(1_970)
    await scene.watch.evaluate()

    # whoever is near, and the few whose shown figures are brought up to date
    assert 0 < sum(evaluated) <= 50


@pytest.mark.parametrize(
    ("previous", "state", "kind"),
    [
        (None, "margin_call", "called"),
        ("healthy", "liquidatable", "called"),
        ("margin_call", "at_risk", "worsened"),
        ("liquidatable", "margin_call", ""),
        ("bankrupt", "healthy", "cleared"),
        (None, "healthy", ""),
        ("margin_call", "unknown", ""),
    ],
)
def test_a_notice_is_for_what_begins_worsens_or_is_over(previous: str | None, state: str, kind: str) -> None:
    assert kind == notice_kind(None if previous is None else AccountState(previous), AccountState(state))
