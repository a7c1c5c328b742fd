"""Margin models: whose they are, and what their scenarios are about."""

from __future__ import annotations

from collections.abc import Iterator

from config.errors import Remark
from config.risk_settings import OptionMarketSettings
from config.settings import Settings


def check_portfolio(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with the models of subaccounts, their scenarios, and the margin of options."""
    yield from _ranges(settings)
    yield from _assets(settings)
    for name, market in settings.option_markets.items():
        yield from _option_margin(name, market)


def _ranges(settings: Settings) -> Iterator[Remark]:
    taken: list[tuple[int, int]] = []
    for number, its in enumerate(settings.risk.models):
        at = ("risk", "models", number, "first_subaccount")
        first, last = its.first_subaccount, its.last_subaccount
        if last < first:
            message = f"{first} is after last_subaccount, {last}"
            yield Remark(at, "E521", message, "both belong to the range: write the smaller number first")
        elif any(first <= other_last and other_first <= last for other_first, other_last in taken):
            message = f"some of {first} to {last} have a model already"
            yield Remark(at, "E521", message, "let the ranges follow one another")
        taken.append((first, last))


def _assets(settings: Settings) -> Iterator[Remark]:
    portfolio = settings.risk.portfolio
    advice = f"name one of: {', '.join(settings.assets)}"
    for asset in portfolio.assets:
        if asset not in settings.assets:
            at = ("risk", "portfolio", "assets", asset)
            yield Remark(at, "E522", f"there is no asset {asset}", advice)
    seen: set[frozenset[str]] = set()
    for number, pair in enumerate(portfolio.correlations):
        at_pair = ("risk", "portfolio", "correlations", number, "assets")
        for asset in pair.assets:
            if asset not in settings.assets:
                yield Remark(at_pair, "E522", f"there is no asset {asset}", advice)
        both = frozenset(pair.assets)
        if len(both) == 1:
            yield Remark(at_pair, "E522", "an asset moves with itself", "name two different assets")
        elif both in seen:
            message = f"{' and '.join(pair.assets)} have a correlation already"
            yield Remark(at_pair, "E522", message, "keep one of them")
        seen.add(both)


def _option_margin(name: str, market: OptionMarketSettings) -> Iterator[Remark]:
    advice = "adding risk must need at least what keeping it needs"
    if market.initial_long_weight_bps > market.long_weight_bps:
        message = f"{market.initial_long_weight_bps} is above long_weight_bps, {market.long_weight_bps}"
        yield Remark(("option_markets", name, "initial_long_weight_bps"), "E520", message, advice)
    for initial, maintenance in (
        ("short_initial_bps", "short_maintenance_bps"),
        ("least_short_initial_bps", "least_short_maintenance_bps"),
    ):
        its, least = getattr(market, initial), getattr(market, maintenance)
        if its < least:
            yield Remark(
                ("option_markets", name, initial), "E520", f"{its} is below {maintenance}, {least}", advice
            )
