"""Which state a health puts an account in, and when a notice is taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.risk_settings import LiquidateWhen
from config.units import WAD
from keeper.domain.health import AccountState, Interval, UnifiedHealth
from keeper.margin.states import next_state
from tests.keeper.margin.builders import POLICY

HEALTHY, CALL, AT_RISK, LIQUIDATABLE, BANKRUPT, UNKNOWN = AccountState
LIKELY = replace(POLICY, liquidate_when=LiquidateWhen.LIKELY)


def health(
    *,
    ratio: tuple[int, int, int] | None = (2, 2, 2),
    equity_high: int = 1,
    unknown_because: tuple[str, ...] = (),
) -> UnifiedHealth:
    """Return the figures of an account with a requirement of 100 wei; `ratio` in percent."""
    surplus = Interval(1, 1, 1) if ratio is None else Interval(*(percent - 100 for percent in ratio))
    shares = None if ratio is None else Interval(*(percent * WAD // 100 for percent in ratio))
    equity = Interval(min(equity_high, -1), equity_high, equity_high)
    return UnifiedHealth("a", surplus, surplus, shares, equity, 0, 0, 0, (), "", unknown_because)


@pytest.mark.parametrize(
    ("figures", "state"),
    [
        (health(ratio=None), HEALTHY),
        (health(ratio=(110, 120, 130)), HEALTHY),
        (health(ratio=(109, 120, 130)), CALL),
        (health(ratio=(100, 100, 100)), CALL),
        (health(ratio=(99, 100, 101)), AT_RISK),
        (health(ratio=(98, 99, 100)), AT_RISK),
        (health(ratio=(97, 98, 99)), LIQUIDATABLE),
        (health(ratio=(50, 60, 70), equity_high=0), LIQUIDATABLE),
        (health(ratio=(50, 60, 70), equity_high=-1), BANKRUPT),
        (health(ratio=(50, 60, 70), equity_high=-1, unknown_because=("no price",)), UNKNOWN),
        (health(ratio=(200, 200, 200), unknown_because=("no price",)), UNKNOWN),
    ],
)
def test_each_health_has_its_state(figures: UnifiedHealth, state: AccountState) -> None:
    assert state == next_state(None, figures, POLICY)


def test_likely_liquidates_on_the_middle_and_never_on_the_boundary() -> None:
    assert LIQUIDATABLE == next_state(None, health(ratio=(98, 99, 101)), LIKELY)
    assert AT_RISK == next_state(None, health(ratio=(99, 100, 101)), LIKELY)
    assert AT_RISK == next_state(None, health(ratio=(98, 99, 101)), POLICY)


@pytest.mark.parametrize("previous", [CALL, AT_RISK, LIQUIDATABLE, BANKRUPT])
def test_a_call_is_cleared_only_above_the_clearing_threshold(previous: AccountState) -> None:
    assert CALL == next_state(previous, health(ratio=(111, 120, 130)), POLICY)
    assert HEALTHY == next_state(previous, health(ratio=(112, 120, 130)), POLICY)


@pytest.mark.parametrize("previous", [None, HEALTHY, UNKNOWN])
def test_no_call_is_made_between_the_thresholds(previous: AccountState | None) -> None:
    assert HEALTHY == next_state(previous, health(ratio=(111, 120, 130)), POLICY)
