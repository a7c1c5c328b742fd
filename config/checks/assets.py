"""Assets: in what they are priced, by how many, and what part of their value counts."""

from __future__ import annotations

from collections.abc import Iterator

from config.asset_settings import AssetSettings
from config.checks.guards import compared_with
from config.errors import Remark
from config.pairs import UNIT, Edge, edge_of, edges_of, units_of
from config.settings import Settings
from config.source_settings import SourceSettings


def check_assets(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with the pricing and the weights of assets."""
    yield from _pricing(settings)
    used = _used(settings)
    names: dict[str, str] = {}
    for name, asset in settings.assets.items():
        yield from _weights(name, asset)
        yield from _limits(name, asset)
        yield from _paths(name, asset, settings)
        if name not in used:
            message = f"nothing uses {name}: no token, market or debt, and nothing is priced in it"
            yield Remark(("assets", name), "W423", message, "remove it with its sources, or use it")
        if (other := names.setdefault(name.lower(), name)) != name:
            message = f"{name} and {other} differ in capitals only"
            yield Remark(("assets", name), "E305", message, "give them names that no one can confuse")


def _sources_of(edge: Edge, settings: Settings) -> list[SourceSettings]:
    """Return the sources of an edge; those in no unit of its asset count as meant for the preferred one."""
    preferred = units_of(settings.assets[edge.asset])[0]
    return [
        source
        for source in settings.sources
        if (edge_of(source.pair, settings.assets) or Edge(source.pair.partition("/")[0], preferred)) == edge
    ]


def _pricing(settings: Settings) -> Iterator[Remark]:
    in_a_circle: set[str] = set()
    for name, asset in settings.assets.items():
        if name == UNIT:
            message = f"{UNIT} is the unit of all prices and can not be an asset"
            yield Remark(("assets", name), "E406", message, "name the token's own asset, such as USDC")
        unknown = False
        for key, unit in _named_units(asset):
            if unit != UNIT and unit not in settings.assets:
                unknown = True
                advice = f'price it in "{UNIT}", or add [assets.{unit}] with sources of its own'
                yield Remark(("assets", name, *key), "E404", f"there is no asset {unit}", advice)
        if len(units_of(asset)) != 1 + len(asset.also_priced_in):
            message = f"a unit of {name} is named twice"
            advice = f"name each once, and not {asset.priced_in}, which is its first"
            yield Remark(("assets", name, "also_priced_in"), "E429", message, advice)
        circle = () if unknown or name == UNIT else _circle((name,), settings)
        if circle and not in_a_circle & set(circle):
            in_a_circle.update(circle)
            message = f"priced in a circle: {' -> '.join([*circle, circle[0]])}"
            by = "priced_in" if asset.priced_in == (*circle, name)[1] else "also_priced_in"
            yield Remark(("assets", name, by), "E405", message, f"every path of prices must end at {UNIT}")


def _named_units(asset: AssetSettings) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield each unit with the key that names it."""
    yield ("priced_in",), asset.priced_in
    for number, unit in enumerate(asset.also_priced_in):
        yield ("also_priced_in", number), unit


def _circle(walked: tuple[str, ...], settings: Settings) -> tuple[str, ...]:
    """Return the assets of a circle that the first of `walked` is in, or nothing."""
    asset = settings.assets.get(walked[-1])
    for unit in () if asset is None else units_of(asset):
        if unit == walked[0]:
            return walked
        if unit not in walked and (circle := _circle((*walked, unit), settings)):
            return circle
    return ()


def _paths(name: str, asset: AssetSettings, settings: Settings) -> Iterator[Remark]:
    """Yield what keeps an asset's edges from their quorum: fatal for all of them, a warning for one of several."""
    here = ("assets", name)
    edges = {edge: _sources_of(edge, settings) for edge in edges_of(name, asset)}
    first = next(iter(edges))
    short = {edge: list(_short(edge, asset, sources)) for edge, sources in edges.items()}
    if all(short.values()):
        yield from short[first]
    else:
        for edge, remarks in short.items():
            if remarks and (edge.unit == UNIT or edge.unit in settings.assets):
                message = f"no path goes over {edge}: {remarks[0].message.partition(':')[0]}"
                key = "priced_in" if edge == first else "also_priced_in"
                advice = f"add sources of {edge} in enough groups, or do not name {edge.unit} as a unit"
                yield Remark((*here, key), "W430", message, advice)
    if asset.min_groups > asset.min_sources:
        message = f"{asset.min_groups} groups can not be had from min_sources = {asset.min_sources} sources"
        yield Remark((*here, "min_groups"), "W409", message, "set min_sources to min_groups or more")
    has_market = any(source.kind != "erc4626" for sources in edges.values() for source in sources)
    if asset.min_groups == 1 and has_market:
        message = f"one origin alone can set the price of {name}"
        yield Remark((*here, "min_groups"), "W424", message, "set min_groups to 2 or more")
    for edge, sources in edges.items():
        yield from _dominance(edge, sources)


def _short(edge: Edge, asset: AssetSettings, sources: list[SourceSettings]) -> Iterator[Remark]:
    here, name = ("assets", edge.asset), edge.asset
    groups = {source.group for source in sources}
    if asset.min_sources > len(sources):
        message = f"{asset.min_sources} of {len(sources)} sources: {name} would never have a price"
        advice = f'add [[sources]] with pair = "{edge}", or lower min_sources'
        yield Remark((*here, "min_sources"), "E407", message, advice)
    if asset.min_groups > len(groups):
        message = f"{asset.min_groups} of {len(groups)} independent groups: {name} would never have a price"
        advice = "add sources of other groups, or lower min_groups; never split one origin into two groups"
        yield Remark((*here, "min_groups"), "E408", message, advice)


def _dominance(edge: Edge, sources: list[SourceSettings]) -> Iterator[Remark]:
    weights: dict[str, int] = {}
    for source in sources:
        weights[source.group] = max(weights.get(source.group, 0), source.weight)
    for group, weight in weights.items():
        if len(weights) > 1 and 2 * weight > sum(weights.values()):
            message = f"group {group} has more than half of all weight for {edge}: it alone is the median"
            yield Remark(
                ("assets", edge.asset),
                "W420",
                message,
                "lower the weight of its sources, or add other groups",
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
    lowest = asset.lowest_initial_collateral_weight_bps
    if lowest is not None and lowest > asset.initial_collateral_weight_bps:
        message = f"{lowest} is above initial_collateral_weight_bps, {asset.initial_collateral_weight_bps}"
        advice = "a moving weight only falls: set it to at most that, or leave it out"
        yield Remark((*here, "lowest_initial_collateral_weight_bps"), "E523", message, advice)


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
        used |= {token.asset for token in chain.venue_tokens}
    for asset in settings.assets.values():
        used |= {*units_of(asset), *compared_with(asset).values()}
    return used
