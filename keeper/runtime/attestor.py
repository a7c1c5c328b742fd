"""`keeper attest`: this process as one attestor, with its own key, nodes, prices and log."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import structlog

from chains.hub.signatures import AttestationSigner
from chains.remote_signer import RemoteSigner, open_signer
from config.settings import AttestorSettings, Settings
from keeper.attest.server import application, serve
from keeper.attest.service import Attestor
from keeper.margin.parameters import RiskPolicy
from keeper.runtime.clock import now_ms
from keeper.runtime.moving import Moving
from keeper.runtime.orders import Orders
from keeper.runtime.process import on_hangup, open_alert_keys, opened_log, run_process, unless_stopped
from keeper.runtime.reloads import Reloads
from keeper.runtime.supervisor import Supervisor
from keeper.state.log import StateLog
from keeper.watch import metrics
from keeper.watch.watcher import Watcher

log = structlog.get_logger()


def run(settings: Settings, config: Path) -> int:
    """Attest until told to stop; return the exit code. `settings.attestor` must be there.

    `config` is where `settings` are read again when asked to.
    """
    own = settings.attestor
    if own is None:
        raise ValueError("the configuration has no [attestor] section")
    return run_process(lambda stop: _attest(settings, own, config, stop), settings)


async def _attest(settings: Settings, own: AttestorSettings, config: Path, stop: asyncio.Event) -> None:
    chain_ids = [chain.chain_id for chain in settings.chains.values()]
    key = await open_signer(settings.signers[own.signer], chain_ids)
    try:
        await _attest_as(key, settings, own, config, stop)
    finally:
        if isinstance(key, RemoteSigner):
            await key.aclose()


async def _attest_as(
    key: AttestationSigner, settings: Settings, own: AttestorSettings, config: Path, stop: asyncio.Event
) -> None:
    async with opened_log(settings, own.state_log, "attest") as state_log:
        watcher = await unless_stopped(Watcher.connect(settings, state_log, now_ms, {}), stop)
        if watcher is None:
            return
        try:
            await _serve(settings, own, config, watcher, key, state_log, stop)
        finally:
            await watcher.close()


async def _serve(
    settings: Settings,
    own: AttestorSettings,
    config: Path,
    watcher: Watcher,
    key: AttestationSigner,
    state_log: StateLog,
    stop: asyncio.Event,
) -> None:
    policy = RiskPolicy.from_settings(settings)
    moving = Moving(settings, policy, watcher.evidence, state_log, now_ms)
    attestor = Attestor(settings, own, policy, watcher, key, state_log, now_ms, moving.policy)
    await attestor.restore()
    open_alerts = await asyncio.to_thread(open_alert_keys, state_log)
    reloads = Reloads(config, settings, watcher, state_log, open_alerts)
    orders = Orders(watcher.evidence, state_log, reload=reloads.ask)
    await orders.restore()
    supervisor = Supervisor(lambda _name, _error: None)
    runner = await serve(application(attestor.attest), own.port)
    try:
        watcher.start()
        for name, chain in watcher.chains.items():
            supervisor.start(f"follow {name}", chain.follow)
            supervisor.start(f"settle {name}", chain.settle)
        supervisor.start("ages", watcher.check_ages)
        supervisor.start("sources", watcher.report_sources)
        if settings.metrics is not None:
            supervisor.start("metrics", partial(metrics.serve, settings.metrics.port, watcher.tell_metrics))
        if policy.moving is not None:
            supervisor.start("moving", moving.run)
        supervisor.start("orders", orders.run)
        supervisor.start("reloads", reloads.run)
        log.info("attesting", attestor=settings.name, address=key.address, port=own.port)
        waiting = asyncio.create_task(stop.wait())
        waiting.add_done_callback(lambda _task: supervisor.stop())
        with on_hangup(reloads.ask):
            await supervisor.wait()
    finally:
        await runner.cleanup()
