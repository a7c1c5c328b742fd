"""`keeper run`: everything put together, started in order, supervised, and ended in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import aiohttp
import structlog

from config.settings import Settings
from keeper.attest.quorum import QuorumClient
from keeper.domain.intent import Intent, IntentState
from keeper.domain.settlement import SETTLEMENTS
from keeper.margin.parameters import RiskPolicy, policy_hash
from keeper.runtime.alerts import Alerts
from keeper.runtime.chain_lanes import ChainLanes
from keeper.runtime.clock import now_ms
from keeper.runtime.confirmed_cut import ConfirmedCut
from keeper.runtime.engine import Engine
from keeper.runtime.lane_set import Keys, build_lanes, close_keys, open_keys, watch_data_fees
from keeper.runtime.moving import Moving
from keeper.runtime.orders import Orders
from keeper.runtime.outcomes import note_outcome
from keeper.runtime.patience import Patience
from keeper.runtime.process import on_hangup, open_alert_keys, opened_log, run_process, unless_stopped
from keeper.runtime.pursuit import Pursuit
from keeper.runtime.reloads import Reloads
from keeper.runtime.service_manager import READY, STOPPING, Motion, ServiceManager
from keeper.runtime.settlements import start_settlements
from keeper.runtime.strays import tell_strays
from keeper.runtime.supervisor import Supervisor
from keeper.runtime.venues import start_venues
from keeper.state.log import StateLog
from keeper.venues.identity import VENUE_LIQUIDATION
from keeper.watch import metrics
from keeper.watch.changes import Change, ChangeKind
from keeper.watch.watcher import Watcher

log = structlog.get_logger()


def run(settings: Settings, config: Path) -> int:
    """Run until told to stop; return the exit code. `config` is where `settings` are read again when asked to."""
    return run_process(lambda stop: _run(settings, config, stop), settings)


async def _run(settings: Settings, config: Path, stop: asyncio.Event) -> None:
    keys = await open_keys(settings)
    try:
        await _run_with(keys, settings, config, stop)
    finally:
        await close_keys(keys)


async def _run_with(keys: Keys, settings: Settings, config: Path, stop: asyncio.Event) -> None:
    async with opened_log(settings, settings.state_log, str(settings.mode)) as state_log:
        watched = {name: [key.address for key in its] for name, its in keys.items()}
        watcher = await unless_stopped(Watcher.connect(settings, state_log, now_ms, watched), stop)
        if watcher is None:
            return
        open_alerts = await asyncio.to_thread(open_alert_keys, state_log)
        reloads = Reloads(config, settings, watcher, state_log, open_alerts)
        orders = Orders(watcher.evidence, state_log, watcher.release_asset, reloads.ask)
        await orders.restore()
        await tell_strays(settings, keys, state_log, open_alerts)
        stopped = asyncio.ensure_future(stop.wait())
        manager = ServiceManager.of_this_process()
        try:
            async with aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
                supervisor = _assemble(settings, watcher, keys, state_log, session, open_alerts, manager)
                supervisor.start("orders", orders.run)
                supervisor.start("reloads", reloads.run)
                stopped.add_done_callback(lambda _task: supervisor.stop())
                manager.tell(READY)
                with on_hangup(reloads.ask):
                    await supervisor.wait()
        finally:
            manager.tell(STOPPING)
            stopped.cancel()
            await watcher.close()


def _assemble(
    settings: Settings,
    watcher: Watcher,
    keys: Keys,
    state_log: StateLog,
    session: aiohttp.ClientSession,
    open_alerts: Sequence[str],
    manager: ServiceManager,
) -> Supervisor:
    evidence = watcher.evidence
    policy = RiskPolicy.from_settings(settings)
    patience = Patience(now_ms)
    alerts = Alerts(settings, evidence, state_log, now_ms)
    alerts.resume(open_alerts)
    supervisor = Supervisor(lambda _name, _error: None)

    def told(intent: Intent, state: IntentState, reason: str) -> None:
        if intent.action == VENUE_LIQUIDATION:
            desks[intent.chain].told(intent, state, reason)
        elif intent.action in SETTLEMENTS:
            settlements.told(intent, state, reason)
        else:
            note_outcome(patience, lanes[intent.chain], intent, state, reason)
        evidence.changes.announce(Change(ChangeKind.OUTCOME, intent.chain))

    lanes = build_lanes(settings, watcher, keys, state_log, told)
    pursuit: Pursuit | None = None
    if settings.attestation is not None and lanes:
        hubs = {chain.chain_id: chain.hub for chain in settings.chains.values()}
        quorum = QuorumClient(settings.attestation, hubs, session)
        pursuit = Pursuit(
            settings,
            evidence,
            quorum,
            lanes,
            patience,
            alerts,
            state_log,
            now_ms,
            policy_hash(policy),
            ConfirmedCut(watcher.clients),
        )
        supervisor.start("pursuit", pursuit.run)
    parameters = Moving(settings, policy, evidence, state_log, now_ms)
    engine = Engine(
        settings,
        policy,
        evidence,
        pursuit,
        patience,
        alerts,
        state_log,
        now_ms,
        lambda: watcher.guards,
        parameters.policy,
    )
    watcher.start()
    watch_data_fees(settings, watcher)
    settlements = start_settlements(settings, watcher, lanes, state_log, supervisor, now_ms)
    desks = start_venues(settings, watcher, lanes, state_log, open_alerts, supervisor, now_ms)
    _watch(settings, watcher, lanes, supervisor)
    supervisor.start("engine", engine.run)
    supervisor.start("retries", engine.retry)
    if policy.moving is not None:
        supervisor.start("moving", parameters.run)
    moving = Motion(lambda: engine.evaluations, lambda: evidence.ready and evidence.changes.waits)
    supervisor.start("watchdog", lambda: manager.feed(moving))
    log.info("running", mode=settings.mode, chains=sorted(settings.chains), lanes=sorted(lanes))
    return supervisor


def _watch(
    settings: Settings, watcher: Watcher, lanes: Mapping[str, ChainLanes], supervisor: Supervisor
) -> None:
    """Start what looks at chains and sources; a chain's lanes hear of each head before anybody plans on it."""
    for name, chain in watcher.chains.items():
        if name in lanes:
            chain.listeners.append(lanes[name].on_head)
            for title, driver in lanes[name].titled():
                supervisor.start(title, driver.run)
        supervisor.start(f"follow {name}", chain.follow)
        supervisor.start(f"settle {name}", chain.settle)
    supervisor.start("ages", watcher.check_ages)
    supervisor.start("sources", watcher.report_sources)
    if settings.metrics is not None:
        supervisor.start("metrics", partial(metrics.serve, settings.metrics.port, watcher.tell_metrics))
