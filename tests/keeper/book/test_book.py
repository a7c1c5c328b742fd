"""The book: what events make of accounts, what undo gives back, and that claims count once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.blocks import Head
from chains.hub.events import (
    AccountOpened,
    ClaimPaid,
    CollateralSet,
    CrossMarginSet,
    DebtSet,
    HubEvent,
    Liquidated,
    PositionSet,
)
from chains.hub.options import OptionHeld, item_of, market_key
from keeper.book.errors import DeeperThanUndo, OutOfStep
from keeper.book.leg_state import LegRow
from keeper.domain.account import Collateral, Debt, OptionPosition, PendingClaim, Position, StepTaken
from tests.keeper.book.growing import (
    ALICE,
    BOB,
    LIQUIDATOR,
    STRANGER,
    USDC,
    WETH,
    Chain,
    claims,
    make_book,
    opened,
    option,
)


def step(action: int, item: int, sequence: int) -> Liquidated:
    return Liquidated(ALICE, action, item, 1, 1, 1, 1, 1, LIQUIDATOR, sequence, "0x")


def leg_words(*, version: int, debt: int = 0, usdc: int = 0, size: int = 0, entry: int = 0) -> list[int]:
    words = [0] * 20
    words[0], words[2], words[6] = version, debt, usdc
    words[16], words[17] = size % (1 << 256), entry
    return words


def test_events_make_an_account_over_all_chains() -> None:
    book, here, there = make_book(), Chain("here"), Chain("there")
    book.apply(
        here.grow(
            (
                AccountOpened(ALICE, "0xowner", 7),
                CollateralSet(ALICE, WETH, 5, 1),
                DebtSet(ALICE, 9, 2),
                CrossMarginSet(ALICE, True, 3),
            )
        )
    )

    touched = book.apply(there.grow((PositionSet(ALICE, 2, -4, 11, 1),)))

    account = book.account(ALICE)
    assert account is not None
    assert {ALICE} == touched
    assert ("0xowner", 7) == (account.owner, account.subaccount)
    assert ["here", "there"] == [leg.chain for leg in account.legs]
    assert (3, True) == (account.legs[0].version, account.legs[0].cross_margin)
    assert (Collateral(WETH, "ETH", 18, 5),) == account.legs[0].collateral
    assert Debt("USDC", 6, 9) == account.legs[0].debt
    assert (Position("ETH-PERP", 2, "ETH", -4, 11),) == account.legs[1].positions


def test_an_event_applied_twice_changes_nothing() -> None:
    book, here = make_book(), Chain("here")
    events = (CollateralSet(ALICE, WETH, 5, 1), opened("c"))
    book.apply(here.grow(events))
    before = book.account(ALICE)

    book.apply(here.grow(events, events))

    assert before == book.account(ALICE)
    assert ["c"] == claims(book)


def test_what_is_zero_is_not_kept() -> None:
    book, here = make_book(), Chain("here")
    book.apply(
        here.grow((CollateralSet(ALICE, WETH, 5, 1), DebtSet(ALICE, 3, 1), PositionSet(ALICE, 2, 1, 1, 1)))
    )

    book.apply(
        here.grow((CollateralSet(ALICE, WETH, 0, 2), DebtSet(ALICE, 0, 2), PositionSet(ALICE, 2, 0, 0, 2)))
    )

    account = book.account(ALICE)
    assert account is not None
    assert account.legs[0].is_empty


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (CollateralSet(ALICE, STRANGER, 5, 1), STRANGER),
        (PositionSet(ALICE, 3, 5, 1, 1), "market 3"),
        (option(ALICE, 5, market=market_key("DOGE-OPTIONS")), "wad of option 0x"),
        (opened("c", token=STRANGER), STRANGER),
        (opened("c", target=99), "chain id 99"),
    ],
)
def test_what_is_not_configured_makes_the_leg_unreadable_and_not_smaller(event: HubEvent, named: str) -> None:
    book, here = make_book(), Chain("here")

    book.apply(here.grow((event,)))

    account = book.account(ALICE)
    assert account is not None
    reasons = [reason for leg in account.legs for reason in leg.unreadable]
    assert 1 == len(reasons)
    assert named in reasons[0]


def test_an_unknown_token_that_is_gone_leaves_the_leg_readable() -> None:
    book, here = make_book(), Chain("here")
    book.apply(here.grow((CollateralSet(ALICE, STRANGER, 5, 1),)))

    book.apply(here.grow((CollateralSet(ALICE, STRANGER, 0, 2),)))

    account = book.account(ALICE)
    assert account is not None
    assert () == account.legs[0].unreadable


def test_a_reorganisation_gives_back_exactly_what_was() -> None:
    book, here = make_book(), Chain("here")
    book.apply(here.grow((CollateralSet(ALICE, WETH, 5, 1),)))
    before = book.account(ALICE), book.account(BOB), book.cursor("here")
    book.apply(
        here.grow((CollateralSet(ALICE, WETH, 0, 2), opened("c")), (DebtSet(BOB, 1, 1), step(1, 2, 40)))
    )

    touched = book.apply(here.grow(drop=2))

    assert {ALICE, BOB} == touched
    assert before == (book.account(ALICE), book.account(BOB), book.cursor("here"))
    assert [] == claims(book)


def test_a_reorganisation_deeper_than_finality_is_refused_and_changes_nothing() -> None:
    book, here = make_book(finality_depth=2), Chain("here")
    for balance in range(1, 5):
        book.apply(here.grow((CollateralSet(ALICE, WETH, balance, balance),)))
    before = book.account(ALICE), book.cursor("here")

    with pytest.raises(DeeperThanUndo):
        book.apply(here.grow(drop=3))

    assert before == (book.account(ALICE), book.cursor("here"))


def test_an_update_that_does_not_continue_the_cursor_is_refused_whole() -> None:
    book, here = make_book(), Chain("here")
    book.apply(here.grow((CollateralSet(ALICE, WETH, 5, 1),)))
    good = here.grow((CollateralSet(ALICE, WETH, 6, 2),), (CollateralSet(ALICE, WETH, 7, 3),))
    gap = replace(good, added=good.added[1:])
    stranger = Head("here", 0, "elsewhere", "genesis", 0, 0)

    for bad in (gap, replace(good, removed=(stranger,)), here.canonical()):
        with pytest.raises(OutOfStep):
            book.apply(bad)

    account = book.account(ALICE)
    assert account is not None
    assert 5 == account.legs[0].collateral[0].amount


def test_a_back_fill_may_skip_empty_blocks_and_is_final() -> None:
    book, here = make_book(), Chain("here")
    book.apply(here.grow((CollateralSet(ALICE, WETH, 5, 1),)))
    here.grow((), ())
    sparse = here.grow((CollateralSet(ALICE, WETH, 6, 2),))

    book.apply(replace(sparse, backfill=True))

    assert here.blocks[-1].head == book.cursor("here")
    with pytest.raises(DeeperThanUndo):
        book.apply(here.grow(drop=1))


def test_a_claim_lies_on_the_leg_it_will_be_paid_from_until_it_is_paid() -> None:
    book, here, there = make_book(), Chain("here"), Chain("there")
    book.apply(there.grow((CollateralSet(ALICE, WETH, 50, 1),)))

    book.apply(here.grow((DebtSet(ALICE, 1, 1), opened("c"))))

    account = book.account(ALICE)
    assert account is not None
    assert () == account.legs[0].claims
    assert (PendingClaim("c", "here", WETH, "ETH", 100, 500, LIQUIDATOR, 0),) == account.legs[1].claims

    book.apply(there.grow((CollateralSet(ALICE, WETH, 40, 1), ClaimPaid(ALICE, "c", WETH, 10))))

    assert [] == claims(book)


def test_a_payment_seen_before_the_opening_is_never_counted() -> None:
    book, here, there = make_book(), Chain("here"), Chain("there")
    book.apply(there.grow((ClaimPaid(ALICE, "c", WETH, 10),)))

    book.apply(here.grow((opened("c"),)))

    assert [] == claims(book)


def test_a_payment_on_another_chain_than_the_claims_does_not_pay_it() -> None:
    book, here, yonder = make_book(), Chain("here"), Chain("yonder")
    book.apply(here.grow((opened("c"),)))

    book.apply(yonder.grow((ClaimPaid(ALICE, "c", WETH, 10),)))

    assert ["c"] == claims(book)


def test_an_undone_payment_makes_the_claim_pending_again() -> None:
    book, here, there = make_book(), Chain("here"), Chain("there")
    book.apply(here.grow((opened("c"),)))
    book.apply(there.grow((), (ClaimPaid(ALICE, "c", WETH, 10),)))

    book.apply(there.grow((), drop=1))

    assert ["c"] == claims(book)


def test_settled_claims_are_forgotten_once_both_ends_are_final() -> None:
    book, here, there = make_book(finality_depth=2), Chain("here"), Chain("there")
    book.apply(here.grow((opened("c"),), (), ()))
    book.apply(there.grow((ClaimPaid(ALICE, "c", WETH, 10),), (), ()))

    assert {} == book._chains["here"].opened
    assert {} == book._chains["there"].paid
    assert ({}, set()) == (book._final_opened, book._final_paid)


def test_the_newest_step_of_each_kind_is_kept_with_its_time_and_the_sequence() -> None:
    book, here = make_book(), Chain("here")

    book.apply(here.grow((step(1, 2, 40),), (step(1, 2, 41), step(3, 5, 42), step(4, 1, 43))))

    account = book.account(ALICE)
    assert account is not None
    assert 43 == account.legs[0].last_sequence
    assert (StepTaken(1, 2, 1_001), StepTaken(3, 0, 1_001)) == account.legs[0].steps_taken


def test_reconciling_finds_each_figure_that_differs_and_adopting_mends_it() -> None:
    book, here = make_book(), Chain("here")
    book.apply(here.grow((CollateralSet(ALICE, USDC, 5, 1), CollateralSet(BOB, USDC, 8, 1))))
    tip = here.blocks[-1].head.hash
    row = LegRow.from_words(ALICE, leg_words(version=2, debt=3, usdc=6, size=-7, entry=9))

    found = book.reconcile("here", tip, [row])

    assert ["version", "debt", f"collateral {USDC}", "position 2"] == [
        difference.what for difference in found
    ]
    assert ("6", "5") == (found[2].hub, found[2].book)

    assert {ALICE} == book.adopt("here", tip, [row])
    assert () == book.reconcile("here", tip, [row])
    account = book.account(ALICE)
    assert account is not None
    assert (Position("ETH-PERP", 2, "ETH", -7, 9),) == account.legs[0].positions


def test_an_account_that_was_not_read_is_no_difference_and_stays() -> None:
    book, here = make_book(), Chain("here")
    book.apply(here.grow((CollateralSet(ALICE, USDC, 5, 1),)))
    tip = here.blocks[-1].head.hash

    assert () == book.reconcile("here", tip, [])
    assert frozenset() == book.adopt("here", tip, [])
    assert book.account(ALICE) is not None


def test_reading_at_another_block_than_the_books_is_refused() -> None:
    book, here = make_book(), Chain("here")
    book.apply(here.grow(()))

    with pytest.raises(OutOfStep):
        book.reconcile("here", "0xother", [])


def test_an_account_unknown_to_hub_and_book_is_not_adopted() -> None:
    book, here = make_book(), Chain("here")
    book.apply(here.grow(()))

    book.adopt("here", here.blocks[-1].head.hash, [LegRow.from_words(ALICE, leg_words(version=0))])

    assert book.account(ALICE) is None


class TestOptions:
    def test_what_is_held_of_each_series(self) -> None:
        book, here = make_book(), Chain("here")
        call, other = option(ALICE, -7), option(ALICE, 3, strike=1_500)
        book.apply(here.grow((call, other), (option(ALICE, -4, version=2), option(ALICE, 0, strike=1_500))))

        account = book.account(ALICE)
        assert account is not None
        (leg,) = account.legs
        expected = OptionPosition("ETH-OPTIONS", call.series, "ETH", True, 2_000, 5_000, -4)
        assert (expected,) == leg.options
        assert not leg.is_empty

    def test_a_block_undone_gives_back_what_was_held(self) -> None:
        book, here = make_book(), Chain("here")
        book.apply(here.grow((option(ALICE, -7),)))
        before = book.account(ALICE)
        book.apply(here.grow((option(ALICE, 0), option(ALICE, 1, strike=9))))

        book.apply(here.grow(drop=1))

        assert before == book.account(ALICE)

    def test_a_close_starts_a_cooldown(self) -> None:
        book, here = make_book(), Chain("here")
        held = option(ALICE, -7)
        book.apply(here.grow((held, step(11, item_of(held.series), 5))))

        account = book.account(ALICE)
        assert account is not None
        assert (StepTaken(11, item_of(held.series), 1_000),) == account.legs[0].steps_taken

    def test_the_desk_is_compared_and_believed(self) -> None:
        book, here = make_book(), Chain("here")
        update = here.grow((option(ALICE, -7, version=1),))
        book.apply(update)
        missed = option(ALICE, 2, strike=1_500)
        told = OptionHeld(missed.series, missed.market, True, 1_500, 5_000, 2)
        row = LegRow.from_words(ALICE, leg_words(version=1), [told])
        tip = update.added[-1].head.hash

        found = book.reconcile("here", tip, [row])

        assert {("0", "-7"), ("2", "0")} == {(each.hub, each.book) for each in found}
        assert {"option"} == {each.what.partition(" ")[0] for each in found}
        book.adopt("here", tip, [row])
        account = book.account(ALICE)
        assert account is not None
        assert [2] == [each.size_wad for each in account.legs[0].options]
        assert () == book.reconcile("here", tip, [row])
