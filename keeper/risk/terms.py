"""What of an account's value bends: claims on tokens, and perpetuals with their gains and tiers, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from config.units import BPS, WAD
from keeper.margin.curves import PositionTerm
from keeper.margin.model import UNITS, TierSchedule
from keeper.risk.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class Claimed:
    """Tokens that claims are paid from first: ``max(amount * price - claims, 0) * weight``."""

    row: Ints
    asset: Ints
    amount: Floats
    claims: Floats
    weight: Floats

    @staticmethod
    def of(found: Sequence[tuple[float, ...]]) -> Claimed:
        """Return the terms of (row, asset, amount, claims, weight)."""
        table = np.array(found, dtype=np.float64).reshape(-1, 5)
        row, asset = table[:, 0].astype(np.intp), table[:, 1].astype(np.intp)
        return Claimed(row, asset, table[:, 2], table[:, 3], table[:, 4])

    def only(self, renumbered: Ints, column: Ints) -> Claimed:
        """Return the terms of some rows, renumbered; -1 is none of them."""
        its = renumbered[self.row] >= 0
        row, asset = renumbered[self.row[its]], column[self.asset[its]]
        return Claimed(row, asset, self.amount[its], self.claims[its], self.weight[its])

    def left(self, at: Floats) -> Floats:
        """Return what is left at prices by (term, scenario), unweighted."""
        found: Floats = np.maximum(self.amount[:, None] * at - self.claims[:, None], 0.0)
        return found

    def slope(self, at: Floats) -> Floats:
        """Return what the weighted rest gains per unit of price."""
        found: Floats = np.where(self.left(at) > 0, (self.amount * self.weight)[:, None], 0.0)
        return found


@dataclass(frozen=True, slots=True)
class Positions:
    """Perpetuals. Tiers by (position, depth): from a notional of `border` on, `fraction` of it is required."""

    row: Ints
    asset: Ints
    size: Floats
    entry: Floats
    gain_weight: Floats
    border: Floats
    fraction: Floats

    @staticmethod
    def of(found: Sequence[tuple[int, int, PositionTerm, int]]) -> Positions:
        """Return the terms of (row, asset, position, gain weight in basis points)."""
        charges = [term.charge for _, _, term, _ in found]
        steps = [its.steps[0] if isinstance(its, TierSchedule) else () for its in charges]
        deepest = max((len(its) for its in steps), default=1)
        border, fraction = np.full((len(found), deepest), np.inf), np.zeros((len(found), deepest))
        for row, its in enumerate(steps):
            for depth, step in enumerate(its):
                border[row, depth] = step.border / float(UNITS) / WAD
                fraction[row, depth] = step.bps / BPS
            fraction[row, len(its) :] = fraction[row, len(its) - 1] if its else 0.0
        return Positions(
            np.array([row for row, _, _, _ in found], dtype=np.intp),
            np.array([column for _, column, _, _ in found], dtype=np.intp),
            np.array([term.size / float(UNITS) for _, _, term, _ in found]),
            np.array([term.entry_price_wad / WAD for _, _, term, _ in found]),
            np.array([gain_bps / BPS for _, _, _, gain_bps in found]),
            border,
            fraction,
        )

    def only(self, renumbered: Ints, column: Ints) -> Positions:
        """Return the terms of some rows, renumbered; -1 is none of them."""
        its = renumbered[self.row] >= 0
        return Positions(
            renumbered[self.row[its]],
            column[self.asset[its]],
            self.size[its],
            self.entry[its],
            self.gain_weight[its],
            self.border[its],
            self.fraction[its],
        )

    def result(self, at: Floats) -> Floats:
        """Return the unrealised result at prices by (term, scenario)."""
        return self.size[:, None] * (at - self.entry[:, None])

    def margin(self, at: Floats) -> Floats:
        """Return what positions add to the surplus: their result as far as it counts, less what they require."""
        result = self.result(at)
        counts = np.where(result > 0, self.gain_weight[:, None] * result, result)
        notional = np.abs(self.size)[:, None] * at
        required = self.fraction[:, :1] * notional
        for depth in range(1, self.border.shape[1]):
            beyond = np.maximum(notional - self.border[:, depth, None], 0.0)
            required += (self.fraction[:, depth, None] - self.fraction[:, depth - 1, None]) * beyond
        found: Floats = counts - required
        return found

    def slope(self, at: Floats) -> Floats:
        """Return what `margin` gains per unit of price."""
        slope = self.size[:, None] * np.where(self.result(at) > 0, self.gain_weight[:, None], 1.0)
        size = np.abs(self.size)[:, None]
        fraction = np.broadcast_to(self.fraction[:, :1], at.shape).copy()
        for depth in range(1, self.border.shape[1]):
            inside = size * at > self.border[:, depth, None]
            more = (self.fraction[:, depth] - self.fraction[:, depth - 1])[:, None]
            fraction += np.where(inside, more, 0.0)
        found: Floats = slope - size * fraction
        return found
