"""What speaks against a chain holds it, is told, and ends by its rule; what was missed is mended from the hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from chains.backup_pass import LogPass, Missed
from chains.blocks import Block, ChainUpdate
from chains.endpoint_report import Abilities, EndpointReport, Standing
from chains.errors import FinalityViolation
from chains.hub.events import AccountOpened, ClaimOpened, CollateralSet
from config.units import WAD
from keeper.runtime.alerts import Alerts
from keeper.runtime.orders import Orders
from keeper.state.entries import AlertClosed, AlertOpened
from keeper.state.log import StateLog
from keeper.state.orders import Order, give
from keeper.state.reader import LogReader
from keeper.watch import chain_watch as module
from keeper.watch.chain_states import ChainState, Limits
from keeper.watch.chain_watch import ChainWatch
from keeper.watch.feeds import Feeds
from tests.keeper.watch.world import ACCOUNT, CHAINS, NOW_MS, OTHER, OWNER, TOKENS, World, log_path, opened

GONE = "alpha: final block 6 is not below head 11"


class Clock:
    now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


class NoPrices:
    def on_chain_answers(self, quotes: object) -> None:
        """Take nothing."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def log(tmp_path: Path, clock: Clock) -> AsyncIterator[StateLog]:
    async with StateLog.open(log_path(tmp_path), "live", clock) as log:
        yield log


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLE_PAUSE_S", 0.001)


def watch(world: World, log: StateLog, clock: Clock) -> ChainWatch:
    node = cast("Any", world.nodes["alpha"])
    its = world.settings.chains["alpha"]
    prices = cast("Any", NoPrices())
    found = ChainWatch("alpha", its, node, world.evidence, Feeds("alpha", ()), prices, log, clock)
    found.reader = node
    cast("Any", found)._read_at = _nothing
    return found


async def _nothing(its: object) -> None:
    """Read nothing."""


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(45):
        while not condition():  # noqa: ASYNC110 - state of another task
            await asyncio.sleep(0.005)


def state(world: World) -> ChainState:
    return world.evidence.statuses["alpha"].state


async def test_endpoints_in_dispute_hold_their_chain_until_they_have_agreed_for_a_while(
    log: StateLog, clock: Clock
) -> None:
    world = World()
    found, alerts = watch(world, log, clock), Alerts(world.settings, world.evidence, log, clock)
    world.nodes["alpha"].pool.disputed = "node-0 has 0xaa; node-1 has 0xbb"
    found.check_age(clock())
    assert ChainState.DISAGREEING is state(world)
    assert not world.evidence.live("alpha")
    assert world.evidence.live("beta")
    assert ["beta"] == [point.chain for point in world.evidence.cut(clock())]
    (told,) = alerts.due({})
    alerts.recorded([told])
    assert isinstance(told, AlertOpened)
    assert ("chain_disputed/alpha", "critical") == (told.dedupe_key, told.severity)

    world.nodes["alpha"].pool.disputed = ""
    found.check_age(clock())
    assert ChainState.DISAGREEING is state(world)
    clock.now_ms += Limits.of(world.settings.chains["alpha"]).calm_ms
    found.check_age(clock())
    assert ChainState.LIVE is state(world)
    assert ["chain_disputed/alpha"] == [
        each.dedupe_key for each in alerts.due({}) if isinstance(each, AlertClosed)
    ]


async def test_what_too_few_agree_on_is_told_until_enough_do(log: StateLog, clock: Clock) -> None:
    world = World()
    found, alerts = watch(world, log, clock), Alerts(world.settings, world.evidence, log, clock)
    told: list[list[str]] = []
    for why in ("", "2 different answers", "2 different answers", ""):
        world.nodes["alpha"].pool.not_agreed = why
        found.check_age(clock())
        due = alerts.due({})
        alerts.recorded(due)
        told.append([f"{type(each).__name__} {each.dedupe_key}" for each in due])  # type: ignore[attr-defined]

    assert [[], ["AlertOpened not_agreed/alpha"], [], ["AlertClosed not_agreed/alpha"]] == told
    assert ChainState.LIVE is state(world)


async def test_a_break_of_finality_outlasts_restarts_until_a_person_resumes(
    log: StateLog, clock: Clock
) -> None:
    world = World()
    await watch(world, log, clock)._break(FinalityViolation(GONE))
    assert ChainState.FINALITY_VIOLATED is state(world)

    restarted = World()
    orders = Orders(restarted.evidence, log)
    await orders.restore()
    found = watch(restarted, log, clock)
    found.check_age(clock())
    assert (ChainState.FINALITY_VIOLATED, GONE) == (
        state(restarted),
        restarted.evidence.statuses["alpha"].reason,
    )
    assert restarted.evidence.live("beta")

    give(log.path, Order("resumed", "chain:beta", "ops", "another"), 1)
    await orders._take_up()
    found.check_age(clock())
    assert ChainState.FINALITY_VIOLATED is state(restarted)

    give(log.path, Order("resumed", "chain:alpha", "ops", "looked into"), 2)
    await orders._take_up()
    found.check_age(clock())
    assert ChainState.LIVE is state(restarted)


