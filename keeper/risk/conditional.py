"""Liquidation prices given another price: where an account would be liquidated by one asset once another has moved.

A liquidation price of an account with several assets holds only while the others stand still. Along the asset it is most
exposed to next, this tells how it shifts: the line in which the liquidation surface cuts the plane of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keeper.margin.evidence import time_of
from keeper.margin.figures import liquidation_price
from keeper.risk.stress import moved
from keeper.risk.watched import Watched


@dataclass(frozen=True, slots=True)
class Conditional:
    """Where the surplus is zero as `asset` moves once `other` has moved; None where it never is. USD wad."""

    asset: str
    other: str
    other_move_bps: int
    below_wad: int | None
    above_wad: int | None


def conditional_prices(
    watched: Watched, row: int, shock: Mapping[str, float], moves_bps: Sequence[int]
) -> tuple[Conditional, ...]:
    """Return the liquidation prices of the asset that moves most in `shock`, by moves of the one that moves next.

    `shock` are the moves at the account's nearest breach. An account with one such asset has one price: the other
    asset is then itself left out (``""``).
    """
    ranked = sorted((asset for asset in shock if abs(shock[asset]) >= 1e-3), key=lambda its: -abs(shock[its]))
    if not ranked:
        return ()
    asset, other = ranked[0], ranked[1] if len(ranked) > 1 else ""
    account, at_s = watched.accounts[row], time_of(watched.cut)
    found: list[Conditional] = []
    for move_bps in moves_bps if other else (0,):
        prices = moved(watched.prices, {other: move_bps})
        crossing = liquidation_price(account, asset, prices, watched.policy, at_s=at_s)
        if crossing is not None:
            found.append(Conditional(asset, other, move_bps, crossing.below_wad, crossing.above_wad))
    return tuple(found)
