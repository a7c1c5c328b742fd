"""Addresses that can not be what is meant: precompiles, burn addresses, placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator

from config.errors import KeyPath, Remark
from config.settings import ChainSettings, Mode, Settings
from config.source_settings import OnChainSourceSettings, RedstoneSourceSettings, UniswapV3SourceSettings

_HIGHEST_PRECOMPILE = 0xFFFF
_DEAD = frozenset(
    {
        "0x000000000000000000000000000000000000dead",
        "0xdead000000000000000042069420694206942069",
        "0xdeaddeaddeaddeaddeaddeaddeaddeaddeaddead",
        "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
        "0xffffffffffffffffffffffffffffffffffffffff",
    }
)
"""Where tokens are burnt, and what some interfaces write for a chain's own coin."""

_REPEATED = re.compile(r"0x(.{1,10}?)\1+")
_COUNTED = frozenset(
    {
        "0x1234567890123456789012345678901234567890",
        "0x0123456789012345678901234567890123456789",
        "0x0123456789abcdef0123456789abcdef01234567",
    }
)


def check_addresses(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with each address, and with genesis hashes that are placeholders."""
    code = "E319" if settings.mode is Mode.LIVE else "W319"
    for path, address in _addresses(settings):
        low = address.lower()
        if low in _DEAD:
            message = "no one has the key of this address, and no contract is there"
            advice = "write the token's address; for a chain's own coin that of its wrapper"
            yield Remark(path, "E318", message, advice)
        elif int(low, 16) <= _HIGHEST_PRECOMPILE:
            advice = "write the address of the contract or key that is meant"
            yield Remark(path, "E317", "this address belongs to the chain itself (a precompile)", advice)
        elif _is_placeholder(low):
            yield Remark(path, code, "this address is a placeholder", "write the real address")
    for name, chain in settings.chains.items():
        if _REPEATED.fullmatch(chain.genesis_hash):
            hash_code = "E320" if settings.mode is Mode.LIVE else "W320"
            advice = "write the hash of block 0, asked from a node you trust"
            yield Remark(("chains", name, "genesis_hash"), hash_code, "this hash is a placeholder", advice)


def _is_placeholder(address: str) -> bool:
    return _REPEATED.fullmatch(address) is not None or address in _COUNTED


def _venue_addresses(name: str, chain: ChainSettings) -> Iterator[tuple[KeyPath, str]]:
    for number, token in enumerate(chain.venue_tokens):
        yield ("chains", name, "venue_tokens", number, "address"), token.address
    for venue_name, venue in chain.venues.items():
        yield ("chains", name, "venues", venue_name, "address"), venue.address
    if chain.executor is not None:
        yield ("chains", name, "executor", "address"), chain.executor.address
        for number, pool in enumerate(chain.executor.pools):
            yield ("chains", name, "executor", "pools", number, "address"), pool.address


def _addresses(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    for name, chain in settings.chains.items():
        yield ("chains", name, "hub"), chain.hub
        if chain.option_desk is not None:
            yield ("chains", name, "option_desk"), chain.option_desk
        if chain.sequencer_feed is not None:
            yield ("chains", name, "sequencer_feed"), chain.sequencer_feed
        for number, token in enumerate(chain.tokens):
            yield ("chains", name, "tokens", number, "address"), token.address
        yield from _venue_addresses(name, chain)
    for number, source in enumerate(settings.sources):
        if isinstance(source, OnChainSourceSettings):
            yield ("sources", number, "address"), source.address
            if isinstance(source, UniswapV3SourceSettings):
                yield ("sources", number, "base_token"), source.base_token
                yield ("sources", number, "quote_token"), source.quote_token
        elif isinstance(source, RedstoneSourceSettings):
            for place, signer in enumerate(source.signers):
                yield ("sources", number, "signers", place), signer
    for name, key in settings.signers.items():
        yield ("signers", name, "address"), key.address
    if settings.attestation is not None:
        for number, peer in enumerate(settings.attestation.attestors):
            yield ("attestation", "attestors", number, "address"), peer.address
