"""The scene with protocols: its cast is what it says, its lines configure a keeper, and every check of it can fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from chains.venues.venue import Borrower, Outcome
from config.units import WAD
from keeper.demo.cast import BEFORE, Fate, after_the_crash
from keeper.demo.ledger import Ledger
from keeper.demo.lending.cast import Owner, Protocol, expected, owners
from keeper.demo.lending.judging import Place, Told, crash_handled, mispricing_held, unified_right
from keeper.demo.timeline import Check

CAST = owners()
LOANS = [loan for owner in CAST for loan in owner.loans]
EXECUTORS = {"beta": "0x" + "ee" * 20, "gamma": "0x" + "ff" * 20}
Done = tuple[str, str, Outcome]


def test_one_owner_has_legs_in_all_three_places_and_all_three_fall() -> None:
    example = CAST[0]

    assert [Protocol.AAVE, Protocol.MORPHO] == [loan.protocol for loan in example.loans]
    assert all(loan.falls for loan in example.loans)
    assert Fate.LIQUIDATED is example.hub.fate


def test_everybody_may_borrow_what_they_owe_and_nobody_is_bankrupt_at_a_protocol() -> None:
    most = {
        "aave/WETH": Fraction(805, 1000),
        "aave/WBTC": Fraction(73, 100),
        "morpho/WETH": Fraction(86, 100),
    }
    for loan in LOANS:
        limit = most[f"{loan.protocol}/{loan.symbol}"]
        assert loan.weighted(BEFORE) / Fraction(80, 100) * limit >= Fraction(loan.debt, 10**6)
        # what is seized for all that is owed, bonus included, is there
        assert loan.weighted(after_the_crash()) / Fraction(80, 100) > Fraction(loan.debt, 10**6) * Fraction(
            105, 100
        )


def test_some_fall_and_some_are_spared_at_each_place() -> None:
    for protocol in Protocol:
        assert {True, False} == {loan.falls for loan in LOANS if loan.protocol is protocol}
    assert {Fate.LIQUIDATED} < {owner.hub.fate for owner in CAST if owner.hub.account.legs}
    spared = [loan for loan in LOANS if loan.falls_for and not loan.falls]
    assert spared, "a wrong price alone must endanger somebody whom the crash spares"


def good() -> tuple[list[Done], Ledger]:
    done = [
        (
            chain,
            venue,
            Outcome(Borrower(owner, "0x" if venue == "morpho" else ""), EXECUTORS[chain], "", "", 1, 1),
        )
        for chain, venue, owner in sorted(expected(CAST))
    ]
    fell = [
        owner.account_id for owner in CAST if owner.hub.account.legs and owner.hub.fate is Fate.LIQUIDATED
    ]
    return done, Ledger(liquidated=dict.fromkeys(fell, frozenset({"alpha"})))


def failed(checks: list[Check]) -> list[str]:
    return [check.text.split(",")[0][:24] for check in checks if not check.held]


def test_a_crash_that_went_as_it_must_holds() -> None:
    done, after = good()
    assert [] == failed(crash_handled(CAST, done, EXECUTORS, after))


def one_missed(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    return done[1:], after


def one_too_many(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    spared = next(owner for owner in CAST if owner.loans and not any(loan.falls for loan in owner.loans))
    chain, venue, first = done[0]
    return [*done, (chain, venue, replace(first, borrower=Borrower(spared.address)))], after


def by_a_stranger(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    chain, venue, first = done[0]
    return [(chain, venue, replace(first, liquidator="0x" + "01" * 20)), *done[1:]], after


def bad_debt(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    chain, venue, first = done[0]
    return [(chain, venue, replace(first, bad_debt=1)), *done[1:]], after


def a_hub_leg_that_only_a_view_would_save(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    saved = CAST[2].account_id
    return done, replace(after, liquidated={a: c for a, c in after.liquidated.items() if a != saved})


def a_hub_leg_that_only_a_view_would_take(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    return done, replace(after, liquidated={**after.liquidated, CAST[1].account_id: frozenset({"alpha"})})


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (one_missed, "exactly the 8 loans that"),
        (one_too_many, "exactly the 8 loans that"),
        (by_a_stranger, "each by our executor"),
        (bad_debt, "each by our executor"),
        (a_hub_leg_that_only_a_view_would_save, "at the hub exactly the 3"),
        (a_hub_leg_that_only_a_view_would_take, "at the hub exactly the 3"),
    ],
)
def test_a_crash_that_went_wrong_is_told(
    spoil: Callable[[list[Done], Ledger], tuple[list[Done], Ledger]], what: str
) -> None:
    done, after = spoil(*good())

    assert [what] == failed(crash_handled(CAST, done, EXECUTORS, after))


def told(owner: Owner, factor: Fraction = Fraction(1)) -> Told:
    chains = {leg.chain for leg in owner.hub.account.legs} | {loan.protocol.chain for loan in owner.loans}
    return Told(int(owner.unified_health(BEFORE) * factor * WAD), frozenset(chains))


def test_one_health_over_all_legs_is_compared_with_plain_arithmetic() -> None:
    right = {owner.account_id: told(owner) for owner in CAST}
    first = CAST[0].account_id

    assert unified_right(CAST, right, BEFORE).held
    assert not unified_right(CAST, {**right, first: told(CAST[0], Fraction(99, 100))}, BEFORE).held
    assert not unified_right(
        CAST, {**right, first: replace(right[first], chains=frozenset({"alpha"}))}, BEFORE
    ).held
    assert not unified_right(CAST, {**right, first: replace(right[first], health_mid_wad=None)}, BEFORE).held
    del right[first]
    assert not unified_right(CAST, right, BEFORE).held


def test_a_wrong_price_must_be_held_told_and_touch_nobody() -> None:
    held: dict[Place, str] = {
        ("beta", "aave", owner.address): "price_held"
        for owner in CAST
        for loan in owner.loans
        if loan.falls_for
    }
    done, _ = good()

    assert mispricing_held(CAST, held, [], alerted=True).held
    assert not mispricing_held(CAST, held, [], alerted=False).held
    assert not mispricing_held(CAST, held, done[:1], alerted=True).held
    assert not mispricing_held(CAST, dict(list(held.items())[1:]), [], alerted=True).held
    assert not mispricing_held(CAST, {**held, next(iter(held)): "send"}, [], alerted=True).held
