"""Borrowers of many kinds on a pool: one asset or several, with and without a mode, near their limits."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from chains.devnet.protocols.aave import LISTINGS, SEED, AavePool
from chains.venues.venue import Borrower
from tests.chains.venues.local import person

BY_SYMBOL = {each.symbol: each for each in LISTINGS}
DEEP = {"USDC": 3_000_000 * 10**6, "WBTC": 80 * 10**8, "WETH": 1_500 * 10**18, "STETH": 1_500 * 10**18}


@dataclass(frozen=True, slots=True)
class Member:
    """What somebody supplies (USD by symbol) and the shares of the limit borrowed, in thousandths."""

    who: str
    supplies: tuple[tuple[str, int], ...]
    borrows: tuple[tuple[str, int], ...]
    mode: int = 0

    @property
    def borrower(self) -> Borrower:
        return Borrower(self.who)


def members(count: int, seed: int = 7) -> list[Member]:
    """Return the crowd, the same for the same seed."""
    random = Random(seed)
    found = []
    for index in range(count):
        mode = (0, 0, 1, 0, 2)[index % 5]
        if mode == 1:
            pair = [("WETH", "STETH"), ("STETH", "WETH")][index % 2]
            supplied, borrowed = [pair[0]], [pair[1]]
        elif mode == 2:
            supplied, borrowed = ["USDC"], ["USDC"]
        else:
            symbols = random.sample(list(BY_SYMBOL), 4)
            supplied, borrowed = symbols[: random.randint(1, 2)], symbols[2 : 2 + random.randint(1, 2)]
        used = random.randint(930, 998)
        borrows = tuple((symbol, used // len(borrowed)) for symbol in borrowed)
        supplies = tuple((symbol, random.randint(500, 90_000)) for symbol in supplied)
        found.append(Member(person(index), supplies, borrows, mode))
    return found


async def seat(pool: AavePool, crowd: list[Member]) -> None:
    """Open everybody's positions; suppliers first."""
    for symbol, amount in DEEP.items():
        await pool.supply(SEED, symbol, amount)
    for member in crowd:
        await _open(pool, member)


async def _open(pool: AavePool, member: Member) -> None:
    for symbol, usd in member.supplies:
        await pool.supply(member.who, symbol, raw(symbol, usd * 10**8 + 12_345_678))
    if member.mode:
        await pool.chain.send(member.who, pool.pool, "setUserEMode(uint8)", member.mode)
    limit = (await pool.account_data(member.who))[2]
    for symbol, share in member.borrows:
        await pool.borrow(member.who, symbol, raw(symbol, limit * share // 1000))


def raw(symbol: str, base: int) -> int:
    """Return as much of an asset as is worth this, at the listed price."""
    listing = BY_SYMBOL[symbol]
    unit: int = 10**listing.decimals
    return base * unit // listing.price
