"""Guards and estimates: what they compare with exists, no circle, and bounds in their order."""

from __future__ import annotations

from collections.abc import Iterator

from config.asset_settings import AssetSettings
from config.errors import Remark
from config.pairs import UNIT, units_of
from config.settings import Settings
from config.units import format_decimal


def check_guards(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with the guards and the estimates of assets."""
    for name, asset in settings.assets.items():
        yield from _compared(name, asset, settings)
        yield from _bounds(name, asset)
        yield from _estimates(name, asset)


def compared_with(asset: AssetSettings) -> dict[str, str]:
    """Return the assets that a price is compared with, by the key that names them."""
    named = {"peg": asset.guards.peg, "reference": asset.guards.reference}
    return {key: other for key, other in named.items() if other is not None and (key, other) != ("peg", UNIT)}


def _compared(name: str, asset: AssetSettings, settings: Settings) -> Iterator[Remark]:
    for key, other in compared_with(asset).items():
        at = ("assets", name, "guards", key)
        if other not in settings.assets:
            advice = f"name one of: {', '.join(settings.assets)}" + (f", {UNIT}" if key == "peg" else "")
            yield Remark(at, "E441", f"there is no asset {other}", advice)
        elif name in _reachable(other, settings):
            message = f"{other} needs the price of {name}, and {name} would be compared with it"
            advice = "compare with an asset that has sources of its own"
            yield Remark(at, "E442", message, advice)


def _reachable(name: str, settings: Settings) -> set[str]:
    """Return `name` and every asset that its price needs."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        asset = settings.assets.get(each := waiting.pop())
        if asset is not None and each not in found:
            found.add(each)
            waiting += [*units_of(asset), *compared_with(asset).values()]
    return found


def _bounds(name: str, asset: AssetSettings) -> Iterator[Remark]:
    guards, here = asset.guards, ("assets", name, "guards")
    low, high = guards.expected_low, guards.expected_high
    if low is not None and high is not None and low > high:
        message = f"{format_decimal(low, 18)} is above expected_high, {format_decimal(high, 18)}"
        yield Remark(
            (*here, "expected_low"), "E443", message, "no price fits: exchange them, or leave one out"
        )
    if guards.peg is not None and guards.peg_value == 0:
        message = f"0: {name} would be pegged to nothing"
        yield Remark(
            (*here, "peg_value"), "E444", message, f'write how many {guards.peg} it should be worth: "1"'
        )
    if guards.persist_s >= guards.hold_s:
        message = f"{guards.persist_s:g} s is not below hold_s, {guards.hold_s:g} s: every hold ends before"
        advice = "what proves itself should do so before a hold expires: set it lower"
        yield Remark((*here, "persist_s"), "W445", message, advice)


def _estimates(name: str, asset: AssetSettings) -> Iterator[Remark]:
    its, here = asset.estimates, ("assets", name, "estimates")
    if its.lowest_volatility > its.highest_volatility:
        low, high = format_decimal(its.lowest_volatility, 18), format_decimal(its.highest_volatility, 18)
        message = f"{low} is above highest_volatility, {high}"
        yield Remark((*here, "lowest_volatility"), "E446", message, "no estimate fits: exchange them")
    if its.depth is not None and its.lowest_depth > its.depth:
        low, high = format_decimal(its.lowest_depth, 18), format_decimal(its.depth, 18)
        yield Remark((*here, "lowest_depth"), "E446", f"{low} is above depth, {high}", "set it lower")
    if its.half_life_s < its.sample_s:
        message = (
            f"{its.half_life_s:g} s is shorter than sample_s, {its.sample_s:g} s: one sample would be all"
        )
        yield Remark((*here, "half_life_s"), "W447", message, "set it to many samples")
