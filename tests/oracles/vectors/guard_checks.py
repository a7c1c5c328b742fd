"""What guards and the policy make of the tapes of published vectors and of incidents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from config.units import format_decimal, parse_wad
from oracles.policy import Liveness, Protocol, Rules, are_apart, judge
from oracles.price import Price, PriceStatus
from tests.oracles.tape import Tape, lone

Given: TypeAlias = Mapping[str, Any]


def tape(given: Given) -> object:
    """The target's price after all was said: as many venues of each asset as it has values, held by whom otherwise."""
    first = given["said"][0][1]
    assets = {name: lone(its.get("guards"), **_without_guards(its)) for name, its in given["assets"].items()}
    feeds = {
        f"{name}{at}": (f"{name}/{assets[name].priced_in}", f"g{at}")
        for name, values in first.items()
        for at in range(len(values))
    }
    played = Tape(assets, feeds, max_age_s=31_600_000.0)
    for second, said in given["said"]:
        played.at(
            second,
            **{f"{name}{at}": value for name, values in said.items() for at, value in enumerate(values)},
        )
    price = played.price(given["target"])
    if price.low_wad is None or price.mid_wad is None or price.high_wad is None:
        return f"held: {price.holds[0].guard}" if price.holds else None
    ends = [price.low_wad, price.mid_wad, price.high_wad]
    return format_decimal(ends[0], 18) if len(set(ends)) == 1 else [format_decimal(end, 18) for end in ends]


def policy(given: Given) -> object:
    """What may be done at a venue's price that has been apart from the reference for so long."""
    low, mid, high = sorted(parse_wad(value) for value in given["reference"])
    reference = Price("A", PriceStatus.OK, "", low, mid, high, 0, ())
    own_wad, band_bps = parse_wad(given["protocol"]), given["band_bps"]
    assert are_apart(own_wad, mid, band_bps)
    apart_ms = 1_000 * given["apart_s"]
    outcome = judge(Protocol(own_wad), reference, None, Liveness(live=True), band_bps, apart_ms, Rules())
    return outcome.tier.name.lower()


def _without_guards(its: Given) -> dict[str, Any]:
    return {key: value for key, value in its.items() if key != "guards"}


GUARD_CHECKS: Mapping[str, Callable[[Given], object]] = {"policy": policy, "tape": tape}
