"""The tree behind a price: paths, what each group says, every quote by its three clocks, holds and failing sources.

What a group's vote is follows from the logged quotes and the configuration that was in force, by the same rules that
made the price (`oracles.votes`); nothing of it is stored twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keeper.views import figures

if TYPE_CHECKING:
    from rich.tree import Tree

    from config.asset_settings import AssetSettings
    from keeper.state.reader import Row
    from oracles.price import Quote
    from oracles.votes import Vote


@dataclass(frozen=True)
class Behind:
    """What stands behind prices beside themselves: the configuration in force, and how sources are doing, by name."""

    configuration: Mapping[str, object] = field(default_factory=dict)
    sources: Mapping[str, Row] = field(default_factory=dict)

    def settings(self, asset: str) -> AssetSettings | None:
        """Return an asset's settings, None if the log does not hold them or another program wrote them."""
        from pydantic import ValidationError

        from config.asset_settings import AssetSettings

        assets = self.configuration.get("assets")
        try:
            return AssetSettings.model_validate(assets[asset]) if isinstance(assets, Mapping) else None
        except (KeyError, ValidationError):
            return None


def grow(
    tree: Tree, asset: str, prices: Mapping[str, Row], as_of_ms: int, behind: Behind | None = None
) -> None:
    """Add to `tree` what the price of `asset` was made from."""
    from rich.text import Text

    known = behind or Behind()
    price = prices[asset]
    for hold in price["holds"]:
        left = figures.span(int(hold["until_ms"]) - as_of_ms)
        since = figures.span(as_of_ms - int(hold["since_ms"]))
        tree.add(f"held by its {hold['guard']} guard for {since}, for {left} at most: {hold['detail']}")
    for path in price["paths"]:
        tree.add(Text(_path_line(path), style="" if path["taken"] else "dim"))
    for vote in _votes(price, known.settings(asset), as_of_ms):
        tree.add(vote)
    for quote in price["quotes"]:
        line = _quote_line(quote, as_of_ms)
        branch = tree.add(Text(line, style="" if quote["used"] else "dim"))
        trouble = _trouble(known.sources.get(quote["source"]), as_of_ms)
        if trouble:
            branch.add(Text(trouble, style="dim"))
    via = price["via_asset"]
    if via in prices:
        grow(tree.add(f"times {headline(prices[via])}"), via, prices, as_of_ms, behind)


def votes(price: Row, settings: AssetSettings | None, as_of_ms: int) -> dict[str, list[Vote]]:
    """Return what each group that was used said, by pair. Empty where the settings are not known."""
    from config.pairs import edges_of
    from oracles.votes import reading, votes_of

    if settings is None:
        return {}
    found: dict[str, list[Vote]] = {}
    for edge in edges_of(price["asset"], settings):
        used = [
            reading(_quote(row), edge, settings, as_of_ms)
            for row in price["quotes"]
            if row["used"] and row["value_wad"] is not None and row["pair"] in {edge.pair, edge.inverse}
        ]
        if used:
            found[edge.pair] = votes_of(used)
    return found


def _quote(row: Row) -> Quote:
    from oracles.price import Quote

    return Quote(
        source=row["source"],
        group=row["source_group"],
        pair=row["pair"],
        weight=row["weight"],
        value_wad=row["value_wad"],
        confidence_wad=row["confidence_wad"] or 0,
        source_time_ms=row["source_time_ms"],
        received_at_ms=row["received_at_ms"],
        changed_at_ms=row["changed_at_ms"],
    )


def _votes(price: Row, settings: AssetSettings | None, as_of_ms: int) -> Sequence[Tree]:
    from rich.tree import Tree

    branches = []
    for pair, said in votes(price, settings, as_of_ms).items():
        branch = Tree(f"{pair}: {figures.count(len(said), 'vote')}, {_widened(settings)}")
        for vote in said:
            middle = figures.price(vote.lower)
            if vote.upper != vote.lower:
                middle = f"{middle} .. {figures.price(vote.upper)}"
            of = f", of {vote.sources} sources" if vote.sources > 1 else ""
            weight = f", weight {vote.weight}" if vote.weight != 1 else ""
            branch.add(
                f"{vote.group} votes {middle} ({figures.price(vote.low)} .. {figures.price(vote.high)}){of}{weight}"
            )
        branches.append(branch)
    return branches


def _widened(settings: AssetSettings | None) -> str:
    if settings is None:
        return ""
    return (
        f"each its confidence or {settings.floor_bps} bps wide, and {settings.widen_bps_per_minute} bps more a minute; "
        f"needs {settings.min_sources} sources in {settings.min_groups} groups"
    )


def headline(price: Row) -> str:
    """Return an asset's price in one line."""
    return f"{price['asset']}  {interval(price)}  {price['status']}{because(price['reason'])}"


def interval(price: Mapping[str, object]) -> str:
    """Return middle and ends of a price or a path, or that there is none."""
    low, mid, high = (_wad(price[f"{end}_wad"]) for end in ("low", "mid", "high"))
    if mid is None:
        return "no price"
    return f"{figures.price(mid)} ({figures.price(low)} .. {figures.price(high)})"


def _wad(value: object) -> int | None:
    return None if value is None else int(str(value))


def _path_line(path: Mapping[str, object]) -> str:
    pairs = path["pairs"]
    assert isinstance(pairs, list)  # noqa: S101 - so it is logged
    way = " x ".join(str(pair) for pair in pairs)
    fate = "taken" if path["taken"] else f"not taken{because(str(path['reason']))}"
    return f"path {way}: {interval(path)}, {figures.count(int(str(path['groups'])), 'group')}, {fate}"


def _quote_line(quote: Row, as_of_ms: int) -> str:
    name = f"{quote['source']} ({quote['source_group']}) {quote['pair']}"
    if quote["failure"]:
        return f"{name}  left out: {quote['failure']}{because(quote['detail'])}"
    made_ms = quote["source_time_ms"] or quote["changed_at_ms"] or quote["received_at_ms"]
    sure = f" +- {figures.price(quote['confidence_wad'])}" if quote["confidence_wad"] else ""
    line = f"{name}  {figures.price(quote['value_wad'])}{sure}  {figures.span(as_of_ms - made_ms)} old"
    if not quote["used"]:
        line += f"  left out{because(quote['reason'])}"
    return f"{line}  ({_clocks(quote, as_of_ms)})"


def _clocks(quote: Row, as_of_ms: int) -> str:
    said = (
        "made at no time of its own"
        if quote["source_time_ms"] is None
        else f"made {figures.span(as_of_ms - quote['source_time_ms'])}"
    )
    received = figures.span(as_of_ms - quote["received_at_ms"])
    changed = figures.span(as_of_ms - (quote["changed_at_ms"] or quote["received_at_ms"]))
    return f"{said}, received {received}, changed {changed} ago"


def _trouble(source: Row | None, as_of_ms: int) -> str:
    if source is None or not source["failures_in_a_row"]:
        return ""
    row = figures.count(source["failures_in_a_row"], "failure")
    return f"circuit {source['circuit']}, {row} in a row; last: {last_failure(source, as_of_ms)}"


def last_failure(source: Row, as_of_ms: int) -> str:
    """Return a source's last failure and how long ago it was; nothing where it never failed."""
    failure = source["report"]["last_failure"]
    if failure is None:
        return ""
    ago = figures.span(as_of_ms - int(failure["at_ms"]))
    return f"{failure['kind']}{because(failure['detail'])}, {ago} ago"


def because(text: str) -> str:
    """Return a reason as it follows what it is the reason of."""
    return f": {text}" if text else ""
