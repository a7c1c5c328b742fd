"""One anvil node under control: started as a child, known to be ours, ended by its process id.

`python -m chains.devnet.anvil install` gets the pinned binary.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import aiohttp

from chains.devnet.install import AnvilMissing, install
from chains.devnet.process import free_port, halt, listens, spawn

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
CALL_TIMEOUT_S = 30.0
PORT_ATTEMPTS = 3
_SHOWN_OUTPUT_BYTES = 400


class AnvilFailed(Exception):
    """The node did not start, or answered with an error. The text says which."""


class _EndedAtOnce(AnvilFailed):
    """The process ended before it answered: most often another took its port."""


class Anvil:
    """A local chain. Use as an async context manager, or `start` and `stop`.

    `block_time_s` None mines a block for each transaction; 0 mines only when told. A port of 0
    takes a free one, and keeps it over restarts. `slots_in_an_epoch` of 1 makes blocks final after two more. `extra` are more of
    anvil's own options. With a `log_file` the node tells there what it does, else nothing is kept.
    """

    def __init__(
        self,
        chain_id: int,
        *,
        block_time_s: float | None = None,
        port: int = 0,
        slots_in_an_epoch: int = 1,
        log_file: Path | None = None,
        extra: tuple[str, ...] = (),
    ) -> None:
        self.chain_id = chain_id
        self.block_time_s = block_time_s
        self._wanted_port = port
        self._port = port
        self._slots = slots_in_an_epoch
        self._log_file = log_file
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
        """Start the node and wait until it is this child that answers. Raises `AnvilFailed`, `AnvilMissing`."""
        if self._process is not None:
            raise AnvilFailed("anvil is running already")
        binary = await asyncio.to_thread(install)
        attempts = 1 if self._wanted_port else PORT_ATTEMPTS
        for attempt in range(attempts):
            self._port = self._wanted_port or free_port()
            try:
                await self._start(binary)
            except _EndedAtOnce:
                # A free port may be taken by another before the node binds it.
                if attempt + 1 == attempts:
                    raise
            else:
                self._wanted_port = self._port
                return

    async def stop(self) -> None:
        """End the node: asked first, then killed, also if the caller is cancelled meanwhile. Idempotent."""
        session, self._session = self._session, None
        process, self._process = self._process, None
        try:
            if session is not None:
                await session.close()
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    def pause(self) -> None:
        """Stop the process: it still accepts connections and never answers."""
        halt(self.pid)

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
            answered = await response.json(content_type=None)
        if not isinstance(answered, list):
            raise AnvilFailed(f"a batch of {len(body)} calls: {answered.get('error', answered)}")
        answers = {answer["id"]: answer for answer in answered}
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

    async def _start(self, binary: Path) -> None:
        ready = False
        with self._output() as output:
            self._process = spawn([str(binary), *self._arguments()], output)
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_TIMEOUT_S))
            try:
                async with asyncio.timeout(START_TIMEOUT_S):
                    await self._answered(self._process, output)
                ready = True
            except TimeoutError:
                raise AnvilFailed(f"anvil for chain {self.chain_id} did not answer in time") from None
            finally:
                if not ready:  # whatever the reason, a cancelled start included
                    await self.stop()

    def _output(self) -> IO[bytes]:
        """Return where the node writes: without a log file a nameless one, read only if it does not start."""
        return tempfile.TemporaryFile() if self._log_file is None else self._log_file.open("w+b")

    def _arguments(self) -> list[str]:
        arguments = [
            *("--host", "127.0.0.1", "--port", str(self._port), "--chain-id", str(self.chain_id)),
            # Without this anvil writes every older block's state to the home directory and never deletes it.
            *("--max-persisted-states", "0"),
            *("--slots-in-an-epoch", str(self._slots), *self._extra),
        ]
        if self._log_file is None:
            arguments.append("--silent")
        if self.block_time_s == 0:
            arguments.append("--no-mining")
        elif self.block_time_s is not None:
            arguments += ["--block-time", f"{self.block_time_s:g}"]
        return arguments

    async def _answered(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        """Return once it is our own child that listens, and answers with our chain id.

        A node that somebody else runs on that port must not be taken for it: tests would write to it.
        """
        while not listens(process.pid, self._port):
            if process.poll() is not None:
                raise _EndedAtOnce(f"anvil for chain {self.chain_id} ended at once: {_last_words(output)}")
            await asyncio.sleep(0.01)
        while True:
            try:
                answered = int(await self.rpc("eth_chainId"), 16)
            except (aiohttp.ClientError, OSError):
                if process.poll() is not None:
                    raise _EndedAtOnce(f"anvil for chain {self.chain_id} ended at once") from None
                await asyncio.sleep(0.01)
                continue
            if answered != self.chain_id:
                raise AnvilFailed(f"port {self._port} answers for chain {answered}, not {self.chain_id}")
            return


def _last_words(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read()[-_SHOWN_OUTPUT_BYTES:].decode(errors="replace").strip() or "it said nothing"


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
