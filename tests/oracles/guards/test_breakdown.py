"""What liars can do: nothing to the middle while they are a minority, and nothing that lasts once they stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.units import parse_wad
from oracles.price import FailureKind, PriceStatus
from tests.oracles.evidence import NOW_MS
from tests.oracles.tape import Said, Tape, asset, venues

HOLD_S, PERSIST_S, STEP_S = 300, 60, 5
GUARDS: dict[str, Any] = {
    "max_move_bps": 500,
    "persist_s": float(PERSIST_S),
    "hold_s": float(HOLD_S),
    "peg": "USD",
    "peg_value": "1000",
    "peg_band_bps": 1_000,
    "expected_low": "100",
    "expected_high": "5000",
}
LIES: st.SearchStrategy[Said] = st.one_of(
    st.sampled_from(["0.000001", "1", "900", "999", "1001", "1100", "100000", "1000000000000", "1000+-999"]),
    st.integers(1, 10**7).map(str),
    st.sampled_from([FailureKind.UNREACHABLE, FailureKind.MALFORMED]),
)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[int, int, int, list[tuple[list[str], list[Said]]]]:
    """Groups, liars among them, groups that confirm; and for each step what the honest and the liars say."""
    groups = draw(st.integers(3, 7))
    liars = draw(st.integers(0, (groups - 1) // 2))
    confirm = draw(st.sampled_from([0, groups // 2 + 1]))
    honest = st.lists(st.integers(995, 1_005).map(str), min_size=groups - liars, max_size=groups - liars)
    lies = st.lists(LIES, min_size=liars, max_size=liars)
    return groups, liars, confirm, draw(st.lists(st.tuples(honest, lies), min_size=1, max_size=12))


def engine(groups: int, confirm: int, quorum: int) -> Tape:
    names = [f"v{number}" for number in range(groups)]
    guards = GUARDS | {"confirm_groups": confirm}
    if confirm:
        # A cap that no number of groups overrides is the operator's word against all of them.
        guards["max_rate_growth_bps"] = 1_000
    settings = asset(guards, min_sources=quorum, min_groups=quorum)
    return Tape({"COIN": settings}, venues("COIN/USD", *names), last_known={"COIN": "1000"}, max_age_s=60.0)


def step(tape: Tape, second: int, honest: Sequence[str], lies: Sequence[Said] = ()) -> None:
    tape.at(second, **dict(zip(tape.feeds, [*honest, *lies], strict=True)))


@given(scenes())
def test_a_minority_of_liars_never_moves_the_middle_out_of_what_the_honest_say(
    scene: tuple[int, int, int, list[tuple[list[str], list[Said]]]],
) -> None:
    groups, _, confirm, steps = scene
    tape = engine(groups, confirm, groups // 2 + 1)
    for number, (honest, lies) in enumerate(steps):
        step(tape, number * STEP_S, honest, lies)
        mid_wad = tape.price("COIN").mid_wad
        values = [parse_wad(each) for each in honest]
        assert mid_wad is None or min(values) <= mid_wad <= max(values)


@given(scenes(), st.sampled_from(["995", "1000", "1005"]))
def test_once_liars_stop_no_hold_lasts(
    scene: tuple[int, int, int, list[tuple[list[str], list[Said]]]], truth: str
) -> None:
    groups, _, confirm, steps = scene
    tape = engine(groups, confirm, groups // 2 + 1)
    for number, (honest, lies) in enumerate(steps):
        step(tape, number * STEP_S, honest, lies)
    stopped = len(steps) * STEP_S
    for second in range(stopped, stopped + HOLD_S + STEP_S + 1, STEP_S):
        step(tape, second, [truth] * groups)

    assert () == tape.price("COIN").holds
    assert parse_wad(truth) == tape.price("COIN").mid_wad


@given(st.lists(LIES, min_size=1, max_size=40), st.integers(1, 3), st.integers(0, 600))
def test_even_where_everybody_lied_every_hold_ends(lies: list[Said], groups: int, pause_s: int) -> None:
    tape = engine(groups, 0, 1)
    for number, lie in enumerate(lies):
        step(tape, number * STEP_S, [], [lie] * groups)
    stopped = len(lies) * STEP_S + pause_s
    for second in range(stopped, stopped + 2 * (HOLD_S + STEP_S) + 1, STEP_S):
        step(tape, second, ["1000"] * groups)
    price = tape.price("COIN")

    assert PriceStatus.OK is price.status, price.reason
    assert parse_wad("1000") == price.mid_wad


@given(st.lists(LIES, min_size=1, max_size=30), st.integers(0, 7))
def test_no_hold_is_longer_than_its_setting_whatever_is_said(lies: list[Said], confirm: int) -> None:
    tape = engine(2, confirm, 1)
    for number, lie in enumerate(lies):
        step(tape, number * STEP_S, [], [lie, lie])
        for hold in tape.price("COIN").holds:
            assert hold.since_ms <= tape.now_ms < hold.until_ms
            assert HOLD_S * 1_000 == hold.until_ms - hold.since_ms


@given(scenes())
def test_time_alone_changes_a_price_only_when_it_was_announced(
    scene: tuple[int, int, int, list[tuple[list[str], list[Said]]]],
) -> None:
    groups, _, confirm, steps = scene
    tape = engine(groups, confirm, 1)
    for number, (honest, lies) in enumerate(steps):
        step(tape, number * STEP_S, honest, lies)
        before = tape.price("COIN")
        due_ms = tape.guards.next_change_ms("COIN", tape.now_ms)
        if due_ms is None or due_ms > NOW_MS + number * STEP_S * 1_000 + 1:
            again = tape.guards.apply(_raw(tape), tape.book.current.prices, tape.now_ms + 1)
            assert (before.status, before.low_wad, before.high_wad) == (
                again.status,
                again.low_wad,
                again.high_wad,
            )


def _raw(tape: Tape) -> Any:
    """What the book aggregates from what it was told, unguarded."""
    from oracles.aggregate import aggregate
    from oracles.graph import price_of

    (feeds,) = tape.book._feeds["COIN"]
    answers = [slot.answer(tape.book.ages, tape.now_ms + 1) for slot in feeds.slots.values()]
    edge = aggregate(feeds.edge, feeds.settings, answers, tape.book.ages, tape.now_ms + 1)
    return price_of("COIN", feeds.settings, [edge], {})
