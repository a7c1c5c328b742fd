"""Alerts of venues: each is opened once while it lasts, and closed once when it is over."""

from __future__ import annotations

from typing import Any, cast

from keeper.runtime.venue_alerts import VenueAlerts
from keeper.runtime.venue_notes import VenueNotes
from keeper.runtime.venue_prices import Apart, disputed
from keeper.state.entries import AlertClosed, AlertOpened
from keeper.state.log import StateLog
from oracles.policy import Reading
from tests.keeper.runtime.test_venue_cases import sight
from tests.keeper.venues.cases import BORROWER

PRICE = "venue_price/alpha/morpho/ETH"
FUNDS = "low_funds/alpha/USDC"


class Written:
    """A log that only remembers which alerts were opened and closed."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    async def write(self, *entries: Any) -> int:
        for entry in entries:
            assert isinstance(entry, (AlertOpened, AlertClosed))
            self.told.append((entry.kind, entry.dedupe_key))
        return 1


def notes(*open_keys: str) -> tuple[VenueNotes, Written]:
    log = Written()
    return VenueNotes("alpha", VenueAlerts(open_keys), cast("StateLog", log)), log


def apart(dollars: int) -> Apart:
    return Apart(BORROWER.market, "ETH", 1, 2, dollars * 10**24)


async def test_a_price_beyond_the_band_is_told_once_and_once_that_it_is_over() -> None:
    told, log = notes()
    for beyond in ([apart(2_000)], [apart(2_000)], [], []):
        await told.prices(sight(1_900), beyond)

    assert [("alert_opened", PRICE), ("alert_closed", PRICE)] == log.told


async def test_low_funds_are_told_once_also_over_a_restart() -> None:
    told, log = notes(FUNDS)
    await told.funds({FUNDS: "little is left"})
    assert [] == log.told

    await told.funds({})
    await told.funds({FUNDS: "little is left"})
    assert [("alert_closed", FUNDS), ("alert_opened", FUNDS)] == log.told


async def test_an_executor_of_somebody_else_is_told() -> None:
    told, log = notes()
    await told.owner("0x" + "1" * 40, "0x" + "2" * 40, is_ours=False)
    await told.owner("0x" + "1" * 40, "0x" + "2" * 40, is_ours=True)

    assert [("alert_opened", "venue_executor/alpha"), ("alert_closed", "venue_executor/alpha")] == log.told


async def test_whom_two_prices_tell_apart_is_counted_by_side() -> None:
    assert 1 == (await disputed(sight(1_900), apart(2_000)))[Reading.MISPRICED]
    assert 1 == (await disputed(sight(2_000), apart(1_900)))[Reading.LATE]
    assert 1 == (await disputed(sight(2_000), apart(2_010)))[Reading.AGREED]
