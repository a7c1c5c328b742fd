"""The daemon itself on a real node for thousands of blocks, looked at from outside.

``python -m tests.soak.daemon_life BLOCKS DIRECTORY`` writes what it read as CSV and SVG and prints a table.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.rounds import Rounds, steady_prices
from tests.end_to_end.stage import Stage, until
from tests.soak.gauges import MIB, Record, log_gauges, open_files, plot, rss_bytes, threads

PLAN = ChainPlan("gamma", 31_172, block_time_s=0.2, pace_s=2.0)
READINGS = 60
ROUND_EVERY = 10
"""Readings between one crash and the next; in between prices only wander."""
PRICES = ("1990", "2010", "1995", "2005", "2000")
RETENTION = "\n[retention]\nmax_age_s = 120.0\nmax_heads = 1000\nmax_price_sets = 1000\n"


def _gauges(daemon: Daemon, path: Path) -> dict[str, float]:
    pid = daemon.process.pid
    return {
        "RSS, MiB": rss_bytes(pid) / MIB,
        "open files": open_files(pid),
        "threads": threads(pid),
        **log_gauges(path),
    }


def _configured(text: str) -> str:
    return steady_prices(text) + RETENTION


async def live(blocks: int, directory: Path) -> Record:
    """Run one daemon for so many blocks."""
    record = Record()
    async with Stage(directory, PLAN, text=_configured) as stage:
        rounds = Rounds(stage, failing=1, standing=1)
        first, path = await stage.chain.height(), stage.settings.state_log
        async with Daemon(stage.config) as daemon:
            await until(lambda: stage.seen(first), "the daemon looks", 120)
            every = max(blocks // READINGS, 1)
            while (height := await stage.chain.height() - first) < blocks:
                assert daemon.alive
                number = len(record.blocks)
                if height < every * (number + 1):
                    await asyncio.sleep(0.2)
                    continue
                if number % ROUND_EVERY == 0:
                    await rounds.over(await rounds.crashed(), 120)
                await stage.move({"ETH": PRICES[number % len(PRICES)]})
                record.take(await stage.chain.height() - first, _gauges(daemon, path))
                (directory / "daemon.csv").write_text(record.csv(), "ascii")
            await daemon.stop()
    return record


def main(blocks: int, directory: Path) -> int:
    """Live, print and plot."""
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    record = asyncio.run(live(blocks, directory))
    minutes = (time.monotonic() - began_s) / 60
    title = f"{record.blocks[-1]:,} blocks of a real node in {minutes:,.1f} minutes, one daemon"
    (directory / "daemon.svg").write_text(plot(record, title), "ascii")
    print(title, *record.rows(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
