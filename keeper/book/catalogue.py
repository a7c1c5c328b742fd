"""What the hubs' tokens and markets stand for: the book's dictionary, from the settings.

A hub speaks of token addresses and numbers and of market numbers. The order of a chain's
tokens in the settings is the hub's own numbering; number 0 is its stable token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chains.hub.options import market_key
from config.settings import ChainSettings, Settings


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token of a hub: its number there, what it stands for and what seizing it costs the account."""

    token_id: int
    token: str
    asset: str
    decimals: int
    penalty_bps: int


@dataclass(frozen=True, slots=True)
class KnownMarket:
    """A market of a hub: its number there, and which market and asset that is."""

    hub_id: int
    market: str
    asset: str


@dataclass(frozen=True, slots=True)
class KnownOptionMarket:
    """A market of a hub's option desk, and which asset its options are on."""

    market: str
    asset: str


@dataclass(frozen=True, slots=True)
class KnownChain:
    """One chain as the book needs to know it.

    `tokens` go by address, `markets` by the hub's number, `option_markets` by the desk's key (0x hex of 32 bytes).
    What the newest `unfinal_blocks` changed is told with what it was before.
    """

    chain: str
    chain_id: int
    finality_depth: int
    tokens: Mapping[str, KnownToken]
    markets: Mapping[int, KnownMarket]
    option_markets: Mapping[str, KnownOptionMarket] = field(default_factory=dict)
    unfinal_blocks: int = 0

    @property
    def stable(self) -> KnownToken:
        """The token that debts are in: the hub's number 0."""
        return next(token for token in self.tokens.values() if token.token_id == 0)


def known_chains(settings: Settings, penalties_bps: Mapping[tuple[str, str], int]) -> dict[str, KnownChain]:
    """Return every configured chain's dictionary.

    `penalties_bps` holds, by chain name and token address, the penalty each hub lists for a token;
    it is listed for good, so it is read once. Raises ``ValueError`` naming the token if one is
    missing, the market if a chain lists one that the settings do not describe, and the chain if its
    first token is not its debt asset.
    """
    return {
        name: _known_chain(name, chain, settings, penalties_bps) for name, chain in settings.chains.items()
    }


def _known_chain(
    name: str, chain: ChainSettings, settings: Settings, penalties_bps: Mapping[tuple[str, str], int]
) -> KnownChain:
    if chain.tokens[0].asset != chain.debt_asset:
        raise ValueError(f"{name}: the first token must be the hub's stable, {chain.debt_asset}")
    tokens: dict[str, KnownToken] = {}
    for token_id, token in enumerate(chain.tokens):
        penalty_bps = penalties_bps.get((name, token.address))
        if penalty_bps is None:
            raise ValueError(f"{name}: the penalty of token {token.address} is not known")
        tokens[token.address] = KnownToken(token_id, token.address, token.asset, token.decimals, penalty_bps)
    markets: dict[int, KnownMarket] = {}
    for listed in chain.markets:
        described = settings.markets.get(listed.market)
        if described is None:
            raise ValueError(f"{name}: market {listed.market} is not described under markets")
        markets[listed.hub_id] = KnownMarket(listed.hub_id, listed.market, described.asset)
    options = {
        market_key(option_market): KnownOptionMarket(option_market, described.asset)
        for option_market, described in settings.option_markets.items()
        if chain.option_desk is not None
    }
    return KnownChain(
        name, chain.chain_id, chain.finality_depth, tokens, markets, options, chain.unfinal_blocks
    )
