"""Unified health: what is computed for an account, and the states it can be in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from keeper.domain.account import CutPoint


@dataclass(frozen=True, slots=True)
class Interval:
    """`low <= mid <= high`, wad."""

    low: int
    mid: int
    high: int


class AccountState(StrEnum):
    """Where an account stands (specified for `liquidate_when = "certain"`)."""

    HEALTHY = "healthy"
    MARGIN_CALL = "margin_call"
    AT_RISK = "at_risk"
    LIQUIDATABLE = "liquidatable"
    BANKRUPT = "bankrupt"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class UnifiedHealth:
    """An account's figures over one consistent cut and one price set. USD wad.

    `health` is None when there is no requirement (infinite health). `unknown_because` lists
    what evidence is missing; while it is not empty nothing else here may be acted on.
    """

    account_id: str
    surplus: Interval
    initial_surplus: Interval
    health: Interval | None
    equity: Interval
    assets_mid: int
    requirement_mid: int
    maintenance_mid: int
    cut: tuple[CutPoint, ...]
    price_set: str
    unknown_because: tuple[str, ...] = ()
