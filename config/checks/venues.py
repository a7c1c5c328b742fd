"""Venues: what each kind needs, what their tokens stand for, and whether the executor can pay."""

from __future__ import annotations

from collections.abc import Iterator

from config.errors import KeyPath, Remark
from config.settings import ChainSettings, Mode, Settings
from config.venue_settings import ExecutorSettings, VenueKind, VenueSettings


def check_venues(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with the venues of each chain, their tokens and its executor."""
    for name, chain in settings.chains.items():
        at: KeyPath = ("chains", name)
        yield from _tokens(at, chain, settings)
        taken = _taken(chain)
        for venue_name, venue in chain.venues.items():
            yield from _venue((*at, "venues", venue_name), venue, taken)
        if chain.executor is not None:
            yield from _executor((*at, "executor"), chain.executor, chain)
        elif chain.venues and settings.mode is Mode.LIVE:
            message = "mode is live, and nothing can be liquidated at these venues"
            advice = f"deploy the executor contract and add [chains.{name}.executor] with its address"
            yield Remark((*at, "venues"), "E332", message, advice)


def venue_tokens(chain: ChainSettings) -> set[str]:
    """Return the addresses of the tokens whose asset is said."""
    return {token.address for token in chain.tokens} | {token.address for token in chain.venue_tokens}


def _taken(chain: ChainSettings) -> dict[str, str]:
    return dict.fromkeys(venue_tokens(chain), "a token") | {chain.hub: "the hub"}


def _tokens(at: KeyPath, chain: ChainSettings, settings: Settings) -> Iterator[Remark]:
    seen = {token.address: f"tokens[{number}]" for number, token in enumerate(chain.tokens)}
    for number, token in enumerate(chain.venue_tokens):
        here = (*at, "venue_tokens", number)
        if token.asset not in settings.assets:
            advice = f"add [assets.{token.asset}], or name one of: {', '.join(settings.assets)}"
            yield Remark((*here, "asset"), "E311", f"there is no asset {token.asset}", advice)
        own = f"venue_tokens[{number}]"
        if (first := seen.setdefault(token.address, own)) != own:
            message = f"{first} of this chain has this address already"
            yield Remark((*here, "address"), "E307", message, "list each token once per chain")


def _venue(at: KeyPath, venue: VenueSettings, taken: dict[str, str]) -> Iterator[Remark]:
    if venue.address in taken:
        message = f"this is the address of {taken[venue.address]}"
        yield Remark((*at, "address"), "E333", message, "write the address of the protocol's own contract")
    taken.setdefault(venue.address, "another venue")
    if venue.kind is VenueKind.MORPHO_BLUE and not venue.market_ids:
        advice = 'add market_ids = ["0x..."], the ids of those to be followed'
        yield Remark(at, "E334", "Morpho without one of its markets", advice)
    if venue.kind is VenueKind.AAVE_V3 and venue.market_ids:
        advice = "remove market_ids: a pool of Aave is followed whole"
        yield Remark((*at, "market_ids"), "E334", "Aave has no markets", advice)
    for number, market in enumerate(venue.market_ids):
        if venue.market_ids.index(market) != number:
            message = f"market_ids[{venue.market_ids.index(market)}] is the same"
            yield Remark((*at, "market_ids", number), "E335", message, "name each market once")


def _executor(at: KeyPath, executor: ExecutorSettings, chain: ChainSettings) -> Iterator[Remark]:
    taken = _taken(chain) | {venue.address: "a venue" for venue in chain.venues.values()}
    if executor.address in taken:
        message = f"this is the address of {taken[executor.address]}"
        yield Remark((*at, "address"), "E333", message, "write the address of the executor contract")
    if not chain.venues:
        yield Remark(at, "W336", "the chain has no venues", "add [chains.NAME.venues.NAME], or remove this")
    if not executor.inventory and not (executor.flash and executor.pools):
        advice = (
            "add a pool of [[chains.NAME.executor.pools]], or a token of [[chains.NAME.executor.inventory]]"
        )
        yield Remark(at, "W337", "it has neither inventory nor a pool to pay with", advice)
    known = venue_tokens(chain)
    for number, pool in enumerate(executor.pools):
        here = (*at, "pools", number)
        for key, token in (("base_token", pool.base_token), ("quote_token", pool.quote_token)):
            yield from _known((*here, key), token, known)
        if len({pool.address, pool.base_token, pool.quote_token}) < 3:
            message = "pool, base_token and quote_token are not three different addresses"
            advice = "address is the pool's, the tokens are those it trades"
            yield Remark((*here, "address"), "E452", message, advice)
    listed: dict[str, int] = {}
    for number, held in enumerate(executor.inventory):
        here = (*at, "inventory", number)
        yield from _known((*here, "token"), held.token, known)
        if listed.setdefault(held.token, number) != number:
            message = f"inventory[{listed[held.token]}] of this chain has this token already"
            yield Remark((*here, "token"), "E307", message, "list each token once per chain")


def _known(at: KeyPath, token: str, known: set[str]) -> Iterator[Remark]:
    if token not in known:
        advice = "list it with its asset and decimals in [[chains.NAME.venue_tokens]]"
        yield Remark(at, "E338", "nothing says what this token stands for", advice)
