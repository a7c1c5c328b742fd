"""Options: what their prices are made from, and the contract that keeps them."""

from __future__ import annotations

from collections.abc import Iterator

from config.errors import Remark
from config.settings import Settings


def check_options(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with option markets, and with the desks of chains."""
    known = ", ".join(settings.assets)
    desks = [chain.option_desk for chain in settings.chains.values() if chain.option_desk is not None]
    for name, market in settings.option_markets.items():
        for key, asset in (("asset", market.asset), ("volatility", market.volatility)):
            if asset not in settings.assets:
                advice = f"add [assets.{asset}], or name one of: {known}"
                yield Remark(("option_markets", name, key), "E517", f"there is no asset {asset}", advice)
        if market.asset == market.volatility:
            message = f"{market.asset} can not be its own volatility"
            advice = "name the asset whose price is the implied volatility, a fraction per year"
            yield Remark(("option_markets", name, "volatility"), "E518", message, advice)
        if not desks:
            advice = "set option_desk in [chains.NAME], or remove it"
            yield Remark(("option_markets", name), "W519", "no chain has an option desk", advice)
    for name, chain in settings.chains.items():
        if chain.option_desk is not None and chain.option_desk in _others(name, settings):
            message = "this is the address of the hub or of a token"
            yield Remark(("chains", name, "option_desk"), "E331", message, "write the desk's own address")


def _others(name: str, settings: Settings) -> set[str]:
    chain = settings.chains[name]
    return {chain.hub, *(token.address for token in chain.tokens)}
