"""Series of options, as a hub's desk knows them: by a hash of their terms and their market's name.

The id is the same on every chain, so that an account's options can be told to be the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_hash.auto import keccak


@dataclass(frozen=True, slots=True)
class OptionHeld:
    """What an account holds of one series. Hashes and the market's name are 0x hex of 32 bytes."""

    series: str
    market: str
    is_call: bool
    strike_wad: int
    expiry_s: int
    size_wad: int


@dataclass(frozen=True, slots=True)
class OptionMarketFacts:
    """An option market as a desk lists it; `max_volatility_wad` is annualised.

    `spread_bps` (of a trade) and `penalty_bps` (of a liquidation) are parts of the underlying's price, each at most
    `cap_bps` of the option's.
    """

    market: str
    feed: str
    spread_bps: int
    penalty_bps: int
    cap_bps: int
    max_volatility_wad: int
    max_open_interest_wad: int


def market_key(name: str) -> str:
    """Return a market's name as the desk has it: ASCII filled up to 32 bytes, as 0x hex.

    Raises ``ValueError`` for one that does not fit.
    """
    raw = name.encode("ascii")
    if not 0 < len(raw) <= 32:
        raise ValueError(f"{name!r} does not fit into 32 bytes")
    return "0x" + raw.ljust(32, b"\0").hex()


def series_id(market: str, strike_wad: int, expiry_s: int, *, is_call: bool) -> str:
    """Return the id of a series of the market with this key."""
    terms = b"".join(
        (bytes.fromhex(market[2:]), *(value.to_bytes(32) for value in (is_call, strike_wad, expiry_s)))
    )
    return "0x" + keccak(terms).hex()


def item_of(series: str) -> int:
    """Return what attestations call a series: the first 63 bits of its id. No desk has two series alike in them."""
    return int(series[2:18], 16) >> 1
