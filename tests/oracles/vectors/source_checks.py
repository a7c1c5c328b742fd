"""What sources give for numbers that stand beside a price: means of ticks, roots beyond prices, signed packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

from config.units import format_decimal
from oracles.aggregate import MAX_VALUE_WAD
from oracles.sources.json_answer import parse_json
from oracles.sources.origin import BadAnswer
from oracles.sources.redstone_packages import Window, agree
from oracles.sources.ticks import mean_tick, price_wad, sqrt_ratio_x96
from tests.oracles.evidence import NOW_MS
from tests.oracles.signing import KEYS, SIGNERS, package

Given: TypeAlias = Mapping[str, Any]
WINDOW = Window(900_000, 600_000)


def mean_ticks(given: Given) -> object:
    """The mean tick between each two observations of (second, cumulative)."""
    return [
        mean_tick(cumulative - cumulative_then, second - second_then)
        for (second_then, cumulative_then), (second, cumulative) in pairwise(given["observations"])
    ]


def roots(given: Given) -> object:
    """The price of token 0 at each root times 2**96 or at each tick, None where that is none."""
    values = [*map(int, given.get("roots_x96", ())), *map(sqrt_ratio_x96, given.get("ticks", ()))]
    return [_price(root_x96) for root_x96 in values]


def _price(root_x96: int) -> str | None:
    value_wad = price_wad(root_x96, base_is_token0=True, base_decimals=18, quote_decimals=18)
    return format_decimal(value_wad, 18) if 0 < value_wad <= MAX_VALUE_WAD else None


def packages(given: Given) -> object:
    """What one of the allowed signers is enough for; values as (number, signer)."""
    names = dict(zip(("s1", "s2"), zip(KEYS, SIGNERS, strict=True), strict=False))
    signed = [package(names[name][0], "ETH", str(value), NOW_MS) for value, name in given["values"]]
    allowed = [names[name][1] for name in given["allowed"]]
    try:
        agreed = agree(parse_json(f"[{','.join(signed)}]".encode()), "ETH", allowed, 1, WINDOW, NOW_MS)
    except BadAnswer:
        return None
    return format_decimal(agreed.value_wad, 18)


SOURCE_CHECKS: Mapping[str, Callable[[Given], object]] = {
    "mean_ticks": mean_ticks,
    "packages": packages,
    "roots": roots,
}
