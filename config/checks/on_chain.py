"""Sources that are read on a chain: whether it is the right contract, and whether what it says can ever count."""

from __future__ import annotations

from collections.abc import Iterator

from config.errors import KeyPath, Remark
from config.settings import ChainSettings, Settings, TokenSettings
from config.source_settings import (
    ChainlinkSourceSettings,
    Erc4626SourceSettings,
    OnChainSourceSettings,
    PythSourceSettings,
    UniswapV3SourceSettings,
)

SHORTEST_WINDOW_S = 1_800
"""A mean over less can be moved by whoever holds a pool for some blocks."""

_CONTRACT = {"chainlink": "feed", "erc4626": "vault", "uniswap_v3": "pool", "pyth": "Pyth contract"}


def check_on_chain(at: KeyPath, source: OnChainSourceSettings, settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with one source."""
    chain = settings.chains.get(source.chain)
    if chain is None:
        advice = f"name one of: {', '.join(settings.chains)}"
        yield Remark((*at, "chain"), "E414", f"there is no chain {source.chain}", advice)
        return
    if source.max_age_s < chain.block_time_s:
        message = (
            f"{source.max_age_s:g} s, but {source.chain} has a block only every {chain.block_time_s:g} s"
        )
        advice = "every quote would be too old before the next: set max_age_s to some blocks"
        yield Remark((*at, "max_age_s"), "E415", message, advice)
    yield from _address(at, source, chain)
    match source:
        case ChainlinkSourceSettings():
            yield from _heartbeat(at, source)
        case Erc4626SourceSettings():
            yield from _vault(at, source, chain)
        case UniswapV3SourceSettings():
            yield from _pool(at, source, chain)
        case PythSourceSettings():
            pass


def check_sequencer_feeds(settings: Settings) -> Iterator[Remark]:
    """Yield each uptime feed that has the address of something else."""
    for name, chain in settings.chains.items():
        others = {chain.hub: "the hub"} | {token.address: "a token" for token in chain.tokens}
        if chain.sequencer_feed is not None and chain.sequencer_feed in others:
            message = f"this is the address of {others[chain.sequencer_feed]} on {name}"
            advice = "write the address of the sequencer's uptime feed, or remove the key"
            yield Remark(("chains", name, "sequencer_feed"), "E428", message, advice)


def question(source: OnChainSourceSettings) -> tuple[object, ...]:
    """Return what makes two sources ask the same."""
    feed = source.feed_id if isinstance(source, PythSourceSettings) else ""
    return source.kind, source.chain, source.address, feed


def _address(at: KeyPath, source: OnChainSourceSettings, chain: ChainSettings) -> Iterator[Remark]:
    is_token = source.address in {token.address for token in chain.tokens}
    if source.address == chain.hub or (is_token and not isinstance(source, Erc4626SourceSettings)):
        what = "the hub" if source.address == chain.hub else "a token"
        message = f"this is the address of {what} on {source.chain}"
        yield Remark((*at, "address"), "E428", message, f"write the {_CONTRACT[source.kind]}'s own address")


def _heartbeat(at: KeyPath, source: ChainlinkSourceSettings) -> Iterator[Remark]:
    if source.heartbeat_s is None:
        return
    due_s = source.heartbeat_s + source.heartbeat_margin_s
    if source.max_age_s < due_s:
        message = (
            f"{source.max_age_s:g} s, but the feed may be silent for {due_s:g} s while its price stands still"
        )
        yield Remark((*at, "max_age_s"), "W455", message, "remove max_age_s: it follows from heartbeat_s")


def _vault(at: KeyPath, source: Erc4626SourceSettings, chain: ChainSettings) -> Iterator[Remark]:
    if source.max_rate == 0:
        yield Remark((*at, "max_rate"), "E425", "no rate is at most 0", 'set a little above today\'s: "1.20"')
    token = next((token for token in chain.tokens if token.address == source.address), None)
    if token is not None and token.decimals != source.share_decimals:
        message = f"{source.share_decimals}, but the same token is listed with decimals = {token.decimals}"
        advice = "ask the token for its decimals() and write that in both places"
        yield Remark((*at, "share_decimals"), "E426", message, advice)
    given = [key for key in ("snapshot_rate", "snapshot_time_s") if getattr(source, key) is not None]
    if len(given) == 1:
        message = (
            f"{given[0]} alone: a rate means nothing without its time, and a time nothing without its rate"
        )
        yield Remark(
            (*at, given[0]), "E451", message, "set snapshot_rate and snapshot_time_s, of one moment, or none"
        )
    elif given and source.max_growth_bps is None:
        message = "a snapshot without a cap on the growth since then"
        yield Remark((*at, given[0]), "E451", message, "set max_growth_bps, per year, or remove the snapshot")


def _pool(at: KeyPath, source: UniswapV3SourceSettings, chain: ChainSettings) -> Iterator[Remark]:
    if len({source.address, source.base_token, source.quote_token}) < 3:
        message = "pool, base_token and quote_token are not three different addresses"
        yield Remark(
            (*at, "address"), "E452", message, "address is the pool's, the tokens are those it trades"
        )
        return
    listed = {token.address: token for token in chain.tokens}
    base, _, quote = source.pair.partition("/")
    for role, asset in (("base", base), ("quote", quote)):
        token = listed.get(getattr(source, f"{role}_token"))
        if token is not None:
            yield from _pool_token(at, role, asset, getattr(source, f"{role}_decimals"), token)
    if source.window_s < SHORTEST_WINDOW_S:
        message = f"a mean over {source.window_s} s can be moved by holding the pool for some blocks"
        yield Remark((*at, "window_s"), "W456", message, f"set it to {SHORTEST_WINDOW_S} or more")
    if source.min_depth == 0:
        message = "any pool is deep enough, also one that a handful of coins moves"
        yield Remark((*at, "min_depth"), "W457", message, "say how much of the quote one percent must cost")


def _pool_token(at: KeyPath, role: str, asset: str, decimals: int, token: TokenSettings) -> Iterator[Remark]:
    if token.asset != asset:
        message = f"the chain lists this token as {token.asset}, and the pair says {asset}"
        yield Remark((*at, f"{role}_token"), "E454", message, "write the pair as base/quote of these tokens")
    if token.decimals != decimals:
        message = f"{decimals}, but the same token is listed with decimals = {token.decimals}"
        advice = "ask the token for its decimals() and write that in both places"
        yield Remark((*at, f"{role}_decimals"), "E453", message, advice)
