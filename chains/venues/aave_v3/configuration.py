"""A reserve's settings, out of the one word Aave keeps them in, and an account's, out of another.

Source: ReserveConfiguration and UserConfiguration of Aave v3.0.2 (bit positions).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReserveConfiguration:
    """What the protocol allows of one asset. Percentages are bps; a bonus of 10_500 is 5 % on top.

    Caps are whole units of the asset, 0 for none; the debt ceiling is in cents, 0 if the asset is
    not isolated.
    """

    ltv_bps: int
    liquidation_threshold_bps: int
    liquidation_bonus_bps: int
    decimals: int
    active: bool
    frozen: bool
    borrowing: bool
    stable_borrowing: bool
    paused: bool
    borrowable_in_isolation: bool
    siloed: bool
    reserve_factor_bps: int
    borrow_cap: int
    supply_cap: int
    protocol_fee_bps: int
    emode_category: int
    debt_ceiling_cents: int

    @property
    def isolated(self) -> bool:
        """Whether it may only be collateral alone. It bounds borrowing; a liquidation does not ask."""
        return self.debt_ceiling_cents > 0


def read_configuration(bits: int) -> ReserveConfiguration:
    """Return the settings that a reserve's configuration word holds."""

    def field(start: int, width: int) -> int:
        return (bits >> start) & ((1 << width) - 1)

    return ReserveConfiguration(
        ltv_bps=field(0, 16),
        liquidation_threshold_bps=field(16, 16),
        liquidation_bonus_bps=field(32, 16),
        decimals=field(48, 8),
        active=bool(field(56, 1)),
        frozen=bool(field(57, 1)),
        borrowing=bool(field(58, 1)),
        stable_borrowing=bool(field(59, 1)),
        paused=bool(field(60, 1)),
        borrowable_in_isolation=bool(field(61, 1)),
        siloed=bool(field(62, 1)),
        reserve_factor_bps=field(64, 16),
        borrow_cap=field(80, 36),
        supply_cap=field(116, 36),
        protocol_fee_bps=field(152, 16),
        emode_category=field(168, 8),
        debt_ceiling_cents=field(212, 40),
    )


def is_borrowing(bits: int, reserve_id: int) -> bool:
    """Return whether an account's word says that it owes something in this reserve."""
    return bool(bits >> (2 * reserve_id) & 1)


def is_using_as_collateral(bits: int, reserve_id: int) -> bool:
    """Return whether an account's word says that its supply in this reserve is collateral."""
    return bool(bits >> (2 * reserve_id + 1) & 1)
