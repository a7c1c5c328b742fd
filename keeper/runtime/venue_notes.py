"""What the desk tells: endings, and alerts of prices beyond the band, of low funds and of an executor not ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from config.units import format_wad
from keeper.runtime.venue_alerts import EXECUTOR, VENUE_PRICE, VenueAlerts
from keeper.runtime.venue_prices import Apart, disputed
from keeper.runtime.venue_purse import LOW_FUNDS
from keeper.runtime.venue_sight import VenueSight
from keeper.state.entries import AlertOpened, Entry
from keeper.state.log import StateLog
from keeper.state.venue_entries import VenueEnded
from keeper.venues.endings import Ended
from oracles.policy import Reading

log = structlog.get_logger()


class VenueNotes:
    """Writes down, for one chain, what is not a verdict. Raises what the log raises."""

    def __init__(self, chain: str, alerts: VenueAlerts, state_log: StateLog) -> None:
        self._chain = chain
        self._alerts = alerts
        self._log = state_log

    async def ended(self, ended: Sequence[Ended]) -> None:
        """Write endings down."""
        if not ended:
            return
        await self._log.write(*(VenueEnded(each) for each in ended))
        for each in ended:
            log.info(
                "venue_ending",
                chain=self._chain,
                venue=each.venue,
                borrower=each.borrower.account,
                ending=each.ending,
                detail=each.detail,
            )

    async def prices(self, sight: VenueSight, beyond: Sequence[Apart]) -> None:
        """Open an alert for each price of a venue that is beyond the band; close those that are within it again."""
        prefix = f"{VENUE_PRICE}{sight.chain}/{sight.venue}/"
        wanted = {}
        for each in beyond:
            key = f"{prefix}{each.asset}"
            counts = {} if self._alerts.is_open(key) else await disputed(sight, each)
            wanted[key] = _apart(key, sight, each, counts)
        await self._tell(self._alerts.due(prefix, wanted, "it is within the band again"))

    async def funds(self, low: Mapping[str, str]) -> None:
        """Open an alert for each token of which there is too little."""
        wanted = {
            key: AlertOpened(key, "warning", "low funds for repaying", text, "send more of it to the signer")
            for key, text in low.items()
        }
        await self._tell(
            self._alerts.due(f"{LOW_FUNDS}{self._chain}/", wanted, "there is enough of it again")
        )

    async def owner(self, executor: str, owner: str, *, is_ours: bool) -> None:
        """Open an alert if the executor obeys somebody else."""
        key = f"{EXECUTOR}{self._chain}"
        title = f"the executor on {self._chain} is not ours"
        alert = AlertOpened(key, "critical", title, f"{executor} obeys {owner}", "deploy one for our signer")
        await self._tell(self._alerts.due(key, {} if is_ours else {key: alert}, "the executor is ours"))

    async def _tell(self, alerts: Sequence[Entry]) -> None:
        if alerts:
            await self._log.write(*alerts)
            self._alerts.recorded(alerts)


def _apart(key: str, sight: VenueSight, apart: Apart, counts: Mapping[Reading, int]) -> AlertOpened:
    held, late = counts.get(Reading.MISPRICED, 0), counts.get(Reading.LATE, 0)
    return AlertOpened(
        key,
        "warning",
        f"{sight.venue} on {sight.chain} takes {apart.asset} for another price than the reference",
        f"it says {format_wad(apart.protocol_wad)}, the reference is {format_wad(apart.reference_wad)}; at its price "
        f"alone {held} accounts are under one, at the reference alone {late}",
        "nobody is liquidated at that price; those at the reference alone can not be until the venue follows",
    )
