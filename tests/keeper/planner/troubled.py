"""Random accounts near or under water."""

from __future__ import annotations

import random
from dataclasses import replace

from keeper.domain.account import Account, Debt
from oracles.price import Price
from tests.keeper.margin.builders import prices, random_account
from tests.keeper.planner.builders import health_of


def troubled(source: random.Random) -> tuple[Account, dict[str, Price]]:
    """Return an account that is near or under water, and prices it is so at."""
    held = random_account(source)
    at = prices(source.choice((0, 5, 30)), ETH=str(source.randrange(1_900, 2_100)))
    bare = replace(held, legs=tuple(replace(its, debt=None) for its in held.legs))
    health = health_of(bare, at)
    under = source.choice((100, 99, 97, 94, 88, 75))
    spare_wad = (health.assets_mid * 100 // under - health.requirement_mid) // 10**12
    if spare_wad <= 0:
        return held, at
    shares = [source.randrange(1, 10) for _ in bare.legs]
    legs = tuple(
        replace(its, debt=Debt("USDC", 6, max(spare_wad * share // sum(shares), 1)))
        for its, share in zip(bare.legs, shares, strict=True)
    )
    return replace(bare, legs=legs), at
