"""Borrowers near their limits in every market of Morpho Blue, and who liquidates them."""

from __future__ import annotations

from random import Random

from chains.devnet.protocols.morpho import LISTINGS, MorphoMarkets
from chains.venues.venue import Borrower
from config.units import WAD
from tests.chains.venues.local import LocalChain, person

LIQUIDATOR = person(999)


async def deployed(chain: LocalChain) -> MorphoMarkets:
    """Return all markets, with a liquidator who has enough of every loan."""
    markets = MorphoMarkets(chain)
    await markets.deploy()
    for listing in LISTINGS:
        loan = markets.markets[listing.name].loan_asset
        await markets.endow(LIQUIDATOR, loan, 10 ** (listing.loan_decimals + 7))
    return markets


async def seat(markets: MorphoMarkets, count: int, seed: int = 7) -> list[Borrower]:
    """Open positions near their limits, the same for the same seed."""
    random = Random(seed)
    crowd = []
    for index in range(count):
        listing = LISTINGS[index % len(LISTINGS)]
        most = 10**listing.collateral_decimals * 4
        collateral = random.randint(10 ** (listing.collateral_decimals - 2), most)
        limit = collateral * listing.price // 10**36 * listing.lltv // WAD
        await markets.open(listing.name, person(index), collateral, limit * random.randint(900, 999) // 1000)
        crowd.append(markets.borrower(listing.name, person(index)))
    return crowd
