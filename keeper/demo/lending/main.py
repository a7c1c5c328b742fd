"""`keeper demo --venues`: the hub on three chains, Aave v3 on the second, Morpho Blue on the third, and one crash."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from pathlib import Path

from chains.devnet.npm import NpmFailed
from config.loader import load
from keeper.demo.lending.cast import SEED, Owner, owners
from keeper.demo.lending.ground import Ground, fetch, prepare
from keeper.demo.lending.scene import LendingScene
from keeper.demo.main import (
    EXIT_FAILED,
    EXIT_FINE,
    NO_STAGE,
    keep_standing,
    keeper_command,
    leave_evidence,
    performed,
    set_up,
)
from keeper.demo.stage import Stage, stage
from keeper.demo.timeline import Mark, Timeline
from keeper.state.errors import StateLogError


def main(*, keep: bool = False, as_json: bool = False, seed: str = SEED, crash_kill: bool = False) -> int:
    """Run the scene and return the exit code: 0 only if everything held."""
    return performed(lambda timeline: _run(timeline, seed, keep=keep, crash_kill=crash_kill), as_json=as_json)


async def _run(timeline: Timeline, seed: str, *, keep: bool, crash_kill: bool) -> int:
    main_task = asyncio.current_task()
    if main_task is not None:  # SIGINT does the same already
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main_task.cancel)
    cast = owners(seed)
    timeline.line(
        Mark.STEP,
        "Aave v3, Morpho Blue and Uniswap v3 as published on npm; the first time they are fetched, and Morpho is compiled",
    )
    try:
        await asyncio.to_thread(fetch)
    except NpmFailed as failure:
        raise OSError(str(failure)) from failure
    with tempfile.TemporaryDirectory(prefix="keeper-demo-") as name:
        async with stage(Path(name), seed) as standing:
            try:
                with timeline.shown():
                    ground = await _prepare(standing, cast, timeline)
                    scene = LendingScene(standing, ground, cast, timeline, crash_kill=crash_kill)
                    await scene.play()
                if keep:
                    await _tell(standing, cast, timeline)
                    await keep_standing(standing, timeline)
                codes = await standing.stop()
                ended = {process: code for process, code in codes.items() if code}
                timeline.check(
                    "the daemon and the attestors stopped when asked", held=not ended, why=str(ended)
                )
                if not keep:
                    await _tell(standing, cast, timeline)
            except (*NO_STAGE, StateLogError):
                await leave_evidence(standing, timeline)
                raise
            if not timeline.all_held:
                await leave_evidence(standing, timeline)
        timeline.line(Mark.STEP, "everything is taken down")
    return EXIT_FINE if timeline.all_held else EXIT_FAILED


async def _prepare(standing: Stage, cast: tuple[Owner, ...], timeline: Timeline) -> Ground:
    keeper = load(standing.keeper_file).signers["keeper"].address
    ground = await prepare(standing, keeper, cast)
    loans = sum(len(owner.loans) for owner in cast)
    timeline.line(
        Mark.SEEN,
        f"Aave v3 on beta at {ground.aave.pool}, Morpho Blue on gamma at {ground.morpho.morpho}: {loans} loans",
    )
    await set_up(standing, tuple(owner.hub for owner in cast if owner.hub.account.legs), timeline)
    return ground


async def _tell(standing: Stage, cast: tuple[Owner, ...], timeline: Timeline) -> None:
    """Explain the account with legs in all three, show all of them, and verify the log."""
    example = cast[0]
    told = await keeper_command(standing, "explain", example.account_id)
    timeline.paragraph(f"keeper explain {example.account_id[:10]}", told.stdout.rstrip() or told.stderr)
    told_all = all(word in told.stdout for word in ("alpha", "aave on beta", "morpho on gamma"))
    timeline.check(
        "one account's three liquidations on three chains are explained",
        held=told.returncode == 0 and told_all,
        why=f"exit code {told.returncode}",
    )
    shown = await keeper_command(standing, "accounts", "--venues")
    timeline.paragraph("keeper accounts --venues", shown.stdout.rstrip() or shown.stderr)
    timeline.check("accounts are shown over all their legs", held=shown.returncode == 0)
    verified = await keeper_command(standing, "verify")
    timeline.paragraph("keeper verify", verified.stdout.rstrip() or verified.stderr)
    timeline.check("the log verifies", held=verified.returncode == 0, why=f"exit code {verified.returncode}")
