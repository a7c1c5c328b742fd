"""`keeper demo`: set the stage, play the scene, say what happened and why, take everything down."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from rich.console import Console

from chains.devnet.accounts import open_accounts
from chains.devnet.anvil import AnvilFailed
from chains.devnet.install import AnvilMissing
from config.loader import load
from keeper.demo.cast import SEED, Role, cast
from keeper.demo.opening import Owners, QuorumRefused
from keeper.demo.scene import Scene
from keeper.demo.stage import Stage, set_policy, stage
from keeper.demo.timeline import Mark, Timeline
from keeper.margin.parameters import RiskPolicy, policy_hash
from keeper.state.errors import StateLogError

ACCOUNTS = 70
PRINTED_WIDTH = 120
COMMAND_TIMEOUT_S = 120
NO_STAGE = (
    AnvilFailed,
    AnvilMissing,
    QuorumRefused,
    aiohttp.ClientError,
    subprocess.SubprocessError,
    OSError,
)
"""What ends the demo because something that it needs is not there, and not because the daemon did wrong."""
EXIT_FINE, EXIT_FAILED, EXIT_NO_STAGE = 0, 4, 3


def main(
    *,
    keep: bool = False,
    as_json: bool = False,
    accounts: int = ACCOUNTS,
    seed: str = SEED,
    crash_kill: bool = False,
    chaos: bool = False,
) -> int:
    """Run the demo and return the exit code: 0 only if everything held."""

    async def play(timeline: Timeline) -> int:
        roles = cast(accounts, seed, int(time.time()))
        return await _run(timeline, roles, seed, keep=keep, crash_kill=crash_kill, chaos=chaos)

    return performed(play, as_json=as_json)


def performed(play: Callable[[Timeline], Coroutine[Any, Any, int]], *, as_json: bool) -> int:
    """Have a demo played and return its exit code; what can not be played is told, not raised."""
    # The demo prints a timeline; what its own parts log would only be in the way.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    timeline = Timeline(
        Console(stderr=as_json, highlight=False, width=None if sys.stdout.isatty() else PRINTED_WIDTH)
    )
    try:
        code = asyncio.run(play(timeline))
    except NO_STAGE as error:
        timeline.line(
            Mark.FAILED, f"the stage could not be set, or fell: {str(error) or type(error).__name__}"
        )
        code = EXIT_NO_STAGE
    except StateLogError as error:
        timeline.line(Mark.FAILED, f"the daemon's log can not be read: {error}")
        code = EXIT_FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        timeline.line(Mark.FAILED, "asked to stop; everything was taken down")
        code = EXIT_FAILED
    if as_json:
        checks = [{"check": each.text, "held": each.held, "why": each.why} for each in timeline.checks]
        print(json.dumps({"held": code == EXIT_FINE, "checks": checks}))
    return code


async def _run(
    timeline: Timeline, roles: tuple[Role, ...], seed: str, *, keep: bool, crash_kill: bool, chaos: bool
) -> int:
    main_task = asyncio.current_task()
    if main_task is not None:  # SIGINT does the same already
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main_task.cancel)
    with tempfile.TemporaryDirectory(prefix="keeper-demo-") as name:
        async with stage(Path(name), seed, chaos=chaos) as standing:
            try:
                with timeline.shown():
                    await set_up(standing, roles, timeline)
                    scene = Scene(standing, roles, timeline, crash_kill=crash_kill)
                    await scene.play()
                if chaos:
                    await _calm(standing, timeline)
                if keep:
                    await _tell(standing, scene, roles, timeline)
                    await keep_standing(standing, timeline)
                codes = await standing.stop()
                ended = {process: code for process, code in codes.items() if code}
                timeline.check(
                    "the daemon and the attestors stopped when asked", held=not ended, why=str(ended)
                )
                if not keep:
                    await _tell(standing, scene, roles, timeline)
            except (*NO_STAGE, StateLogError):
                await leave_evidence(standing, timeline)
                raise
            if not timeline.all_held:
                await leave_evidence(standing, timeline)
        timeline.line(Mark.STEP, "everything is taken down")
    return EXIT_FINE if timeline.all_held else EXIT_FAILED


async def _calm(standing: Stage, timeline: Timeline) -> None:
    """Let nothing be wrong on the ways to the nodes any more, and say what was."""
    await standing.chaos.end()
    injected = standing.chaos.injected()
    timeline.paragraph(
        "what went wrong between the processes and the nodes",
        "\n".join(f"{times:>7,}  {what}" for what, times in injected.most_common()),
    )
    timeline.check(
        f"all of it held under {injected.total():,} faults of {len(injected)} kinds", held=bool(injected)
    )


async def leave_evidence(standing: Stage, timeline: Timeline) -> None:
    """Keep the logs of a demo that did not hold; never its keys."""
    await standing.stop()
    target = Path(tempfile.mkdtemp(prefix="keeper-demo-failed-"))
    standing.evidence(target)
    timeline.line(Mark.FAILED, f"what it left to look at: {target}")


async def set_up(standing: Stage, roles: tuple[Role, ...], timeline: Timeline) -> None:
    """Start the attestors, open the accounts at the hubs, and start the daemon."""
    for chain in standing.market.chains:
        timeline.line(
            Mark.STEP,
            f"{chain.name}: chain {chain.chain_id}, a block every {chain.block_time_s:g} s, margin hub {chain.deployment.hub}",
        )
    asked, pushing = ", ".join(standing.market.venues), ", ".join(standing.market.live)
    timeline.line(
        Mark.STEP, f"venues on loopback: {asked}; {pushing} pushes; a feed of its own on each chain"
    )
    settings = load(standing.keeper_file)
    policy = policy_hash(RiskPolicy.from_settings(settings))
    await set_policy(standing, policy)
    standing.start_attestors()
    timeline.line(Mark.STEP, "three attestors, each a process with its own key; two of three must sign")
    if settings.attestation is None:
        raise QuorumRefused("the keeper's file names no quorum")
    risky = sum(
        bool(leg.debt) + len(leg.positions) + len(leg.options)
        for role in roles
        for leg in role.account.legs
        if leg.cross_margin
    )
    with timeline.progress("debts and positions attested", risky) as bar:
        async with aiohttp.ClientSession() as session:
            owners = Owners(standing.hubs, settings.attestation, policy, session, bar.to)
            await open_accounts(standing.hubs, [role.account for role in roles], owners)
    leaning = sum(role.leans for role in roles)
    across = sum(len(role.chains) > 1 for role in roles)
    alone = sum(role.account.subaccount > 0 for role in roles)
    shares = sum("sETH" in leg.collateral for role in roles for leg in role.account.legs)
    timeline.line(
        Mark.SEEN,
        f"{len(roles)} accounts opened: {across} over several chains, {alone} isolated subaccounts, {shares} on vault shares; "
        f"{leaning} are healthy only thanks to another chain, as the quorum attested {owners.signed} times",
    )
    standing.start_keeper()
    timeline.line(Mark.STEP, "the daemon starts, mode live")
    if standing.chaos.on:
        standing.chaos.begin()
        timeline.line(Mark.STEP, "from now on nodes are late, cut off, limit, stand still, hide and swallow")


async def _tell(standing: Stage, scene: Scene, roles: tuple[Role, ...], timeline: Timeline) -> None:
    """Explain one liquidation, verify the log, and sum up."""
    done = scene.after.liquidated
    example = next((role for role in roles if len(done.get(role.account.account_id, ())) > 1), roles[0])
    told = await keeper_command(standing, "explain", example.account.account_id)
    paragraph = " ".join(told.stdout.split("\n\n")[0].split())
    timeline.paragraph(f"keeper explain {example.account.account_id[:10]}", paragraph or told.stderr)
    timeline.check(
        "one liquidation over two chains is explained, both chains named",
        held=told.returncode == 0
        and "was liquidated" in paragraph
        and all(chain in paragraph for chain in example.chains),
        why=f"{example.story}: exit code {told.returncode}",
    )
    verified = await keeper_command(standing, "verify")
    timeline.paragraph("keeper verify", verified.stdout.rstrip() or verified.stderr)
    verifies = verified.returncode == 0
    timeline.check("the log verifies", held=verifies, why=f"exit code {verified.returncode}")
    by_chain: dict[str, int] = {}
    for (chain, _), number in scene.after.steps.items():
        by_chain[chain] = by_chain.get(chain, 0) + number
    counted = ", ".join(f"{chain} {number}" for chain, number in sorted(by_chain.items()))
    timeline.line(
        Mark.CHECK if timeline.all_held else Mark.FAILED,
        f"{len(roles)} accounts watched, {scene.log.decisions()} decisions, {len(done)} accounts liquidated "
        f"(steps mined: {counted}), {scene.log.notices()} notices; "
        + ("the log verifies" if verifies else "THE LOG DOES NOT VERIFY"),
    )


async def keeper_command(standing: Stage, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a keeper command as anybody would. In a thread: with --keep venues go on answering meanwhile."""
    words = [sys.executable, "-m", "keeper", command, *arguments, "--log", str(standing.state_log)]
    return await asyncio.to_thread(
        subprocess.run, words, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
    )


async def keep_standing(standing: Stage, timeline: Timeline) -> None:
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
