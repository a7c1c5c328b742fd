"""A local node is ours, answers for its chain, and never outlives whoever started it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from chains.devnet.anvil import Anvil, AnvilFailed
from chains.devnet.process import free_port, listens

pytestmark = pytest.mark.chain

CHAIN_ID = 31_110
ROOT = Path(__file__).parents[3]

FORGETFUL_PARENT = """
import asyncio
from chains.devnet.anvil import Anvil

async def main():
    node = Anvil(31110)
    await node.start()
    print(node.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie that only waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


async def ended(pid: int) -> None:
    async with asyncio.timeout(10):
        while is_running(pid):  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(0.01)


async def test_a_node_answers_for_its_chain_and_is_gone_when_stopped() -> None:
    node = Anvil(CHAIN_ID)
    await node.start()
    pid = node.pid

    assert hex(CHAIN_ID) == await node.rpc("eth_chainId")
    assert listens(pid, int(node.url.rpartition(":")[2]))

    await node.stop()
    await node.stop()

    assert not is_running(pid)
    with pytest.raises(AnvilFailed, match="not running"):
        await node.rpc("eth_chainId")


async def test_a_port_that_is_taken_is_never_answered_by_the_one_who_took_it() -> None:
    port = free_port()
    async with Anvil(CHAIN_ID, port=port) as first:
        with pytest.raises(AnvilFailed, match=r"ended at once.*in use"):
            await Anvil(CHAIN_ID, port=port).start()

        assert "0x0" == await first.rpc("eth_blockNumber")


async def test_a_port_taken_at_the_last_moment_is_left_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Anvil(CHAIN_ID) as first:
        taken = int(first.url.rpartition(":")[2])
        ports = iter([taken, free_port()])
        monkeypatch.setattr("chains.devnet.anvil.free_port", lambda: next(ports))
        async with Anvil(CHAIN_ID) as second:
            assert first.url != second.url


async def test_a_restarted_node_keeps_its_address() -> None:
    node = Anvil(CHAIN_ID)
    async with node:
        url, pid = node.url, node.pid
    async with node:
        assert url == node.url
        assert pid != node.pid


async def test_a_start_that_is_cancelled_leaves_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chains.devnet.anvil.listens", lambda _pid, _port: False)
    node = Anvil(CHAIN_ID)
    starting = asyncio.create_task(node.start())
    async with asyncio.timeout(10):
        while node._process is None:  # noqa: ASYNC110 - nor has a start
            await asyncio.sleep(0.005)
    pid = node.pid
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert not is_running(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent's life")
async def test_a_node_dies_with_a_parent_that_was_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FORGETFUL_PARENT), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert is_running(pid)

    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()

    await ended(pid)


async def test_a_paused_node_is_silent_and_goes_on_when_resumed() -> None:
    async with Anvil(CHAIN_ID, block_time_s=0) as node:
        node.pause()
        node.pause()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await node.rpc("eth_blockNumber")
        node.resume()

        assert "0x0" == await node.rpc("eth_blockNumber")


async def test_a_paused_node_can_be_stopped_without_being_killed() -> None:
    node = Anvil(CHAIN_ID)
    await node.start()
    process = node._process
    assert process is not None
    node.pause()
    await node.stop()

    assert process.returncode != -signal.SIGKILL


async def test_a_chain_with_a_block_time_mines_by_itself_and_one_with_none_when_told() -> None:
    async with Anvil(CHAIN_ID, block_time_s=0.05) as paced, Anvil(CHAIN_ID, block_time_s=0) as idle:
        async with asyncio.timeout(10):
            while int(await paced.rpc("eth_blockNumber"), 16) < 3:  # noqa: ASYNC110 - nor has a chain
                await asyncio.sleep(0.02)

        assert "0x0" == await idle.rpc("eth_blockNumber")

        await idle.mine(2)

        assert "0x2" == await idle.rpc("eth_blockNumber")


async def test_what_a_node_does_is_in_its_log_file(tmp_path: Path) -> None:
    log_file = tmp_path / "anvil.log"
    async with Anvil(CHAIN_ID, log_file=log_file) as node:
        await node.rpc("eth_blockNumber")

    assert "Listening on" in log_file.read_text()


async def test_a_nodes_error_is_told_with_the_method() -> None:
    async with Anvil(CHAIN_ID) as node:
        with pytest.raises(AnvilFailed, match=r"^eth_noSuchThing: "):
            await node.rpc("eth_noSuchThing")


async def test_an_option_that_anvil_refuses_is_told_in_its_words() -> None:
    with pytest.raises(AnvilFailed, match="--no-such-option"):
        await Anvil(CHAIN_ID, extra=("--no-such-option",)).start()
