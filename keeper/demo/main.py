"""`keeper demo`: set the stage, play the scene, say what happened and why, take everything down."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import aiohttp
import structlog
from rich.console import Console

from chains.devnet.accounts import open_accounts
from chains.devnet.anvil import AnvilFailed
from chains.devnet.install import AnvilMissing
from config.loader import load
from keeper.demo.cast import Fate, Role, cast
from keeper.demo.opening import Owners, QuorumRefused
from keeper.demo.scene import Scene
from keeper.demo.stage import Stage, set_policy, stage
from keeper.demo.timeline import Mark, Timeline
from keeper.margin.parameters import RiskPolicy, policy_hash

ACCOUNTS = 64
PRINTED_WIDTH = 120
EXIT_FINE, EXIT_FAILED, EXIT_NO_STAGE = 0, 4, 3


def main(
    *, keep: bool = False, as_json: bool = False, accounts: int = ACCOUNTS, crash_kill: bool = False
) -> int:
    """Run the demo and return the exit code: 0 only if everything held."""
    # The demo prints a timeline; what its own parts log would only be in the way.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    timeline = Timeline(
        Console(stderr=as_json, highlight=False, width=None if sys.stdout.isatty() else PRINTED_WIDTH)
    )
    try:
        code = asyncio.run(_run(timeline, accounts, keep=keep, crash_kill=crash_kill))
    except (AnvilFailed, AnvilMissing, QuorumRefused) as error:
        timeline.line(Mark.FAILED, f"the stage could not be set: {error}")
        return EXIT_NO_STAGE
    except KeyboardInterrupt:
        timeline.line(Mark.FAILED, "stopped from the keyboard; everything was taken down")
        return EXIT_FAILED
    if as_json:
        checks = [{"check": check.text, "held": check.held} for check in timeline.checks]
        print(json.dumps({"held": code == EXIT_FINE, "checks": checks}))
    return code


async def _run(timeline: Timeline, accounts: int, *, keep: bool, crash_kill: bool) -> int:
    roles = cast(accounts)
    with tempfile.TemporaryDirectory(prefix="keeper-demo-") as name:
        async with stage(Path(name)) as standing:
            with timeline.shown():
                await _set_up(standing, roles, timeline)
                scene = Scene(standing, roles, timeline, crash_kill=crash_kill)
                await scene.play()
            if keep:
                await _keep(standing, timeline)
            codes = await standing.stop()
            timeline.check("the daemon and the attestors stopped when asked", held=not any(codes.values()))
            _tell(standing, scene, roles, timeline)
        timeline.line(Mark.STEP, "everything is taken down")
    return EXIT_FINE if timeline.all_held else EXIT_FAILED


async def _set_up(standing: Stage, roles: tuple[Role, ...], timeline: Timeline) -> None:
    for chain in standing.market.chains:
        timeline.line(
            Mark.STEP,
            f"{chain.name}: chain {chain.chain_id}, a block every {chain.block_time_s:g} s, margin hub {chain.deployment.hub}",
        )
    timeline.line(
        Mark.STEP, f"venues on loopback: {', '.join(standing.market.venues)}; a feed of its own on each chain"
    )
    settings = load(standing.keeper_file)
    policy = policy_hash(RiskPolicy.from_settings(settings))
    await set_policy(standing, policy)
    standing.start_attestors()
    timeline.line(Mark.STEP, "three attestors, each a process with its own key; two of three must sign")
    if settings.attestation is None:
        raise QuorumRefused("the keeper's file names no quorum")
    with timeline.progress("accounts opened", len(roles)) as bar:
        async with aiohttp.ClientSession() as session:
            owners = Owners(standing.hubs, settings.attestation, policy, session)
            await open_accounts(standing.hubs, [role.account for role in roles], owners)
        bar.to(len(roles))
    across = sum(len(role.chains) > 1 for role in roles)
    alone = sum(role.account.subaccount > 0 for role in roles)
    shares = sum("sETH" in leg.collateral for role in roles for leg in role.account.legs)
    timeline.line(
        Mark.SEEN,
        f"{len(roles)} accounts opened: {across} over several chains, {alone} isolated subaccounts, {shares} on vault shares; "
        f"the quorum attested {owners.signed} times that one chain backs another",
    )
    standing.start_keeper()
    timeline.line(Mark.STEP, "the daemon starts, mode live")


def _tell(standing: Stage, scene: Scene, roles: tuple[Role, ...], timeline: Timeline) -> None:
    """Explain one liquidation, verify the log, and sum up. All from the log alone."""
    done = scene.log.liquidated()
    example = next(
        (
            role
            for role in roles
            if role.fate is Fate.LIQUIDATED and len(done.get(role.account.account_id, ())) > 1
        ),
        None,
    )
    if example is not None:
        told = _keeper(standing, "explain", example.account.account_id)
        timeline.paragraph(
            f"keeper explain {example.account.account_id[:10]}",
            " ".join(told.stdout.split("\n\n")[0].split()),
        )
        timeline.check("one liquidation over two chains is explained", held="was liquidated" in told.stdout)
    verified = _keeper(standing, "verify")
    timeline.paragraph("keeper verify", verified.stdout.rstrip())
    timeline.check("the log verifies", held=verified.returncode == 0)
    by_chain: dict[str, int] = {}
    for (chain, _), number in scene.log.steps().items():
        by_chain[chain] = by_chain.get(chain, 0) + number
    counted = ", ".join(f"{chain} {number}" for chain, number in sorted(by_chain.items()))
    timeline.line(
        Mark.CHECK if timeline.all_held else Mark.FAILED,
        f"{len(roles)} accounts watched, {scene.log.count('decisions')} decisions, {len(done)} accounts liquidated "
        f"(steps mined: {counted}), {scene.log.count('notices')} notices; "
        + ("the log verifies" if verified.returncode == 0 else "THE LOG DOES NOT VERIFY"),
    )


def _keeper(standing: Stage, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "keeper", command, *arguments, "--log", str(standing.state_log)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def _keep(standing: Stage, timeline: Timeline) -> None:
    """Leave everything running until Ctrl-C."""
    timeline.paragraph(
        "still running",
        f"keeper status --log {standing.state_log}\nkeeper accounts --log {standing.state_log}\n"
        f"files and logs: {standing.folder}\nCtrl-C takes everything down",
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with contextlib.suppress(asyncio.CancelledError):
        await stop.wait()
