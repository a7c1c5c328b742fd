"""What may be spent: pure limits per transaction, hour and day over what was spent and what is still out.

All amounts are wei of one chain's own coin. What is mined counts with its real cost, failures and cancels
included; what is signed and not over counts with its worst case, because it may still be mined. Work always
leaves the cancel reserve untouched, so that a stuck nonce can be freed when the work budget is used up.
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


@dataclass(frozen=True, slots=True)
class Spent:
    """What one mined transaction cost, and when that was seen (UTC ms)."""

    at_ms: int
    cost_wei: int


@dataclass(frozen=True, slots=True)
class LimitPassed:
    """The limit that would be passed, by how much it is exceeded and what it is."""

    limit: str
    would_be_wei: int
    limit_wei: int

    def __str__(self) -> str:
        return f"{self.limit}: {self.would_be_wei} wei would pass the limit of {self.limit_wei} wei"


def worst_case_wei(max_fee_per_gas_wei: int, gas_limit: int) -> int:
    """Return the most that a transaction can cost in execution fees."""
    return max_fee_per_gas_wei * gas_limit


def check_spending(
    limits: SpendingLimits,
    spent: Iterable[Spent],
    reserved_wei: int,
    cost_wei: int,
    now_ms: int,
    *,
    is_cancel: bool,
) -> LimitPassed | None:
    """Return the limit that one more transaction of at most `cost_wei` would pass, or None.

    `reserved_wei` is the worst case of everything else that is signed and not over.
    """
    if cost_wei > limits.max_per_transaction_wei:
        return LimitPassed("max_per_transaction_wei", cost_wei, limits.max_per_transaction_wei)
    hour = day = 0
    for one in spent:
        if now_ms - one.at_ms < DAY_MS:
            day += one.cost_wei
            if now_ms - one.at_ms < HOUR_MS:
                hour += one.cost_wei
    kept = 0 if is_cancel else limits.cancel_reserve_wei
    for name, used, limit in (
        ("max_per_hour_wei", hour, limits.max_per_hour_wei),
        ("max_per_day_wei", day, limits.max_per_day_wei),
    ):
        would_be = used + reserved_wei + cost_wei
        if would_be > limit - kept:
            return LimitPassed(name, would_be, limit - kept)
    return None
