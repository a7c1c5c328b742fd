"""Figures that people read: liquidation and bankruptcy prices, leverage, free collateral.

They show where an account stands at mid prices, as read; they decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from config.units import WAD, mul_div_down
from keeper.domain.account import Account
from keeper.domain.health import UnifiedHealth
from keeper.margin.curved_figures import (
    Crossing,
    Sought,
    curved_crossing,
    curved_leverage_wad,
    is_curved,
)
from keeper.margin.curves import Curve, curves, missing_parameters
from keeper.margin.evidence import assets_of, boxes
from keeper.margin.model import Kind
from keeper.margin.parameters import RiskPolicy
from oracles.price import Price

Line: TypeAlias = "Callable[[int], int]"


def liquidation_price(
    account: Account,
    asset: str,
    prices: Mapping[str, Price],
    policy: RiskPolicy,
    *,
    at_s: int | None = None,
) -> Crossing | None:
    """Return where the margin surplus is zero as `asset` moves alone; None if anything is unknown.

    `at_s` is the time that options are valued as of.
    """
    if is_curved(account, policy):
        return curved_crossing(account, asset, prices, policy, at_s, Sought.SURPLUS)
    return _crossing(account, asset, prices, policy, _surplus)


def bankruptcy_price(
    account: Account,
    asset: str,
    prices: Mapping[str, Price],
    policy: RiskPolicy,
    *,
    at_s: int | None = None,
) -> Crossing | None:
    """Return where equity is zero as `asset` moves alone; None if anything is unknown."""
    if is_curved(account, policy):
        return curved_crossing(account, asset, prices, policy, at_s, Sought.EQUITY)
    return _crossing(account, asset, prices, policy, Curve.equity)


def leverage_wad(
    account: Account, prices: Mapping[str, Price], policy: RiskPolicy, *, at_s: int | None = None
) -> int | None:
    """Return (debts + absolute notional of positions) / equity at mid, wad, rounded down.

    Of an option the notional counts as far as its price follows the underlying's (delta). None where equity
    is not positive or anything is unknown.
    """
    if is_curved(account, policy):
        return curved_leverage_wad(account, prices, policy, at_s)
    found = _mid_curves(account, prices, policy)
    if found is None:
        return None
    its_curves, mid_wad = found
    exposure = sum(
        curve.debts * mid_wad[asset] + curve.notional(mid_wad[asset]) for asset, curve in its_curves.items()
    )
    equity = sum(curve.equity(mid_wad[asset]) for asset, curve in its_curves.items())
    return mul_div_down(exposure, WAD, equity) if equity > 0 else None


def free_collateral_wad(health: UnifiedHealth) -> int:
    """Return what initial margin certainly does not need, USD wad; zero where it is short or anything is unknown."""
    return 0 if health.unknown_because else max(health.initial_surplus.low, 0)


def _surplus(curve: Curve, price_wad: int) -> int:
    assets, required = curve.margin(price_wad, Kind.MAINTENANCE)
    return assets - required


def _mid_curves(
    account: Account, prices: Mapping[str, Price], policy: RiskPolicy
) -> tuple[dict[str, Curve], dict[str, int]] | None:
    found, reasons = boxes(assets_of(account, policy), prices)
    unreadable = any(leg.unreadable for leg in account.legs)
    if reasons or unreadable or any(missing_parameters(account, policy)):
        return None
    return curves(account.legs, policy, {}), {asset: box.mid_wad for asset, box in found.items()}


def _crossing(
    account: Account,
    asset: str,
    prices: Mapping[str, Price],
    policy: RiskPolicy,
    figure: Callable[[Curve, int], int],
) -> Crossing | None:
    found = _mid_curves(account, prices, policy)
    if found is None:
        return None
    its_curves, mid_wad = found
    curve = its_curves.get(asset)
    if curve is None:
        return Crossing(None, None)
    held = sum(figure(other, mid_wad[name]) for name, other in its_curves.items() if name != asset)

    def line(price_wad: int) -> int:
        return held + figure(curve, price_wad)

    now_wad = mid_wad[asset]
    bends = sorted({price for kink in curve.kinks() for price in (kink, kink + 1)})
    return Crossing(
        _below(line, now_wad, [price for price in bends if 0 <= price < now_wad]),
        _above(line, now_wad, [price for price in bends if price > now_wad]),
    )


def _below(line: Line, now_wad: int, bends: list[int]) -> int | None:
    """Return the first root under `now_wad`. Between neighbours of now, the bends and zero the line is straight."""
    right = now_wad
    sign = line(now_wad) >= 0
    for left in [*reversed(bends), 0]:
        at_left, at_right = line(left), line(right)
        if (at_left >= 0) is not sign:
            return left + abs(at_left) * (right - left) // abs(at_left - at_right)
        right = left
    return None


def _above(line: Line, now_wad: int, bends: list[int]) -> int | None:
    """Return the first root over `now_wad`. After the last bend the line goes straight on for ever."""
    left = now_wad
    sign = line(now_wad) >= 0
    for right in bends:
        at_left, at_right = line(left), line(right)
        if (at_right >= 0) is not sign:
            return left - (-abs(at_left) * (right - left) // abs(at_right - at_left))
        left = right
    at_left, slope = line(left), line(left + 1) - line(left)
    if slope == 0 or (slope > 0) is sign:
        return None
    return left - (-abs(at_left) // abs(slope))
