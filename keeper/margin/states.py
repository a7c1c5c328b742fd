"""The states an account moves through, and the hysteresis that keeps notices from repeating."""

from __future__ import annotations

from config.risk_settings import LiquidateWhen
from keeper.domain.health import AccountState, UnifiedHealth
from keeper.margin.parameters import RiskPolicy

CALLED = frozenset(
    {AccountState.MARGIN_CALL, AccountState.AT_RISK, AccountState.LIQUIDATABLE, AccountState.BANKRUPT}
)
"""States from which an account is healthy again only above the clearing threshold."""

ACTIONABLE = frozenset({AccountState.LIQUIDATABLE, AccountState.BANKRUPT})
"""States in which the account may be liquidated."""


def next_state(previous: AccountState | None, health: UnifiedHealth, policy: RiskPolicy) -> AccountState:
    """Return the state that `health` puts the account in. At a surplus of exactly zero it is left alone.

    After unknown the plain margin-call threshold holds, since whether a notice is out is not known.
    """
    if health.unknown_because:
        return AccountState.UNKNOWN
    if health.equity.high < 0:
        return AccountState.BANKRUPT
    deciding = health.surplus.high if policy.liquidate_when is LiquidateWhen.CERTAIN else health.surplus.mid
    if deciding < 0:
        return AccountState.LIQUIDATABLE
    if health.surplus.low < 0:
        return AccountState.AT_RISK
    threshold = policy.margin_call_clear_health_wad if previous in CALLED else policy.margin_call_health_wad
    if health.health is not None and health.health.low < threshold:
        return AccountState.MARGIN_CALL
    return AccountState.HEALTHY


def may_be_liquidated(health: UnifiedHealth, policy: RiskPolicy) -> bool:
    """Whether the evidence allows liquidation, by the policy's measure of certainty."""
    return next_state(None, health, policy) in ACTIONABLE
