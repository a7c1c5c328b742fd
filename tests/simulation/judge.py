"""What a careful outsider computes: an account's health over all hubs, in fractions, from the chains alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from config.units import BPS, WAD
from tests.simulation.hub import DECIMALS, PENALTY_BPS, HubState

WEIGHTS_BPS = {"USDC": 9_700, "ETH": 8_000}
GAIN_WEIGHT_BPS = 8_000
MAINTENANCE_BPS = 500
NOTHING = Fraction(0)
NO_REQUIREMENT = Fraction(10**9)


def health(account: str, hubs: Iterable[HubState], eth_wad: int) -> Fraction:
    """Return weighted assets over requirement at a price of ether. An open claim counts as owed, with its penalty."""
    hubs = list(hubs)
    backing, required = Fraction(0), Fraction(0)
    prices: dict[str, Fraction] = {"USDC": Fraction(1), "ETH": Fraction(eth_wad, WAD)}
    paid: set[str] = {claim for hub in hubs for claim in hub.paid}
    for hub in hubs:
        its = hub.accounts.get(account)
        if its is None:
            continue
        for asset, raw in its.held.items():
            backing += (
                Fraction(raw, 10 ** DECIMALS[asset]) * prices[asset] * Fraction(WEIGHTS_BPS[asset], BPS)
            )
        required += Fraction(its.debt, 10**6)
        size = Fraction(its.size_wad, WAD)
        result = size * (prices["ETH"] - Fraction(its.entry_wad, WAD))
        backing += max(result, NOTHING) * GAIN_WEIGHT_BPS / BPS
        required += max(-result, NOTHING) + abs(size) * prices["ETH"] * MAINTENANCE_BPS / BPS
        for claim, value_wad in hub.claims.items():
            if claim not in paid and hub.accounts_of_claims.get(claim) == account:
                required += Fraction(value_wad, WAD) * (BPS + PENALTY_BPS["ETH"]) / BPS
    return backing / required if required else NO_REQUIREMENT


def worth(account: str, hubs: Iterable[HubState], eth_wad: int) -> Fraction:
    """Return what the account holds, USD."""
    prices: Mapping[str, Fraction] = {"USDC": Fraction(1), "ETH": Fraction(eth_wad, WAD)}
    return sum(
        (
            Fraction(raw, 10 ** DECIMALS[asset]) * prices[asset]
            for hub in hubs
            if account in hub.accounts
            for asset, raw in hub.accounts[account].held.items()
        ),
        Fraction(0),
    )