async def test_in_the_process_that_saw_it_a_resumed_chain_waits_for_a_restart(
    log: StateLog, clock: Clock
) -> None:
    world = World()
    found = watch(world, log, clock)
    await found._break(FinalityViolation(GONE))
    give(log.path, Order("resumed", "chain:alpha", "ops", "looked into"), 1)
    await Orders(world.evidence, log).restore()
    found.check_age(clock())

    assert ChainState.STOPPED is state(world)
    assert "restart" in world.evidence.statuses["alpha"].reason


async def test_how_endpoints_stand_is_told_when_it_changes(log: StateLog, clock: Clock) -> None:
    world = World()
    found = watch(world, log, clock)
    can = Abilities(True, True, True, False, False, 100, 2_000, 128)
    report = EndpointReport(0, "https://alpha.test/***", Standing.OK, "", 7, 0, can)
    for its in (report, report, replace(report, standing=Standing.QUARANTINED, reason="contradicts")):
        world.nodes["alpha"].pool.reports = (its,)
        found.check_age(clock())
    await log.flush()
    with LogReader(log.path) as reader:
        (row,) = reader.status()["endpoints"]

    assert ("alpha", 0, "quarantined", "contradicts", 7) == (
        row["chain"],
        row["number"],
        row["standing"],
        row["reason"],
        row["height"],
    )


async def test_missed_logs_are_told_with_the_progress_and_mended_from_the_hub(
    log: StateLog, clock: Clock
) -> None:
    world = World()
    its = world.mine_unseen("alpha", *opened("alpha", eth="2"))
    world.see(its)
    found = watch(world, log, clock)
    found._caught_up = True
    settling = asyncio.create_task(found.settle())
    await until(lambda: not found._unsettled.is_set())
    assert [] == list(world.evidence.book.accounts())

    owned = AccountOpened(ACCOUNT, OWNER, 0)
    held = CollateralSet(ACCOUNT, TOKENS["alpha"][1], 2 * 10**18, 1)
    await found._on_pass(
        LogPass("alpha", 1, 100, 7, (Missed(its.number, 0, owned), Missed(its.number, 1, held)))
    )
    await until(lambda: not found._unsettled.is_set())
    settling.cancel()
    (account,) = world.evidence.book.accounts()
    assert [2 * 10**18] == [each.amount for each in account.legs[0].collateral]

    block = world.mine_unseen("alpha")
    await found._on_update(ChainUpdate("alpha", (), (Block(block, ()),), NOW_MS))
    (account,) = world.evidence.book.accounts()
    assert OWNER == account.owner
    await log.flush()
    with LogReader(log.path) as reader:
        (row,) = reader.select("SELECT * FROM missed_logs")
        assert ("alpha", 1, 100) == (row["chain"], row["first_block"], row["last_block"])
        assert "logs_missed/alpha" in [alert["dedupe_key"] for alert in reader.alerts()]
        assert [100] == [its["last_block"] for its in reader.status()["log_passes"]]


async def test_an_event_told_late_is_told_again_if_its_block_is_undone(log: StateLog, clock: Clock) -> None:
    world = World()
    world.mine("alpha", *opened("alpha", eth="1", account=OTHER))
    found = watch(world, log, clock)
    claim = ClaimOpened(OTHER, "0x" + "cc" * 32, CHAINS["beta"], TOKENS["beta"][1], 10 * WAD, OWNER)
    await found._on_pass(LogPass("alpha", 1, 100, 1, (Missed(1, 0, claim),)))
    first = world.mine_unseen("alpha")
    await found._on_update(ChainUpdate("alpha", (), (Block(first, ()),), NOW_MS))
    assert claims(world) == [claim.claim]

    await found._on_update(ChainUpdate("alpha", (first,), (), NOW_MS))
    assert claims(world) == []
    second = replace(first, hash="0x" + "5e" * 32)
    await found._on_update(ChainUpdate("alpha", (), (Block(second, ()),), NOW_MS))
    assert claims(world) == [claim.claim]


def claims(world: World) -> list[str]:
    return [
        claim.claim
        for account in world.evidence.book.accounts()
        for leg in account.legs
        for claim in leg.claims
    ]
