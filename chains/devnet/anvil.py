"""One anvil node under control: started as a child, known to be ours, ended by its process id.

`python -m chains.devnet.anvil install` gets the pinned binary.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from chains.devnet.install import AnvilMissing, install

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
_PR_SET_PDEATHSIG = 1


class AnvilFailed(Exception):
    """The node did not start, or answered with an error. The text says which."""


def _die_with_parent() -> None:
    """Have the kernel end the node when its parent dies, however it dies (Linux only)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Anvil:
    """A local chain. Use as an async context manager, or `start` and `stop`.

    `block_time_s` None mines a block for each transaction; 0 mines only when told. A port of 0
    takes a free one. `slots_in_an_epoch` of 1 makes blocks final after two more.
    """

    def __init__(
        self,
        chain_id: int,
        *,
        block_time_s: float | None = None,
        port: int = 0,
        slots_in_an_epoch: int = 1,
        extra: tuple[str, ...] = (),
    ) -> None:
        self.chain_id = chain_id
        self.block_time_s = block_time_s
        self._port = port
        self._slots = slots_in_an_epoch
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._next_id = 0

    @property
    def url(self) -> str:
        """Where it answers JSON-RPC over HTTP."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def ws_url(self) -> str:
        """Where it answers JSON-RPC over a WebSocket."""
        return f"ws://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The node's process id. Raises `AnvilFailed` if it does not run."""
        if self._process is None:
            raise AnvilFailed("anvil is not running")
        return self._process.pid

    async def start(self) -> None:
        """Start the node and wait until it is this child that answers. Raises `AnvilFailed`."""
        binary = await asyncio.to_thread(install)
        self._port = self._port or _free_port()
        self._process = _spawn([str(binary), *self._arguments()])
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._answered()
        except TimeoutError:
            await self.stop()
            raise AnvilFailed(f"anvil for chain {self.chain_id} did not answer in time") from None
        except AnvilFailed:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the node: asked first, then killed. Idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    def pause(self) -> None:
        """Stop the process: it still accepts connections and never answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        os.kill(self.pid, signal.SIGCONT)

    async def rpc(self, method: str, *params: Any) -> Any:  # noqa: ANN401 - JSON
        """Call a method. Raises `AnvilFailed` with the node's error."""
        (answer,) = await self.batch([(method, list(params))])
        return answer

    async def batch(self, calls: list[tuple[str, list[Any]]]) -> list[Any]:
        """Call several methods in one request. Raises `AnvilFailed` with the first error."""
        if self._session is None:
            raise AnvilFailed("anvil is not running")
        first = self._next_id
        self._next_id += len(calls)
        body = [
            {"jsonrpc": "2.0", "id": first + index, "method": method, "params": params}
            for index, (method, params) in enumerate(calls)
        ]
        async with self._session.post(self.url, json=body) as response:
            answers = {answer["id"]: answer for answer in await response.json(content_type=None)}
        results = []
        for item in body:
            answer = answers[item["id"]]
            if "error" in answer:
                raise AnvilFailed(f"{item['method']}: {answer['error'].get('message', answer['error'])}")
            results.append(answer["result"])
        return results

    async def mine(self, blocks: int = 1) -> None:
        """Mine now."""
        await self.rpc("anvil_mine", hex(blocks))

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    def _arguments(self) -> list[str]:
        arguments = [
            *("--host", "127.0.0.1", "--port", str(self._port), "--chain-id", str(self.chain_id)),
            # Without this anvil writes every older block's state to the home directory and never deletes it.
            *("--max-persisted-states", "0"),
            *("--slots-in-an-epoch", str(self._slots), "--silent", *self._extra),
        ]
        if self.block_time_s == 0:
            arguments.append("--no-mining")
        elif self.block_time_s is not None:
            arguments += ["--block-time", f"{self.block_time_s:g}"]
        return arguments

    async def _answered(self) -> None:
        """Return once the node answers with our chain id; a node of somebody else's must not be taken for it."""
        while True:
            if self._process is None or self._process.poll() is not None:
                raise AnvilFailed(
                    f"anvil for chain {self.chain_id} ended at once: is port {self._port} in use?"
                )
            try:
                answered = int(await self.rpc("eth_chainId"), 16)
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.02)
                continue
            if answered != self.chain_id:
                raise AnvilFailed(f"port {self._port} answers for chain {answered}, not {self.chain_id}")
            return


def _spawn(command: list[str]) -> subprocess.Popen[bytes]:
    """Start the node. The kernel ties it to this thread's life, so this must be the main thread."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one libc call
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main(arguments: list[str]) -> int:
    """Run the command line: ``install``."""
    if arguments != ["install"]:
        print("usage: python -m chains.devnet.anvil install", file=sys.stderr)
        return 1
    try:
        binary = install()
    except AnvilMissing as missing:
        print(f"anvil: {missing}", file=sys.stderr)
        return 1
    shown = binary.relative_to(Path.cwd()) if binary.is_relative_to(Path.cwd()) else binary
    print(f"anvil: {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
