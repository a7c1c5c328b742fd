"""Telling the log how a chain's endpoints stand."""

from __future__ import annotations

from chains.endpoint_pool import EndpointPool
from keeper.state.log import StateLog
from keeper.state.observations import EndpointSeen

TELL_MS = 30_000
"""How often an endpoint is told of that stands as before: its height moves on."""


class EndpointTeller:
    """Tells of each endpoint at once when its standing changed, and now and then else."""

    def __init__(self, chain: str, state_log: StateLog) -> None:
        self._chain = chain
        self._log = state_log
        self._told: dict[int, tuple[object, int]] = {}

    def tell(self, pool: EndpointPool, now_ms: int) -> None:
        """Look at the endpoints once."""
        for report in pool.report():
            key = (report.standing, report.reason, report.abilities)
            told_key, told_ms = self._told.get(report.number, (None, 0))
            if key != told_key or not 0 <= now_ms - told_ms < TELL_MS:
                self._told[report.number] = (key, now_ms)
                self._log.observe(EndpointSeen(self._chain, report))
