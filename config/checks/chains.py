"""Chains: who they are, what their hub lists, and when they count as late."""

from __future__ import annotations

from collections.abc import Iterator

from config.errors import Remark
from config.settings import ChainSettings, Settings

HUB_TOKENS = 6
HUB_MARKETS = 4
"""What one margin hub can list (MAX_TOKENS and MAX_MARKETS in its contract)."""


def check_chains(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with chains among each other and each in itself."""
    yield from _identities(settings)
    for name, chain in settings.chains.items():
        yield from _tokens(name, chain, settings)
        yield from _markets(name, chain, settings)
        yield from _times(name, chain)
        if chain.agreeing_endpoints > len(chain.endpoints):
            yield Remark(
                ("chains", name, "agreeing_endpoints"),
                "E339",
                f"{chain.agreeing_endpoints} endpoints must agree, and {name} has {len(chain.endpoints)}",
                "add endpoints, or ask fewer of them to agree: nothing would ever be sent",
            )
        if chain.confirm_chain_id is not None and chain.confirm_chain_id != chain.chain_id:
            yield Remark(
                ("chains", name, "confirm_chain_id"),
                "E612",
                f"{chain.confirm_chain_id} is not this chain's chain_id, {chain.chain_id}",
                "repeat the chain_id of the chain that money may be spent on",
            )


def _identities(settings: Settings) -> Iterator[Remark]:
    ids: dict[int, str] = {}
    names: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for name, chain in settings.chains.items():
        if (other := ids.setdefault(chain.chain_id, name)) != name:
            message = f"chain id {chain.chain_id} is already that of {other}"
            yield Remark(
                ("chains", name, "chain_id"),
                "E301",
                message,
                "a chain is configured once; give it its own id",
            )
        if (other := names.setdefault(name.lower(), name)) != name:
            message = f"{name} and {other} differ in capitals only"
            yield Remark(("chains", name), "E305", message, "give them names that no one can confuse")
        if (other := hashes.setdefault(chain.genesis_hash, name)) != name:
            message = f"the genesis hash is already that of {other}"
            advice = "right only for forks and local chains; otherwise ask this chain for its block 0"
            yield Remark(("chains", name, "genesis_hash"), "W302", message, advice)


def _tokens(name: str, chain: ChainSettings, settings: Settings) -> Iterator[Remark]:
    here = ("chains", name)
    known = ", ".join(settings.assets)
    seen: dict[str, int] = {}
    for number, token in enumerate(chain.tokens):
        at = (*here, "tokens", number)
        if token.asset not in settings.assets:
            yield Remark(
                (*at, "asset"),
                "E311",
                f"there is no asset {token.asset}",
                f"add [assets.{token.asset}], or: {known}",
            )
        elif settings.assets[token.asset].collateral_weight_bps == 0:
            message = f"{token.asset} counts nothing as collateral: its collateral_weight_bps is 0"
            yield Remark(
                (*at, "asset"), "W514", message, f"set it in [assets.{token.asset}] if it should count"
            )
        if token.address == chain.hub:
            yield Remark(
                (*at, "address"), "E306", "this is the address of the hub", "write the token's own address"
            )
        if seen.setdefault(token.address, number) != number:
            message = f"this token is already listed as tokens[{seen[token.address]}]"
            yield Remark((*at, "address"), "E307", message, "list each token once")
    if len(chain.tokens) > HUB_TOKENS:
        message = f"{len(chain.tokens)} tokens, but a hub lists at most {HUB_TOKENS}"
        yield Remark((*here, "tokens", HUB_TOKENS), "E310", message, "keep those that the hub lists")
    yield from _stable(name, chain, settings)


def _stable(name: str, chain: ChainSettings, settings: Settings) -> Iterator[Remark]:
    at = ("chains", name, "debt_asset")
    if chain.debt_asset not in settings.assets:
        known = ", ".join(settings.assets)
        yield Remark(
            at, "E313", f"there is no asset {chain.debt_asset}", f"name what the hub lends, one of: {known}"
        )
    elif all(token.asset != chain.debt_asset for token in chain.tokens):
        message = f"no token of this chain is {chain.debt_asset}, in which its debts are"
        advice = "list the hub's stable token first under tokens, or correct debt_asset"
        yield Remark(at, "E315", message, advice)
    elif chain.tokens[0].asset != chain.debt_asset:
        message = f"the first token is {chain.tokens[0].asset}, but a hub's token 0 is its stable, {chain.debt_asset}"
        advice = "list the hub's stable token first"
        yield Remark(("chains", name, "tokens", 0, "asset"), "E316", message, advice)


def _markets(name: str, chain: ChainSettings, settings: Settings) -> Iterator[Remark]:
    names: dict[str, int] = {}
    numbers: dict[int, int] = {}
    for number, market in enumerate(chain.markets):
        at = ("chains", name, "markets", number)
        if market.market not in settings.markets:
            known = ", ".join(settings.markets) or "none yet"
            advice = f"add [markets.{market.market}], or name one that there is: {known}"
            yield Remark((*at, "market"), "E314", f"there is no market {market.market}", advice)
        if names.setdefault(market.market, number) != number:
            message = f"{market.market} is already markets[{names[market.market]}] of this chain"
            yield Remark((*at, "market"), "E308", message, "list each market once per chain")
        if numbers.setdefault(market.hub_id, number) != number:
            message = (
                f"hub_id {market.hub_id} is already that of {chain.markets[numbers[market.hub_id]].market}"
            )
            yield Remark(
                (*at, "hub_id"), "E308", message, "ask the hub for its number: market_info(0), (1), ..."
            )
        if market.hub_id >= HUB_MARKETS:
            message = f"{market.hub_id} is no number of a market: a hub has at most {HUB_MARKETS}"
            yield Remark(
                (*at, "hub_id"), "E309", message, f"the first market is 0, the last {HUB_MARKETS - 1}"
            )


def _times(name: str, chain: ChainSettings) -> Iterator[Remark]:
    here = ("chains", name)
    stale = chain.stale_after_s
    if chain.unknown_after_s < stale:
        message = f"{chain.unknown_after_s:g} s is before stale_after_s, {stale:g} s"
        advice = "a chain is first stale (counted with care), then unknown (not counted): set it above stale_after_s"
        yield Remark((*here, "unknown_after_s"), "E322", message, advice)
    slowest = max(chain.block_time_s, chain.poll_interval_s)
    if stale <= slowest:
        message = f"{stale:g} s passes between two heads: blocks every {chain.block_time_s:g} s, "
        message += f"asked for every {chain.poll_interval_s:g} s"
        advice = f"the chain would be stale all the time; set it well above {slowest:g}, say {5 * slowest:g}"
        yield Remark((*here, "stale_after_s"), "E323", message, advice)
    for number, endpoint in enumerate(chain.endpoints):
        if endpoint.timeout_s >= stale:
            message = f"{endpoint.timeout_s:g} s: one hanging request makes the chain stale ({stale:g} s)"
            advice = "set it so that a second endpoint can still be asked in time"
            yield Remark((*here, "endpoints", number, "timeout_s"), "W324", message, advice)
