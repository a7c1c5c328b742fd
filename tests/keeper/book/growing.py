"""Chains that grow and reorganise, and the updates a follower would make of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from chains.blocks import Block, ChainUpdate, Head
from chains.hub.events import ClaimOpened, HubEvent, OptionSet
from chains.hub.options import market_key, series_id
from keeper.book.book import Book
from keeper.book.catalogue import KnownChain, KnownMarket, KnownOptionMarket, KnownToken

ALICE, BOB = "0x" + "a1" * 32, "0x" + "b0" * 32
USDC, WETH, STRANGER = "0x" + "11" * 20, "0x" + "22" * 20, "0x" + "99" * 20
LIQUIDATOR = "0x" + "77" * 20
OPTIONS = market_key("ETH-OPTIONS")
CHAINS = {"here": 1, "there": 2, "yonder": 3}


def known(chain: str, *, finality_depth: int = 3, unfinal_blocks: int = 0) -> KnownChain:
    tokens = (KnownToken(0, USDC, "USDC", 6, 100), KnownToken(1, WETH, "ETH", 18, 500))
    markets = {2: KnownMarket(2, "ETH-PERP", "ETH")}
    options = {OPTIONS: KnownOptionMarket("ETH-OPTIONS", "ETH")}
    by_address = {token.token: token for token in tokens}
    return KnownChain(chain, CHAINS[chain], finality_depth, by_address, markets, options, unfinal_blocks)


def make_book(finality_depth: int = 3, unfinal_blocks: int = 0) -> Book:
    return Book(
        {
            chain: known(chain, finality_depth=finality_depth, unfinal_blocks=unfinal_blocks)
            for chain in CHAINS
        }
    )


@dataclass
class Chain:
    """A chain that grows and reorganises, and the updates a follower would make of it."""

    name: str
    blocks: list[Block] = field(default_factory=list)
    forks: int = 0

    def head(self, number: int, parent: str) -> Head:
        self.forks += 1
        return Head(self.name, number, f"{self.name}-{number}-{self.forks}", parent, 1_000 + number, 7)

    def grow(self, *blocks: tuple[HubEvent, ...], drop: int = 0) -> ChainUpdate:
        removed = tuple(block.head for block in reversed(self.blocks[len(self.blocks) - drop :]))
        del self.blocks[len(self.blocks) - drop :]
        added = []
        for events in blocks:
            parent = self.blocks[-1].head if self.blocks else None
            head = self.head(parent.number + 1 if parent else 0, parent.hash if parent else "genesis")
            self.blocks.append(Block(head, events))
            added.append(self.blocks[-1])
        return ChainUpdate(self.name, removed, tuple(added), 0)

    def canonical(self) -> ChainUpdate:
        return ChainUpdate(self.name, (), tuple(self.blocks), 0)


def opened(claim: str, *, value: int = 100, target: int = 2, token: str = WETH) -> ClaimOpened:
    return ClaimOpened(ALICE, claim, target, token, value, LIQUIDATOR)


def option(
    account: str, size_wad: int, *, strike: int = 2_000, market: str = OPTIONS, version: int = 1
) -> OptionSet:
    """Return what a desk logs of a call that expires at second 5,000."""
    series = series_id(market, strike, 5_000, is_call=True)
    return OptionSet(account, series, market, True, strike, 5_000, size_wad, version)


def claims(book: Book) -> list[str]:
    return [claim.claim for account in book.accounts() for leg in account.legs for claim in leg.claims]
