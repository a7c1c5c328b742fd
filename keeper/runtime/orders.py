"""Taking up what a person ordered: into the log first, then into force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from keeper.domain.pause import ASSET
from keeper.state.entries import Resumed
from keeper.state.errors import LogUnavailable, LogUnreadable
from keeper.state.live import read_chain_stops, read_pauses
from keeper.state.log import StateLog
from keeper.state.orders import RELOAD, Order, waiting
from keeper.watch.changes import Change, ChangeKind
from keeper.watch.evidence import Evidence

LOOK_S = 0.2

log = structlog.get_logger()


class Orders:
    """Keeps `Evidence.pauses` and `Evidence.stops` what the log says. `restore` before anything is evaluated; `run` is a supervisor's child.

    To resume an asset also ends what the guards of its price hold: `release_asset` is told. `reload` is called when
    the configuration is to be read again.
    """

    def __init__(
        self,
        evidence: Evidence,
        state_log: StateLog,
        release_asset: Callable[[str], None] | None = None,
        reload: Callable[[], None] | None = None,
    ) -> None:
        self._release_asset = release_asset
        self._reload = reload
        self._evidence = evidence
        self._log = state_log

    async def restore(self) -> None:
        """Put into force what the log holds and what was ordered while nothing ran."""
        await self._read_back()
        await self._take_up()

    async def run(self) -> None:
        """Take up orders until cancelled. One that can not be recorded stays and is tried again."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                if await self._take_up():
                    # what waited for a resume is looked at now, not with the next block
                    self._evidence.changes.announce(Change(ChangeKind.RETRY))
            except (LogUnavailable, LogUnreadable) as error:
                log.warning("orders_wait", error=str(error))

    async def _take_up(self) -> bool:
        """Take up what waits. A file goes when its order is in force: that is what whoever gave it looks for."""
        found = await asyncio.to_thread(lambda: list(waiting(self._log.path)))
        orders = [order for _, order in found if isinstance(order, Order)]
        if orders:
            await self._log.write(*(order.entry() for order in orders))
            await self._read_back()
        for file, order in found:
            if isinstance(order, Order):
                log.warning("operator", action=order.action, scope=order.scope, who=order.who, why=order.why)
                self._carry_out(order)
            else:
                log.error("order_refused", file=file.name, reason=order)
            await asyncio.to_thread(file.unlink, missing_ok=True)
        return bool(orders)

    async def _read_back(self) -> None:
        self._evidence.pauses = await asyncio.to_thread(read_pauses, self._log.path)
        self._evidence.stops = await asyncio.to_thread(read_chain_stops, self._log.path)

    def _carry_out(self, order: Order) -> None:
        if self._reload is not None and order.action == RELOAD:
            self._reload()
        if self._release_asset is not None and order.action == Resumed.kind and order.scope.startswith(ASSET):
            self._release_asset(order.scope.removeprefix(ASSET))
