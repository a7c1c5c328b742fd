"""The optimiser by itself: published close-outs, exhaustive search and another solver agree with it."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from keeper.planner.program import Cover, Offer, Program, Use, solve
from keeper.planner.simplex import ONE
from tests.keeper.planner.closeouts import MICRO, cases, drawn, read


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case["name"]).replace(" ", "-"))
def test_the_close_outs_are_solved_to_the_optimum(case: Any) -> None:
    found = solve(read(case).program())

    expected = case["expected"]
    assert expected["feasible"] == (found is not None)
    if found is None:
        return
    assert abs(Decimal(found.cost) / MICRO - Decimal(expected["min_total_cost"])) <= Decimal("0.000001")
    amounts = [leg.cap_usd * share / ONE for leg, share in zip(read(case).legs, found.shares, strict=True)]
    for amount, wanted in zip(amounts, expected["amounts_usd"], strict=True):
        assert abs(amount - Decimal(wanted)) <= Decimal("0.00001")
    assert found.bound >= found.cost - (found.cost >> 19)


@pytest.mark.parametrize("count", [1, 3, 8, 20])
def test_another_solver_finds_nothing_cheaper(count: int) -> None:
    for seed in range(30):
        problem = drawn(random.Random(f"{count} {seed}"), count)
        found, theirs = solve(problem.program()), problem.scipys()

        assert (theirs.x is not None) == (found is not None)
        if found is not None:
            assert found.cost / MICRO == pytest.approx(theirs.fun, rel=1e-6)


def keeps(program: Program, shares: tuple[int, ...]) -> bool:
    covered = all(
        sum(gives * share for gives, share in zip(cover.gives, shares, strict=True)) >= cover.need * ONE - ONE
        for cover in program.covers
    )
    used = [0] * len(program.limits)
    for offer, share in zip(program.offers, shares, strict=True):
        for use in offer.uses if share else ():
            used[use.limit] += use.of_all * share + use.once * ONE
    within = all(its <= most * ONE + ONE for its, most in zip(used, program.limits, strict=True))
    least = all(
        not share or share >= offer.least - 2**30 for offer, share in zip(program.offers, shares, strict=True)
    )
    return covered and within and least


def cost_of(program: Program, shares: tuple[int, ...]) -> int:
    return sum(
        its.cost * share // ONE + its.fixed
        for its, share in zip(program.offers, shares, strict=True)
        if share
    )


@pytest.mark.parametrize("seed", range(60))
def test_no_point_of_a_grid_is_cheaper(seed: int) -> None:
    """Two covers that pull apart, limits by amount and by number, least shares."""
    source = random.Random(seed)
    offers = tuple(
        Offer(
            source.randrange(10, 1_000) * MICRO,
            source.choice((0, 50, 300)) * MICRO,
            source.choice((0, ONE // 4)),
            (Use(0, source.randrange(1, 100) * MICRO), Use(1, 0, 1)),
        )
        for _ in range(4)
    )
    covers = tuple(
        Cover(tuple(source.randrange(-20, 100) * MICRO for _ in offers), source.randrange(1, 120) * MICRO)
        for _ in range(2)
    )
    program = Program(offers, covers, (source.randrange(20, 300) * MICRO, 3))
    grid = [
        shares
        for shares in product([ONE * part // 8 for part in range(9)], repeat=len(offers))
        if keeps(program, shares)
    ]
    found = solve(program)

    if found is None:
        assert not grid
        return
    assert keeps(program, found.shares)
    assert all(found.cost <= cost_of(program, shares) + MICRO for shares in grid)


def test_the_same_program_has_the_same_solution_and_shares_to_the_last_bit() -> None:
    program = drawn(random.Random(5), 30).program()

    assert solve(program) == solve(program)


def test_an_exhausted_budget_leaves_a_plan_and_an_honest_bound() -> None:
    program = drawn(random.Random(9), 30, wanted=(0.2,)).program()
    whole, hurried = solve(program), solve(program, budget=1)

    assert whole is not None
    assert hurried is not None
    assert hurried.bound <= whole.cost <= hurried.cost


def test_what_is_left_out_is_not_used() -> None:
    program = drawn(random.Random(3), 12, wanted=(0.05,)).program()
    best = solve(program)
    assert best is not None

    for number in best.taken:
        other = solve(program, without=[number])
        assert other is not None
        assert number not in other.taken
        assert other.cost >= best.cost


def test_what_only_makes_room_is_bought_as_far_as_it_is_needed() -> None:
    """The second offer gives nothing but half of the limit that the first one wants."""
    sold, room = Offer(0, 0, 0, (Use(0, 100),)), Offer(40, 0, 0, (Use(0, -50),))
    found = solve(Program((sold, room), (Cover((200, 0), 150),), (50,)))

    assert found is not None
    assert (ONE * 3 // 4, ONE // 2) == tuple((share + 2**40) >> 45 << 45 for share in found.shares)
