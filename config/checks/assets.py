"""Assets: in what they are priced, by how many, and what part of their value counts."""

from __future__ import annotations

from collections.abc import Iterator

from config.asset_settings import AssetSettings
from config.errors import Remark
from config.settings import Settings
from config.source_settings import SourceSettings

UNIT = "USD"
"""What every chain of pricing ends at. It has no price of its own and is no asset."""


def check_assets(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with the pricing and the weights of assets."""
    yield from _pricing(settings)
    used = _used(settings)
    names: dict[str, str] = {}
    for name, asset in settings.assets.items():
        yield from _weights(name, asset)
        yield from _limits(name, asset)
        yield from _quorum(name, asset, _sources_of(name, settings))
        if name not in used:
            message = f"nothing uses {name}: no token, market or debt, and nothing is priced in it"
            yield Remark(("assets", name), "W423", message, "remove it with its sources, or use it")
        if (other := names.setdefault(name.lower(), name)) != name:
            message = f"{name} and {other} differ in capitals only"
            yield Remark(("assets", name), "E305", message, "give them names that no one can confuse")


def _sources_of(name: str, settings: Settings) -> list[SourceSettings]:
    return [source for source in settings.sources if source.pair.partition("/")[0] == name]


def _pricing(settings: Settings) -> Iterator[Remark]:
    in_a_circle: set[str] = set()
    for name, asset in settings.assets.items():
        at = ("assets", name, "priced_in")
        if name == UNIT:
            message = f"{UNIT} is the unit of all prices and can not be an asset"
            yield Remark(("assets", name), "E406", message, "name the token's own asset, such as USDC")
        if asset.priced_in != UNIT and asset.priced_in not in settings.assets:
            advice = f'price it in "{UNIT}", or add [assets.{asset.priced_in}] with sources of its own'
            yield Remark(at, "E404", f"there is no asset {asset.priced_in}", advice)
            continue
        circle = _circle(name, settings)
        if circle and not in_a_circle & set(circle):
            in_a_circle.update(circle)
            message = f"priced in a circle: {' -> '.join([*circle, circle[0]])}"
            yield Remark(at, "E405", message, f"every chain of priced_in must end at {UNIT}")


def _circle(name: str, settings: Settings) -> list[str]:
    """Return the assets of the circle that `name` is in, or nothing."""
    walked = [name]
    while (asset := settings.assets.get(walked[-1])) is not None and asset.priced_in != UNIT:
        if asset.priced_in == name:
            return walked
        if asset.priced_in in walked:
            break
        walked.append(asset.priced_in)
    return []


def _quorum(name: str, asset: AssetSettings, sources: list[SourceSettings]) -> Iterator[Remark]:
    here = ("assets", name)
    groups = {source.group for source in sources}
    if asset.min_sources > len(sources):
        message = f"{asset.min_sources} of {len(sources)} sources: {name} would never have a price"
        advice = f'add [[sources]] with pair = "{name}/{asset.priced_in}", or lower min_sources'
        yield Remark((*here, "min_sources"), "E407", message, advice)
    if asset.min_groups > len(groups):
        message = f"{asset.min_groups} of {len(groups)} independent groups: {name} would never have a price"
        advice = "add sources of other groups, or lower min_groups; never split one origin into two groups"
        yield Remark((*here, "min_groups"), "E408", message, advice)
    if asset.min_groups > asset.min_sources:
        message = f"{asset.min_groups} groups can not be had from min_sources = {asset.min_sources} sources"
        yield Remark((*here, "min_groups"), "W409", message, "set min_sources to min_groups or more")
    has_market = any(source.kind != "erc4626" for source in sources)
    if asset.min_groups == 1 and has_market:
        message = f"one origin alone can set the price of {name}"
        yield Remark((*here, "min_groups"), "W424", message, "set min_groups to 2 or more")
    yield from _dominance(name, sources)


def _dominance(name: str, sources: list[SourceSettings]) -> Iterator[Remark]:
    weights: dict[str, int] = {}
    for source in sources:
        weights[source.group] = max(weights.get(source.group, 0), source.weight)
    for group, weight in weights.items():
        if len(weights) > 1 and 2 * weight > sum(weights.values()):
            message = f"group {group} has more than half of all weight for {name}: it alone is the median"
            yield Remark(
                ("assets", name), "W420", message, "lower the weight of its sources, or add other groups"
            )


def _weights(name: str, asset: AssetSettings) -> Iterator[Remark]:
    here = ("assets", name)
    if asset.initial_collateral_weight_bps > asset.collateral_weight_bps:
        message = f"{asset.initial_collateral_weight_bps} is above collateral_weight_bps, "
        message += f"{asset.collateral_weight_bps}"
        advice = "what may be borrowed against must be less than what is left alone: set it to at most that"
        yield Remark((*here, "initial_collateral_weight_bps"), "E501", message, advice)
    if asset.initial_liability_weight_bps < asset.liability_weight_bps:
        message = f"{asset.initial_liability_weight_bps} is below liability_weight_bps, {asset.liability_weight_bps}"
        advice = "a new debt must weigh at least as much as an old one: set both"
        yield Remark((*here, "initial_liability_weight_bps"), "E502", message, advice)


def _limits(name: str, asset: AssetSettings) -> Iterator[Remark]:
    here = ("assets", name)
    if asset.outlier_floor_bps >= asset.max_spread_bps:
        message = f"{asset.outlier_floor_bps} is not below max_spread_bps, {asset.max_spread_bps}"
        advice = "a source that far off would end the price before it is left out: set it lower"
        yield Remark((*here, "outlier_floor_bps"), "W421", message, advice)
    if asset.floor_bps >= asset.max_spread_bps:
        message = f"{asset.floor_bps} is not below max_spread_bps, {asset.max_spread_bps}"
        advice = "an interval that is always wider than sources may differ says nothing: set it lower"
        yield Remark((*here, "floor_bps"), "W422", message, advice)


def _used(settings: Settings) -> set[str]:
    used = {market.asset for market in settings.markets.values()}
    for options in settings.option_markets.values():
        used |= {options.asset, options.volatility}
    for chain in settings.chains.values():
        used |= {chain.debt_asset, *(token.asset for token in chain.tokens)}
    return used | {asset.priced_in for asset in settings.assets.values()}
