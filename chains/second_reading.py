"""Reads the logs of final blocks a second time, and hands on what was missed the first time (`chains.backup_pass`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

import structlog

from chains.answers import Emitters, Log, read_hash, read_quantity
from chains.backup_pass import BackupPass, LogPass, Missed
from chains.blocks import Head
from chains.client import ChainClient
from chains.errors import ChainError
from chains.hub.events import HubEvent

Decode: TypeAlias = Callable[[Log], HubEvent | None]
"""Reads one log of the hub; None for an event that is not part of the book. ValueError if it can not be read."""

_log = structlog.get_logger()


class SecondReading:
    """The backup pass of one chain. Without anybody to tell (`on_pass`) it reads nothing."""

    def __init__(
        self,
        client: ChainClient,
        address: Emitters,
        decode: Decode,
        on_pass: Callable[[LogPass], Awaitable[None]] | None,
    ) -> None:
        self._client = client
        self._address = address
        self._decode = decode
        self._on_pass = on_pass
        self._passes = BackupPass()

    def begin(self, tip: Head) -> None:
        """Start after this block, unless it was started before."""
        if self._on_pass is not None:
            self._passes.begin(tip)

    def told(self, block: Head, logs: Iterable[Log]) -> None:
        """Note what a block was said to hold."""
        self._passes.told(block, logs)

    def undone(self, ancestor: Head) -> None:
        """Note that only blocks up to `ancestor` stand."""
        self._passes.undone(ancestor)

    def hurry(self, last: int) -> None:
        """Read blocks up to `last` again as soon as they are final."""
        self._passes.hurry(last)

    async def read(self, final: int) -> None:
        """Read what is due, given the newest final block's number. What can not be read now is read later."""
        span = self._passes.due(final)
        if span is None or self._on_pass is None:
            return
        try:
            logs = await self._client.logs_range(*span, self._address, other=True)
            missed = [await self._missed(log) for log in self._passes.missed(logs)]
        except ChainError as failure:
            _log.info("backup_pass_waits", chain=self._client.name, error=str(failure))
            self._passes.postpone(final)
            return
        if None in missed:
            # another chain's logs, or another fork's: whose, the endpoints are to say
            self._client.pool.doubt.set()
            self._passes.postpone(final)
            return
        found = tuple(each for each in missed if each is not None)
        if found:
            _log.error("logs_were_missed", chain=self._client.name, logs=[each.place for each in found][:20])
        await self._on_pass(LogPass(self._client.name, *span, len(logs), found))
        self._passes.done(span[1])

    async def _missed(self, log: Log) -> Missed | None:
        """Return a log that was not told, or None if its block is not the one at its height."""
        number = read_quantity(log["blockNumber"])
        if (await self._client.block(number)).hash != read_hash(log["blockHash"]):
            return None
        try:
            event = self._decode(log)
        except ValueError:
            event = None
        return Missed(number, read_quantity(log["logIndex"]), event)
