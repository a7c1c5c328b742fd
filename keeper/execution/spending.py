"""What may be spent: pure limits per transaction, hour, day and target over what was spent and what is still out.

All amounts are wei of one chain's own coin. What is mined counts with its real cost, failures and cancels
included; what is signed and not over counts with its worst case, because it may still be mined. Work always
leaves the cancel reserve untouched, so that a stuck nonce can be freed when the work budget is used up. A target is
the contract that is called; a cancel calls none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class SpendingLimits:
    """The operator's limits for one chain, wei."""

    max_per_transaction_wei: int
    max_per_hour_wei: int
    max_per_day_wei: int
    cancel_reserve_wei: int
    max_per_target_per_day_wei: int | None = None


@dataclass(frozen=True, slots=True)
class Outlay:
    """What one transaction may cost at most, and the contract it calls: empty for a cancel."""

    cost_wei: int
    target: str = ""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one mined transaction cost, when that was seen (UTC ms), and the contract it called."""

    at_ms: int
    cost_wei: int
    target: str = ""


@dataclass(frozen=True, slots=True)
class LimitPassed:
    """The limit that would be passed, by how much it is exceeded and what it is."""

    limit: str
    would_be_wei: int
    limit_wei: int

    def __str__(self) -> str:
        return f"{self.limit}: {self.would_be_wei} wei would pass the limit of {self.limit_wei} wei"


def worst_case_wei(max_fee_per_gas_wei: int, gas_limit: int, l1_fee_wei: int = 0) -> int:
    """Return the most that a transaction can cost: all its gas at its cap, and what a rollup charges for its data."""
    return max_fee_per_gas_wei * gas_limit + l1_fee_wei


def highest_cap_wei(max_cost_wei: int | None, gas_limit: int, l1_fee_wei: int) -> int | None:
    """Return the largest fee cap per gas at which a transaction costs at most `max_cost_wei`; None is no bound."""
    return None if max_cost_wei is None else (max_cost_wei - l1_fee_wei) // gas_limit


def check_spending(
    limits: SpendingLimits,
    spent: Iterable[Spent],
    reserved: Iterable[Outlay],
    outlay: Outlay,
    now_ms: int,
    *,
    is_cancel: bool,
) -> LimitPassed | None:
    """Return the limit that one more transaction of at most `outlay` would pass, or None.

    `reserved` is the worst case of everything else that is signed and not over.
    """
    cost_wei = outlay.cost_wei
    if cost_wei > limits.max_per_transaction_wei:
        return LimitPassed("max_per_transaction_wei", cost_wei, limits.max_per_transaction_wei)
    hour = day = on_target = 0
    for one in spent:
        if now_ms - one.at_ms < DAY_MS:
            day += one.cost_wei
            on_target += one.cost_wei if one.target == outlay.target else 0
            if now_ms - one.at_ms < HOUR_MS:
                hour += one.cost_wei
    out = reserved_on_target = 0
    for each in reserved:
        out += each.cost_wei
        reserved_on_target += each.cost_wei if each.target == outlay.target else 0
    kept = 0 if is_cancel else limits.cancel_reserve_wei
    for name, used, limit in (
        ("max_per_hour_wei", hour, limits.max_per_hour_wei),
        ("max_per_day_wei", day, limits.max_per_day_wei),
    ):
        would_be = used + out + cost_wei
        if would_be > limit - kept:
            return LimitPassed(name, would_be, limit - kept)
    most = limits.max_per_target_per_day_wei
    if most is None or is_cancel or on_target + reserved_on_target + cost_wei <= most:
        return None
    return LimitPassed("max_per_target_per_day_wei", on_target + reserved_on_target + cost_wei, most)
