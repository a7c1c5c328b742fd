"""A venue's own prices beside the reference: for how long each has said the same, and for how long they are apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from config.settings import Settings
from config.units import WAD
from keeper.runtime.venue_sight import VenueSight
from keeper.venues.inputs import Standing, Token
from keeper.venues.kinds import KINDS, ProtocolPrice
from keeper.venues.pricing import RULES, protocol_wad, reference_numerator
from keeper.watch.evidence import Evidence
from oracles.policy import Disagreements, Reading, are_apart, reading

PART = 100
"""Borrowers reckoned without a pause."""


@dataclass(slots=True)
class _Said:
    value: int | None
    since_ms: int


@dataclass(frozen=True, slots=True)
class Apart:
    """A price of a venue that is beyond the band, wad: its asset, P and R. `numerator` is what R would be as P."""

    key: str
    asset: str
    protocol_wad: int
    reference_wad: int
    numerator: int


class VenuePrices:
    """Remembers what each price of one chain's venues said. `look` at every sight."""

    def __init__(
        self, settings: Settings, evidence: Evidence, tokens: Mapping[str, Token], now_ms: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._evidence = evidence
        self._tokens = tokens
        self._now_ms = now_ms
        self._said: dict[tuple[str, str], _Said] = {}
        self._disagreements = Disagreements(RULES)

    def look(self, sight: VenueSight, price_decimals: int) -> tuple[dict[str, Standing], list[Apart]]:
        """Return how each of the venue's prices stands, by its key, and those that are beyond the band."""
        standings: dict[str, Standing] = {}
        beyond: list[Apart] = []
        now_ms = self._now_ms()
        for price in KINDS[sight.kind].prices(sight.state, price_decimals):
            place = (f"{sight.chain}/{sight.venue}", price.key)
            said = self._said.get(place)
            if said is None or said.value != price.numerator or now_ms < said.since_ms:
                said = self._said[place] = _Said(price.numerator, now_ms)
            apart = self._apart(price)
            apart_ms = self._disagreements.apart_ms(*place, now_ms, apart=apart is not None)
            standings[price.key] = Standing(now_ms - said.since_ms, apart_ms)
            if apart is not None:
                beyond.append(apart)
        return standings, beyond

    def _apart(self, price: ProtocolPrice) -> Apart | None:
        token = self._tokens.get(price.token)
        references = self._evidence.prices.prices
        reference = references.get(token.asset) if token is not None else None
        value_wad = protocol_wad(price, self._tokens, references)
        if token is None or value_wad is None or reference is None or reference.mid_wad is None:
            return None
        if not are_apart(value_wad, reference.mid_wad, self._settings.risk.price_band_bps):
            return None
        numerator = reference_numerator(price, self._tokens, references)
        if numerator is None:
            return None
        return Apart(price.key, token.asset, value_wad, reference.mid_wad, numerator)


async def disputed(sight: VenueSight, apart: Apart) -> dict[Reading, int]:
    """Count whom the two prices tell apart: unhealthy by the venue's alone, or by the reference's alone.

    It is reckoned, in parts, for everybody at the venue: for when a disagreement begins.
    """
    kind = KINDS[sight.kind]
    state = kind.repriced(sight.state, apart.key, apart.numerator)
    counts = dict.fromkeys(Reading, 0)
    for number, (borrower, health) in enumerate(sight.healths.items()):
        if number % PART == PART - 1:
            await asyncio.sleep(0)
        by_reference = kind.arithmetic.health(state, borrower, sight.at_s).health_wad
        said = reading(
            unhealthy_by_protocol=None if health.health_wad is None else health.health_wad < WAD,
            unhealthy_by_reference=None if by_reference is None else by_reference < WAD,
        )
        counts[said] += 1
    return counts
