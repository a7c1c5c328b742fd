"""People are told once: when it begins, when it worsens, when it is over. What is not in the log was not told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from keeper.domain.health import AccountState
from keeper.runtime.alerts import Alerts
from keeper.runtime.notices import Notices
from keeper.state.entries import AlertClosed, AlertOpened, Entry
from keeper.state.log import StateLog
from keeper.watch.status import ChainState
from oracles.sources.sequencer import SequencerState, SequencerStatus
from tests.keeper.state.samples import decision
from tests.keeper.watch.world import NOW_MS, World, log_path

H, M, R, L, B, U = (
    AccountState.HEALTHY,
    AccountState.MARGIN_CALL,
    AccountState.AT_RISK,
    AccountState.LIQUIDATABLE,
    AccountState.BANKRUPT,
    AccountState.UNKNOWN,
)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([H, H], []),
        ([M, M], ["called"]),
        ([M, H], ["called", "cleared"]),
        ([M, R, L, B], ["called", "worsened", "worsened", "worsened"]),
        ([L, M, L], ["called", "worsened"]),
        ([M, U, M], ["called"]),
        ([M, U, R], ["called", "worsened"]),
        ([M, U, H], ["called", "cleared"]),
        ([U], []),
    ],
)
def test_a_notice_is_sent_when_it_begins_worsens_or_clears(
    states: list[AccountState], expected: list[str]
) -> None:
    notices = Notices(World().policy)
    told: list[str] = []
    for state in states:
        its = replace(decision(), state=state)
        told += [each.kind_of_notice for each in notices.of(its)]
        notices.told(its)

    assert expected == told


def test_a_notice_that_did_not_reach_the_log_is_made_again() -> None:
    notices = Notices(World().policy)
    its = replace(decision(), state=M)

    assert notices.of(its) == notices.of(its) != []


def test_accounts_that_are_well_again_take_no_memory() -> None:
    notices = Notices(World().policy)
    for number in range(50):
        for state in (M, H):
            notices.told(replace(decision(), account_id=f"0x{number}", state=state))

    assert {} == notices._known


class Clock:
    now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[StateLog]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        yield log


def keys(entries: list[Entry]) -> list[tuple[str, str]]:
    return [
        (type(each).__name__, each.dedupe_key)
        for each in entries
        if isinstance(each, (AlertOpened, AlertClosed))
    ]


def turned(world: World, state: ChainState) -> None:
    world.evidence.statuses["alpha"] = replace(world.evidence.statuses["alpha"], state=state, reason="silent")


async def test_one_alert_is_open_per_subject_and_closed_once(log: StateLog) -> None:
    world = World()
    alerts = Alerts(world.settings, world.evidence, log, Clock())
    told: list[list[tuple[str, str]]] = []
    for state in (ChainState.STALE, ChainState.HALTED, ChainState.LIVE, ChainState.LIVE):
        turned(world, state)
        due = alerts.due({})
        alerts.recorded(due)
        told.append(keys(due))

    assert [[("AlertOpened", "chain/alpha")], [], [("AlertClosed", "chain/alpha")], []] == told


async def test_a_sequencer_that_is_not_up_is_told_until_its_grace_is_over(log: StateLog) -> None:
    world = World()
    alerts = Alerts(world.settings, world.evidence, log, Clock())
    told: list[list[tuple[str, str]]] = []
    for state in (SequencerState.DOWN, SequencerState.IN_GRACE, SequencerState.UP, SequencerState.UP):
        world.evidence.sequencers["alpha"] = SequencerStatus(state, "down")
        due = alerts.due({})
        alerts.recorded(due)
        told.append(keys(due))

    assert [[("AlertOpened", "sequencer/alpha")], [], [("AlertClosed", "sequencer/alpha")], []] == told


async def test_an_alert_that_did_not_reach_the_log_is_made_again(log: StateLog) -> None:
    world = World()
    alerts = Alerts(world.settings, world.evidence, log, Clock())

    assert keys(alerts.shortage("anna: healthy")) == keys(alerts.shortage("anna: healthy")) != []


async def test_what_an_earlier_run_left_open_is_closed_when_it_is_over(log: StateLog) -> None:
    world = World()
    alerts = Alerts(world.settings, world.evidence, log, Clock())
    alerts.resume(["chain/alpha", "chain_stopped/beta", "quorum"])

    assert [("AlertClosed", "chain/alpha"), ("AlertClosed", "chain_stopped/beta")] == keys(alerts.due({}))
    assert [("AlertClosed", "quorum")] == keys(alerts.quorum_reached())
    assert [("AlertClosed", "quorum")] == keys(alerts.due({}, is_quorum_needed=False))[2:]


async def test_unknown_accounts_are_an_alert_after_a_while_only(log: StateLog) -> None:
    world, clock = World(), Clock()
    alerts = Alerts(world.settings, world.evidence, log, clock)

    assert [] == keys(alerts.due({U: 1}))
    clock.now_ms += int(world.settings.risk.unknown_alert_s * 1000) + 1
    assert [("AlertOpened", "unknown_accounts")] == keys(alerts.due({U: 1}))
