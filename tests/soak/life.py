"""One long life of the keeper in virtual time, read again and again.

``python -m tests.soak.life BLOCKS DIRECTORY`` writes what it read as CSV and SVG into the directory and prints a table.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from tests.simulation.loop import VirtualLoop
from tests.soak.gauges import (
    Record,
    bytes_by_lifetime,
    log_gauges,
    objects,
    open_files,
    plot,
    rss_bytes,
    threads,
)
from tests.soak.long_world import LongWorld

MIB = 2**20
CHECK_EVERY_S = 10.0
READINGS = 100
SEED = 11


@dataclass
class Life:
    """What one life came to. Bytes of the log are those of observations, and of all that is kept for ever."""

    record: Record
    violations: list[str]
    seen: dict[str, int]
    virtual_s: float
    real_s: float
    observed_bytes: int
    durable_bytes: int


def _gauges(world: LongWorld) -> dict[str, float]:
    process = world.process
    assert process is not None
    lanes = process.lanes.values()
    return {
        "RSS, MiB": rss_bytes() / MIB,
        "objects": objects(),
        "open files": open_files(),
        "threads": threads(),
        "tasks": len(asyncio.all_tasks()),
        "observations waiting": process.log.observations_waiting,
        "observations dropped": process.log.observations_dropped,
        "intents in the lanes": sum(len(driver.lane.live) for driver in lanes),
        **log_gauges(world.path),
    }


async def _live(world: LongWorld, blocks: int, record: Record, told: Callable[[Record], None]) -> None:
    kinds = (world.move_prices, world.owners, world.troubles, world.housekeeping, world._quote)
    background = [asyncio.ensure_future(world._mine(name)) for name in sorted(world.chains)]
    background += [asyncio.ensure_future(kind()) for kind in kinds]
    await world.boot()
    every = max(blocks // READINGS, 1)
    while world.blocks() < blocks:
        await asyncio.sleep(CHECK_EVERY_S)
        for task in background:
            if task.done():
                task.result()
        if world.blocks() >= every * (len(record.blocks) + 1):
            record.take(world.blocks(), _gauges(world))
            told(record)
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    assert world.process is not None
    await world.process.end()


def live(
    blocks: int, directory: Path, seed: int = SEED, told: Callable[[Record], None] = lambda _record: None
) -> Life:
    """Live through so many blocks, counted over all chains, without one restart. `told` is called at each reading."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    record, began_s = Record(), time.monotonic()
    try:
        world = LongWorld(seed, directory)
        loop.run_until_complete(_live(world, blocks, record, told))
        virtual_s = loop.time()
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    observed, durable = bytes_by_lifetime(world.path)
    return Life(
        record,
        world.violations,
        dict(sorted(world.seen.items())),
        virtual_s,
        time.monotonic() - began_s,
        observed,
        durable,
    )


def main(blocks: int, directory: Path) -> int:
    """Live, print and plot."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)

    def told(record: Record) -> None:
        (directory / "soak.csv").write_text(record.csv(), "ascii")

    life = live(blocks, directory, told=told)
    title = f"{life.record.blocks[-1]:,} blocks, {life.virtual_s / 3600:,.1f} hours in {life.real_s / 60:,.1f} minutes"
    (directory / "soak.svg").write_text(plot(life.record, title), "ascii")
    print(title, *life.record.rows(), sep="\n")
    print("what happened:", life.seen)
    print(
        f"the log: {life.observed_bytes / MIB:.1f} MiB of observations, {life.durable_bytes / MIB:.1f} MiB for ever"
    )
    print(*(life.violations or ["no violations"]), sep="\n")
    return int(bool(life.violations))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
