"""A running daemon takes up other sources of prices, pushed ones among them; what it can not take up changes nothing."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from keeper.runtime.clock import now_ms
from oracles.live_venues import LiveVenue, pushed
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import ROOT, Daemon
from tests.end_to_end.stage import Stage, until

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]

LIVE = """
[[sources]]
name = "kraken-eth-live"
kind = "ws"
preset = "kraken"
pair = "ETH/USD"
group = "kraken"
url = "{url}"
symbol = "ETH/USD"
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    directory = tmp_path_factory.mktemp("reloads")
    async with Stage(directory, ChainPlan("gamma", 31_171), alone=True) as made:
        yield made


async def reload(stage: Stage) -> tuple[int, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "keeper", "reload", "-c", str(stage.config), "--json"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, json.loads(output)


def used(stage: Stage) -> dict[str, int]:
    """What the newest price set made of each source of ETH: its value where it was used."""
    rows = stage.rows(
        "SELECT source, value_wad FROM quotes WHERE asset = 'ETH' AND used = 1 AND price_set = "
        "(SELECT price_set FROM price_sets ORDER BY as_of_ms DESC, rowid DESC LIMIT 1)"
    )
    return {row["source"]: row["value_wad"] for row in rows}


def open_alerts(stage: Stage) -> set[str]:
    return {
        row["dedupe_key"] for row in stage.rows("SELECT dedupe_key FROM alerts WHERE closed_at_ms IS NULL")
    }


async def test_sources_come_and_go_while_it_runs_and_a_bad_file_changes_nothing(stage: Stage) -> None:
    before = stage.config.read_text()
    venue = LiveVenue("kraken", now_ms)
    await venue.tell("ETH/USD", "2000.25")
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(pushed(venue))
        daemon = await stack.enter_async_context(Daemon(stage.config))
        await until(lambda: len(used(stage)) >= 4, "ETH has a price")
        pid = daemon.process.pid

        stage.config.write_text(before + LIVE.format(url=url))
        taken_up = await reload(stage)
        await until(lambda: venue.heard, "it is subscribed to")
        await venue.tell("ETH/USD", "2000.5")
        stage.market.set({"ETH": "2000.75"})
        await until(
            lambda: used(stage).get("kraken-eth-live") == 2_000_500_000_000_000_000_000, "what is pushed"
        )

        stage.config.write_text(before.replace('group = "coinbase"', 'group = ""', 1))
        broken = await reload(stage)
        alerted = open_alerts(stage)

        stage.config.write_text(before.replace("finality_depth = ", "finality_depth = 1", 1))
        of_a_chain = await reload(stage)

        stage.config.write_text(before)
        daemon.process.send_signal(signal.SIGHUP)
        stage.market.set({"ETH": "2001"})
        await until(lambda: used(stage) and "kraken-eth-live" not in used(stage), "it is pushed no more")
        await until(lambda: "reload_refused" not in open_alerts(stage), "the alert is closed")

        assert daemon.alive
        assert pid == daemon.process.pid
        assert 0 == (await daemon.stop())[0]

    assert (0, "reloaded", "sources") == (taken_up[0], taken_up[1]["outcome"], taken_up[1]["detail"])
    assert (1, "reload_refused") == (broken[0], broken[1]["outcome"])
    assert "sources[0].group [E116]" in broken[1]["detail"]
    assert "reload_refused" in alerted
    assert 1 == of_a_chain[0]
    assert "chains.gamma.finality_depth: to change this, restart" == of_a_chain[1]["detail"]
    assert 1 == venue.connections
    snapshots = [json.loads(row["text"]) for row in stage.rows("SELECT text FROM configs ORDER BY rowid")]
    assert ["kraken-eth-live"] == [
        source["name"] for source in snapshots[1]["sources"] if source["kind"] == "ws"
    ]
    assert 2 == len(snapshots)
