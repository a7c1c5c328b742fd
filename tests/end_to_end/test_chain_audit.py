"""`keeper verify --chains` on real nodes: an honest log holds, and somebody else with our key is found."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import ROOT, Daemon
from tests.end_to_end.rounds import Rounds, steady_prices
from tests.end_to_end.stage import Stage
from tests.faults.foreign import foreign_transaction

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A daemon has liquidated and ended."""
    plan = ChainPlan("gamma", 31_171)
    async with Stage(tmp_path_factory.mktemp("audit"), plan, text=steady_prices) as stage:
        rounds = Rounds(stage, failing=2, standing=1)
        played = await rounds.crashed()
        async with Daemon(stage.config) as daemon:
            await rounds.over(played)
            await daemon.stop()
        await stage.chain.mine(stage.settings.chains["gamma"].finality_depth + 1)
        yield stage


async def verified(stage: Stage) -> tuple[int | None, dict[str, Any]]:
    """Run the command; return its exit code and its checks by name."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "keeper", "verify", "-c", str(stage.config), "--chains", "--json"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    document = json.loads(out)
    return process.returncode, document | {each["name"]: each for each in document["checks"]}


async def test_an_honest_log_holds_and_foreign_use_of_its_key_is_found(stage: Stage) -> None:
    code, honest = await verified(stage)

    assert (0, True, {}) == (code, honest["holds"], honest["unasked"])
    assert honest["chain_receipts"]["checked"] >= 2

    node, nonce = stage.chain.node, await _nonce(stage)
    foreign = await foreign_transaction(stage.keeper, 31_171, nonce)
    await node.rpc("eth_sendRawTransaction", foreign.raw)
    await stage.chain.mine()
    code, found = await verified(stage)

    assert (4, False) == (code, found["holds"])
    assert {"chain_nonces", "chain_tail"} == {each["name"] for each in found["checks"] if not each["holds"]}
    assert f"nonce {nonce} was used" in found["chain_nonces"]["failures"][0]


async def test_a_chain_that_does_not_answer_is_told_and_not_guessed(stage: Stage) -> None:
    async with asyncio.timeout(60):
        await stage.chain.proxy.__aexit__(None, None, None)
        code, found = await verified(stage)

    assert (3, True, ["gamma"]) == (code, found["holds"], list(found["unasked"]))


async def _nonce(stage: Stage) -> int:
    return int(await stage.chain.node.rpc("eth_getTransactionCount", stage.keeper.address, "latest"), 16)
