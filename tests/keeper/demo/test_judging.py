"""Every check of the demo can fail: a demo that says yes to everything shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chains.hub.attestation import Action
from chains.hub.codec import WORDS_PER_LEG
from chains.hub.events import BadDebtRecorded, ClaimOpened, ClaimPaid, DebtSet, HubEvent, Liquidated
from chains.hub.options import OptionHeld
from config.units import WAD
from keeper.demo.cast import BEFORE, Fate, Role, cast
from keeper.demo.judging import called, crash_handled, glitch_ignored, stall_held, untouched_so_far
from keeper.demo.ledger import ROUNDING, Ledger, Leg, tallied
from keeper.demo.timeline import Check
from keeper.demo.watching import LeftOut

ROLES = cast(70)
NOBODY = "0x" + "00" * 20
EMPTY: Leg = (1, 1) + (0,) * (WORDS_PER_LEG - 2)
HOLDING: Leg = (1, 1, 500) + (0,) * (WORDS_PER_LEG - 3)
BALANCE = 6
OPTION = OptionHeld("0x" + "5e" * 32, "0x" + "77" * 32, True, 3_300 * WAD, 1, -WAD)


def of(*fates: Fate) -> list[Role]:
    return [role for role in ROLES if role.fate in fates]


FALLEN = of(Fate.LIQUIDATED)
BANKRUPT = [role for role in ROLES if role.bankrupt]
SAFE = of(Fate.UNTOUCHED)[0].account.account_id


def good() -> tuple[Ledger, Ledger]:
    """What the chains say before and after a crash in which all went as it must."""
    before = Ledger(
        {(chain, role.account.account_id): HOLDING for role in ROLES for chain in role.chains},
        options={
            ("alpha", role.account.account_id): (OPTION,)
            for role in ROLES
            if any(leg.options for leg in role.account.legs)
        },
    )
    gone = {role.account.account_id for role in BANKRUPT}
    after = Ledger(
        {key: EMPTY if key[1] in gone else leg for key, leg in before.legs.items()},
        liquidated={role.account.account_id: frozenset(role.chains[:1]) for role in FALLEN},
        bad_debt=dict.fromkeys(gone, 100),
        claims_opened=frozenset({"0xc1", "0xc2"}),
        claims_paid=frozenset({"0xc1", "0xc2"}),
        options=before.options,
    )
    return before, after


def failed(checks: list[Check]) -> list[str]:
    return [check.text for check in checks if not check.held]


def test_a_crash_that_went_as_it_must_holds() -> None:
    assert [] == failed(crash_handled(ROLES, *good()))


def one_missed(after: Ledger) -> Ledger:
    missed = FALLEN[0].account.account_id
    return replace(after, liquidated={a: c for a, c in after.liquidated.items() if a != missed})


def one_too_many(after: Ledger) -> Ledger:
    return replace(after, liquidated={**after.liquidated, SAFE: frozenset({"alpha"})})


def a_stranger(after: Ledger) -> Ledger:
    return replace(after, liquidated={**after.liquidated, "0x" + "ee" * 32: frozenset({"alpha"})})


def in_the_wrong_place(after: Ledger) -> Ledger:
    role = next(each for each in FALLEN if "gamma" not in each.chains)
    return replace(after, liquidated={**after.liquidated, role.account.account_id: frozenset({"gamma"})})


def one_unit_less(after: Ledger) -> Ledger:
    key = next(key for key in after.legs if key[1] == SAFE)
    changed = (*after.legs[key][:-1], after.legs[key][-1] + 1)
    return replace(after, legs={**after.legs, key: changed})


def an_option_less(after: Ledger) -> Ledger:
    key = next(key for key in after.options if key[1] not in after.liquidated)
    return replace(after, options={its: held for its, held in after.options.items() if its != key})


def an_unpaid_claim(after: Ledger) -> Ledger:
    return replace(after, claims_paid=frozenset({"0xc1"}))


def a_claim_out_of_nowhere(after: Ledger) -> Ledger:
    return replace(after, claims_paid=after.claims_paid | {"0xc3"})


def a_bankrupt_left_owing(after: Ledger) -> Ledger:
    key = next(key for key in after.legs if key[1] == BANKRUPT[0].account.account_id)
    return replace(after, legs={**after.legs, key: HOLDING})


def a_bankrupt_left_holding(after: Ledger) -> Ledger:
    key = next(key for key in after.legs if key[1] == BANKRUPT[0].account.account_id)
    holding = (*EMPTY[:BALANCE], ROUNDING + 1, *EMPTY[BALANCE + 1 :])
    return replace(after, legs={**after.legs, key: holding})


def a_bankrupt_left_short(after: Ledger) -> Ledger:
    account = BANKRUPT[0].account.account_id
    return replace(after, options={**after.options, ("alpha", account): (OPTION,)})


def a_loss_not_told(after: Ledger) -> Ledger:
    return replace(after, bad_debt={})


def a_loss_without_need(after: Ledger) -> Ledger:
    solvent = next(role for role in FALLEN if not role.may_leave_bad_debt).account.account_id
    return replace(after, bad_debt={**after.bad_debt, solvent: 1})


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (one_missed, "exactly the 29"),
        (one_too_many, "exactly the 29"),
        (a_stranger, "exactly the 29"),
        (in_the_wrong_place, "each only on chains"),
        (one_unit_less, "the other 41"),
        (an_option_less, "the other 41"),
        (an_unpaid_claim, "claims"),
        (a_claim_out_of_nowhere, "claims"),
        (a_bankrupt_left_owing, "closed to the last cent"),
        (a_bankrupt_left_holding, "closed to the last cent"),
        (a_bankrupt_left_short, "closed to the last cent"),
        (a_loss_not_told, "closed to the last cent"),
        (a_loss_without_need, "nobody else left bad debt"),
    ],
)
def test_whatever_went_wrong_in_the_crash_is_found(spoil: Callable[[Ledger], Ledger], complaint: str) -> None:
    before, after = good()

    found = failed(crash_handled(ROLES, before, spoil(after)))

    assert any(complaint in text for text in found), found


def test_a_crash_in_which_nothing_happened_does_not_hold() -> None:
    before, _ = good()

    assert 3 == len(failed(crash_handled(ROLES, before, before)))


def test_what_failed_is_named() -> None:
    before, after = good()
    missed = FALLEN[0]

    check = crash_handled(ROLES, before, one_missed(after))[0]

    assert f"not liquidated: {missed.account.account_id[:10]}, {missed.story}" == check.why


def test_rounding_in_the_accounts_favour_is_no_holding() -> None:
    before, after = good()
    key = next(key for key in after.legs if key[1] == BANKRUPT[0].account.account_id)
    rounded = (*EMPTY[:BALANCE], 1, *EMPTY[BALANCE + 1 :])

    assert [] == failed(crash_handled(ROLES, before, replace(after, legs={**after.legs, key: rounded})))


def test_margin_calls_need_a_notice_and_no_hand_on_the_account() -> None:
    _, after = good()
    expected = {role.account.account_id for role in of(Fate.CALLED)}
    touched = replace(after, liquidated={**after.liquidated, min(expected): frozenset({"alpha"})})

    assert called(ROLES, expected, after).held
    assert not called(ROLES, expected - {min(expected)}, after).held
    assert not called(ROLES, expected, touched).held


def left_out(asset: str, mid: int | None, status: str = "degraded") -> LeftOut:
    wad = None if mid is None else mid * WAD
    return LeftOut(asset, status, wad, f"coinbase-{asset}", 1_800 * WAD, "outlier", 0)


@pytest.mark.parametrize(
    ("prices", "holds"),
    [
        ([left_out("ETH", 3_001), left_out("BTC", 59_990)], True),
        ([left_out("ETH", 3_001), left_out("BTC", 59_000)], False),
        ([left_out("ETH", 1_800)], False),
        ([left_out("ETH", None, "unavailable")], False),
        ([], False),
    ],
    ids=["stays", "moved", "followed", "lacking", "never seen"],
)
def test_a_glitch_is_ignored_only_if_prices_were_made_and_stayed(prices: list[LeftOut], holds: bool) -> None:
    assert holds is glitch_ignored(prices, BEFORE).held


def test_a_stall_holds_those_there_and_nobody_else() -> None:
    there, others = {"0xa", "0xb"}, {"0xc"}
    right = {"0xa": "unknown", "0xb": "unknown", "0xc": "healthy"}

    assert stall_held(there, others, right).held
    assert not stall_held(there, others, {**right, "0xb": "healthy"}).held
    assert not stall_held(there, others, {**right, "0xc": "unknown"}).held
    assert not stall_held(there, others, {"0xa": "unknown", "0xb": "unknown"}).held


def test_nobody_liquidated_means_that_the_chains_say_so_and_that_all_live() -> None:
    assert untouched_so_far(Ledger(), []).held
    assert not untouched_so_far(Ledger(liquidated={SAFE: frozenset({"alpha"})}), []).held
    assert not untouched_so_far(Ledger(), ["keeper ended: it said nothing"]).held


def test_the_ledger_sums_up_what_hubs_logged() -> None:
    def step(account: str, action: Action) -> HubEvent:
        return Liquidated(account, int(action), 0, 1, WAD, WAD, 0, WAD // 2, NOBODY, 1, "0x")

    found = tallied(
        [
            ("beta", step("0xa", Action.REPAY_CROSS)),
            ("beta", ClaimOpened("0xa", "0xc1", 1, NOBODY, WAD, NOBODY)),
            ("alpha", step("0xa", Action.SEIZE)),
            ("alpha", ClaimPaid("0xa", "0xc1", NOBODY, 5)),
            ("beta", step("0xb", Action.WRITE_OFF)),
            ("beta", BadDebtRecorded("0xb", 10, 4)),
            ("beta", DebtSet("0xc", 7, 1)),
        ],
        {},
    )

    assert {"0xa": frozenset({"alpha", "beta"}), "0xb": frozenset({"beta"})} == found.liquidated
    assert {("beta", "repay_cross"): 1, ("alpha", "seize"): 1, ("beta", "write_off"): 1} == found.steps
    assert ({"0xb": 10}, 4) == (found.bad_debt, found.covered)
    assert frozenset({"0xc1"}) == found.claims_opened == found.claims_paid
