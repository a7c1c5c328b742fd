"""Settling options that expired: what is done on a chain once, and then for each account that holds them.

It needs nobody's word but the desk's: anyone may do it, and it can come out in one way only.
"""

from __future__ import annotations

from dataclasses import dataclass

FIX_SETTLEMENT = 65
"""The action of an intent that fixes what an underlying came to at an expiry. No attestation has this number."""
SETTLE_OPTION = 66
"""The action of an intent that pays, or charges, one account what one series came to."""
SETTLEMENTS = frozenset({FIX_SETTLEMENT, SETTLE_OPTION})
NOBODY = "0x" + "00" * 32
"""In an account's place, where something is done for all who hold an option."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """One thing to do about options that expired, and why.

    With `series` it settles `account_id`'s `size_wad` contracts of it at `settlement_wad`, which comes to `value_wad`
    USD for the account (signed). Without, it fixes what the underlying of `market` came to, by the feed's `round_id`.
    """

    settlement_id: str
    chain: str
    market: str
    expiry_s: int
    account_id: str
    series: str
    size_wad: int
    settlement_wad: int
    value_wad: int
    round_id: int
    block_number: int
    reason: str
