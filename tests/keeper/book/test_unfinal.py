"""What an account may be again: everything its chains' blocks that are not final can fall back to, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from chains.blocks import ChainUpdate
from chains.hub.events import AccountOpened, ClaimPaid, CollateralSet, DebtSet, PositionSet, SettlementFixed
from keeper.book.book import Book
from keeper.domain.account import Account, EarlierLeg
from keeper.margin.unfinal import possible
from tests.keeper.book.growing import (
    ALICE,
    BOB,
    CHAINS,
    OPTIONS,
    USDC,
    WETH,
    Chain,
    make_book,
    opened,
    option,
)
from tests.keeper.book.test_book_properties import Storm

DEPTH = 2


def content(account: Account | None) -> frozenset[object]:
    """Return what health depends on of every leg with anything in it."""
    legs = account.legs if account is not None else ()
    return frozenset(
        replace(leg, version=0, last_sequence=0, steps_taken=(), cross_margin=True)
        for leg in legs
        if not leg.is_empty
    )


def content_of(account: Account | None) -> set[frozenset[object]]:
    return {content(its) for its in possible(account)} if account is not None else {frozenset()}


def fallen_back(storm: Storm, blocks: tuple[int, ...]) -> Book:
    """Return the book of chains that each lost so many of their newest blocks."""
    book = make_book()
    for chain, lost in zip(storm.chains.values(), blocks, strict=True):
        kept = chain.blocks[: max(len(chain.blocks) - lost, 0)]
        book.apply(ChainUpdate(chain.name, (), tuple(kept), 0))
    return book


def unfinal(book: Book, account_id: str = ALICE) -> tuple[EarlierLeg, ...]:
    found = book.account(account_id)
    assert found is not None
    return found.unfinal


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32), updates=st.integers(1, 30), order=st.randoms(use_true_random=False))
def test_an_account_may_be_exactly_what_its_chains_can_fall_back_to(
    seed: int, updates: int, order: Random
) -> None:
    storm = Storm(seed)
    for chain in storm.chains.values():
        chain.grow(tuple(AccountOpened(account_id, "owner", 1) for account_id in (ALICE, BOB)))
    for _ in range(updates):
        storm.update(DEPTH)
    book = make_book(finality_depth=DEPTH + 1, unfinal_blocks=DEPTH)
    waiting = {chain.name: list(chain.blocks) for chain in storm.chains.values()}
    while any(waiting.values()):
        name = order.choice([name for name, blocks in waiting.items() if blocks])
        book.apply(ChainUpdate(name, (), (waiting[name].pop(0),), 0))

    fallen = [fallen_back(storm, lost) for lost in product(range(DEPTH + 1), repeat=len(CHAINS))]
    for account_id in (ALICE, BOB):
        expected = {content(its.account(account_id)) for its in fallen}
        assert expected == content_of(book.account(account_id))


def test_a_change_is_told_with_what_it_was_before_until_enough_blocks_are_over_it() -> None:
    book, here = make_book(unfinal_blocks=2), Chain("here")
    book.apply(here.grow((CollateralSet(ALICE, USDC, 100, 1),), (), ()))
    assert unfinal(book) == ()

    book.apply(here.grow((CollateralSet(ALICE, USDC, 250, 2),)))
    assert [(1, 100)] == [(its.blocks, its.leg.collateral[0].amount) for its in unfinal(book)]

    assert frozenset({ALICE}) == book.apply(here.grow(()))
    assert [(2, 100)] == [(its.blocks, its.leg.collateral[0].amount) for its in unfinal(book)]

    assert frozenset({ALICE}) == book.apply(here.grow(()))
    assert unfinal(book) == ()
    assert frozenset() == book.apply(here.grow(()))


def test_what_was_changed_and_changed_back_is_not_told() -> None:
    book, here = make_book(unfinal_blocks=2), Chain("here")
    book.apply(here.grow((DebtSet(ALICE, 5, 1),), (), ()))

    book.apply(here.grow((DebtSet(ALICE, 5, 2),)))

    assert unfinal(book) == ()


def test_size_and_entry_of_a_position_are_told_together() -> None:
    book, here = make_book(unfinal_blocks=2), Chain("here")
    book.apply(here.grow((PositionSet(ALICE, 2, 10, 2_000, 1),), (), ()))

    book.apply(here.grow((PositionSet(ALICE, 2, -4, 1_500, 2),)))

    (earlier,) = unfinal(book)
    (before,) = earlier.leg.positions
    assert (10, 2_000) == (before.size_wad, before.entry_price_wad)


def test_a_claim_goes_with_the_block_it_was_opened_in_and_its_debt_comes_back() -> None:
    book, here, there = make_book(unfinal_blocks=1), Chain("here"), Chain("there")
    book.apply(there.grow((CollateralSet(ALICE, WETH, 9, 1),), ()))
    book.apply(here.grow((DebtSet(ALICE, 500, 1),), ()))

    book.apply(here.grow((DebtSet(ALICE, 400, 1), opened("claim"))))

    found = book.account(ALICE)
    assert found is not None
    now, before = possible(found)
    pending = [[claim.claim for leg in its.legs for claim in leg.claims] for its in (now, before)]
    debts = [leg.debt.amount for its in (now, before) for leg in its.legs if leg.debt is not None]
    assert ([["claim"], []], [400, 500]) == (pending, debts)


def test_a_payment_that_is_undone_leaves_the_claim_and_what_it_was_paid_from() -> None:
    book, here, there = make_book(unfinal_blocks=1), Chain("here"), Chain("there")
    book.apply(there.grow((CollateralSet(ALICE, WETH, 9, 1),), ()))
    book.apply(here.grow((opened("claim"),), ()))

    book.apply(there.grow((CollateralSet(ALICE, WETH, 2, 1), ClaimPaid(ALICE, "claim", WETH, 7))))

    found = book.account(ALICE)
    assert found is not None
    pending = [
        (leg.collateral[0].amount, len(leg.claims))
        for its in possible(found)
        for leg in its.legs
        if leg.collateral
    ]
    assert [(2, 0), (9, 1)] == pending


def settled_at(book: Book) -> list[int | None]:
    found = book.account(ALICE)
    assert found is not None
    return [option.settlement_wad for its in possible(found) for leg in its.legs for option in leg.options]


def test_what_an_expiry_came_to_is_told_of_every_option_that_waits_for_it() -> None:
    book, here = make_book(unfinal_blocks=1), Chain("here")
    book.apply(here.grow((option(ALICE, 5), option(BOB, -5, strike=3_000)), ()))
    assert [None] == settled_at(book)

    touched = book.apply(here.grow((SettlementFixed(OPTIONS, 5_000, 2_600, 7, 5_010),)))

    assert frozenset({ALICE, BOB}) == touched
    assert [2_600, None] == settled_at(book)
    assert [(ALICE, 2_600), (BOB, 2_600)] == [(who, price) for who, _, price in book.expired("here", 5_000)]
    assert [] == list(book.expired("here", 4_999))

    book.apply(here.grow((option(ALICE, 0),)))
    assert [(BOB, 2_600)] == [(who, price) for who, _, price in book.expired("here", 5_000)]


def test_what_an_expiry_came_to_goes_with_its_block() -> None:
    book, here = make_book(), Chain("here")
    book.apply(here.grow((option(ALICE, 5),), ()))
    book.apply(here.grow((SettlementFixed(OPTIONS, 5_000, 2_600, 7, 5_010),)))

    book.apply(here.grow((SettlementFixed(OPTIONS, 5_000, 2_500, 8, 5_020),), drop=1))

    assert [2_500] == settled_at(book)


def test_after_a_reorganisation_only_the_blocks_that_are_there_count() -> None:
    book, here = make_book(unfinal_blocks=2), Chain("here")
    book.apply(here.grow((CollateralSet(ALICE, USDC, 100, 1),), (), ()))
    book.apply(here.grow((CollateralSet(ALICE, USDC, 40, 2),)))

    book.apply(here.grow((), drop=1))

    found = book.account(ALICE)
    assert found is not None
    assert ((), 100) == (found.unfinal, found.legs[0].collateral[0].amount)
