"""Any way the chains' updates may come, the book is what their canonical blocks say."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from chains.blocks import ChainUpdate
from chains.hub.events import (
    AccountOpened,
    ClaimOpened,
    ClaimPaid,
    CollateralSet,
    DebtSet,
    HubEvent,
    Liquidated,
    PositionSet,
)
from keeper.book.book import Book
from keeper.domain.account import Account
from tests.keeper.book.growing import (
    ALICE,
    BOB,
    CHAINS,
    LIQUIDATOR,
    OPTIONS,
    STRANGER,
    USDC,
    WETH,
    Chain,
    claims,
    make_book,
    option,
)


class Storm:
    """Random blocks and reorganisations on all chains, claims among them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.chains = {name: Chain(name) for name in CHAINS}
        self.claims: dict[str, tuple[str, str, str]] = {}
        self.highest = dict.fromkeys(CHAINS, 1)

    def update(self, finality_depth: int) -> ChainUpdate:
        chain = self.chains[self.random.choice(sorted(self.chains))]
        self.highest[chain.name] = max(self.highest[chain.name], len(chain.blocks))
        not_final = len(chain.blocks) - max(self.highest[chain.name] - finality_depth, 1)
        drop = min(self.random.choice((0, 0, 1, finality_depth)), max(not_final, 0))
        if drop:
            gone = chain.grow(drop=drop)
            return replace(
                chain.grow(*(self.events(chain) for _ in range(self.random.randrange(3)))),
                removed=gone.removed,
            )
        return chain.grow(*(self.events(chain) for _ in range(self.random.randrange(1, 3))))

    def events(self, chain: Chain) -> tuple[HubEvent, ...]:
        return tuple(self.event(chain) for _ in range(self.random.randrange(4)))

    def event(self, chain: Chain) -> HubEvent:
        account = self.random.choice((ALICE, BOB))
        amount, version = self.random.randrange(4), self.random.randrange(9)
        canonical = [event for block in chain.blocks for event in block.events]
        match self.random.randrange(8):
            case 0:
                return AccountOpened(account, f"owner of {account}", 1)
            case 1:
                return CollateralSet(account, self.random.choice((USDC, WETH, STRANGER)), amount, version)
            case 2:
                return PositionSet(account, self.random.choice((2, 3)), amount - 2, 1, version)
            case 3:
                return Liquidated(account, 1, 2, 1, 1, 1, 1, 1, LIQUIDATOR, amount, "0x")
            case 4:
                claim = f"claim {len(self.claims)}"
                self.claims[claim] = (account, chain.name, self.random.choice(sorted(CHAINS)))
                return ClaimOpened(
                    account, claim, CHAINS[self.claims[claim][2]], WETH, 1 + amount, LIQUIDATOR
                )
            case 7:
                strike, market = self.random.choice((1, 2)), self.random.choice((OPTIONS, "0x" + "ee" * 32))
                return option(account, amount - 2, strike=strike, market=market, version=version)
            case 5 if self.claims:
                claim = self.random.choice(sorted(self.claims))
                owner, source, target = self.claims[claim]
                again = ClaimOpened(owner, claim, CHAINS[target], WETH, 2, LIQUIDATOR)
                if source == chain.name and not any(
                    isinstance(event, ClaimOpened) and event.claim == claim for event in canonical
                ):
                    return again
                return DebtSet(account, amount, version)
            case _ if self.claims:
                claim = self.random.choice(sorted(self.claims))
                owner, _, target = self.claims[claim]
                paid = ClaimPaid(owner, claim, WETH, 1)
                return paid if target == chain.name else DebtSet(account, amount, version)
        return DebtSet(account, amount, version)


def every_account(book: Book) -> dict[str, Account]:
    return {account.account_id: account for account in book.accounts()}


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32), updates=st.integers(1, 40), finality_depth=st.integers(1, 4))
def test_any_interleaving_with_reorganisations_equals_the_canonical_events(
    seed: int, updates: int, finality_depth: int
) -> None:
    storm, book = Storm(seed), make_book(finality_depth)

    for _ in range(updates):
        book.apply(storm.update(finality_depth))
        pending = claims(book)
        assert len(set(pending)) == len(pending)

    rebuilt = make_book(finality_depth)
    for chain in storm.chains.values():
        rebuilt.apply(chain.canonical())
    assert every_account(rebuilt) == every_account(book)
    assert {name: rebuilt.cursor(name) for name in CHAINS} == {name: book.cursor(name) for name in CHAINS}
