"""Typed reads of a hub, pinned to one block: its facts at start, accounts' legs, claims, balances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eth_utils import to_checksum_address

from chains.errors import MalformedAnswer, Reverted
from chains.hub.codec import LEGS_PER_CALL, legs_call, read_legs, selector, word
from chains.hub.desk import DeskReader
from chains.hub.options import OptionMarketFacts

LEGS_CALLS_A_REQUEST = 4
"""A call answers with a megabyte; a few of them stay far below what an endpoint takes in one answer."""


class CallChain(Protocol):
    """What a reader needs of a chain (see `chains.client.ChainClient`)."""

    async def call_many(self, calls: Sequence[tuple[str, bytes]], block_hash: str) -> list[bytes | Reverted]:
        """Return each call's answer at this block, in order."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A token as the hub lists it. `feed` prices the token, or what a vault's share is of."""

    token_id: int
    token: str
    feed: str
    decimals: int
    is_vault: bool
    initial_weight_bps: int
    maintenance_weight_bps: int
    penalty_bps: int
    max_rate: int


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """A market as the hub lists it."""

    market_id: int
    feed: str
    initial_bps: int
    maintenance_bps: int
    penalty_bps: int
    max_open_interest: int


@dataclass(frozen=True, slots=True)
class HubLimits:
    """What bounds one liquidation step. Order and units are the contract's `set_limits`."""

    close_factor_bps: int
    full_close_health: int
    cooldown_s: int
    price_band_bps: int
    feed_max_age_s: int
    insurance_share_bps: int
    dust_value: int
    min_deposit_value: int
    max_attestation_age_s: int


@dataclass(frozen=True, slots=True)
class HubFacts:
    """A hub as of one block. `pool_cash` is raw stable that can be lent and pay gains.

    `option_markets` are those of its option desk that were asked for.
    """

    tokens: tuple[TokenFacts, ...]
    markets: tuple[MarketFacts, ...]
    limits: HubLimits
    epoch: int
    threshold: int
    policy_hash: str
    paused: bool
    pool_cash: int
    option_desk: str | None = None
    option_markets: tuple[OptionMarketFacts, ...] = ()


_COUNTS = tuple(
    selector(f"{name}()")
    for name in (
        *("token_count", "market_count", "epoch", "threshold", "policy_hash", "paused", "pool_cash"),
        "option_desk",
    )
)
_LIMITS = selector("limits()")
_TOKEN_INFO = selector("token_info(uint256)")
_MARKET_INFO = selector("market_info(uint256)")
_CLAIM_VALUE = selector("claim_value(bytes32)")
_CLAIM_PAID = selector("claim_paid(bytes32)")
_BALANCE_OF = selector("balanceOf(address)")


def balance_call(token: str, holder: str) -> tuple[str, bytes]:
    """Return the call for an ERC-20 balance."""
    return token, _BALANCE_OF + bytes.fromhex(holder[2:]).rjust(32, b"\x00")


class HubReader:
    """Reads one hub. Every method raises what the chain's `call_many` raises, and `MalformedAnswer`."""

    def __init__(self, chain: CallChain, hub: str) -> None:
        self._chain = chain
        self._hub = hub

    async def facts(self, block_hash: str, option_markets: Sequence[str] = ()) -> HubFacts:
        """Return the whole listing, in two requests, and these markets of its option desk, in a third."""
        heads = await self._words([(call, 1) for call in _COUNTS], block_hash)
        tokens, markets, epoch, threshold, policy, paused, pool_cash, desk = (row[0] for row in heads)
        if tokens > 64 or markets > 64:
            raise MalformedAnswer(f"a hub with {tokens} tokens and {markets} markets")
        listing = await self._words(
            [
                (_LIMITS, 9),
                *((_TOKEN_INFO + word(index), 8) for index in range(tokens)),
                *((_MARKET_INFO + word(index), 7) for index in range(markets)),
            ],
            block_hash,
        )
        option_desk = _address(desk) if desk else None
        options = DeskReader(self._chain, option_desk) if option_desk and option_markets else None
        return HubFacts(
            tokens=tuple(_token(index, row) for index, row in enumerate(listing[1 : 1 + tokens])),
            markets=tuple(_market(index, row) for index, row in enumerate(listing[1 + tokens :])),
            limits=HubLimits(*listing[0]),
            epoch=epoch,
            threshold=threshold,
            policy_hash="0x" + policy.to_bytes(32).hex(),
            paused=bool(paused),
            pool_cash=pool_cash,
            option_desk=option_desk,
            option_markets=await options.markets(option_markets, block_hash) if options else (),
        )

    async def legs(self, accounts: Sequence[str], block_hash: str) -> list[tuple[int, ...]]:
        """Return the 20 words of each account, in order: 800 accounts a call, four calls a request."""
        starts = range(0, len(accounts), LEGS_PER_CALL)
        parts = [accounts[start : start + LEGS_PER_CALL] for start in starts]
        rows: list[tuple[int, ...]] = []
        for start in range(0, len(parts), LEGS_CALLS_A_REQUEST):
            asked = parts[start : start + LEGS_CALLS_A_REQUEST]
            calls = [(self._hub, legs_call(part)) for part in asked]
            answers = await self._chain.call_many(calls, block_hash)
            for part, answer in zip(asked, answers, strict=True):
                if isinstance(answer, Reverted):
                    raise answer
                try:
                    rows += read_legs(answer, len(part))
                except ValueError as error:
                    raise MalformedAnswer(str(error)) from error
        return rows

    async def claims(self, claims: Sequence[str], block_hash: str) -> list[tuple[int, bool]]:
        """Return, per claim, the USD wad opened here (0 if none) and whether it was paid here."""
        calls = [
            (call + bytes.fromhex(claim[2:]), 1) for claim in claims for call in (_CLAIM_VALUE, _CLAIM_PAID)
        ]
        found = [row[0] for row in await self._words(calls, block_hash)]
        return [(value, bool(paid)) for value, paid in zip(found[::2], found[1::2], strict=True)]

    async def _words(self, calls: Sequence[tuple[bytes, int]], block_hash: str) -> list[tuple[int, ...]]:
        """Return the words of each call's answer; `calls` are calldata and how many words it answers."""
        answers = await self._chain.call_many([(self._hub, data) for data, _ in calls], block_hash)
        rows: list[tuple[int, ...]] = []
        for answer, (_, count) in zip(answers, calls, strict=True):
            if isinstance(answer, Reverted):
                raise answer
            if len(answer) != 32 * count:
                raise MalformedAnswer(f"{len(answer)} bytes instead of {32 * count}: is this a margin hub?")
            rows.append(tuple(int.from_bytes(answer[at : at + 32]) for at in range(0, len(answer), 32)))
        return rows


def _token(index: int, row: tuple[int, ...]) -> TokenFacts:
    token, feed, decimals, is_vault, *rest = row
    return TokenFacts(index, _address(token), _address(feed), decimals, bool(is_vault), *rest)


def _market(index: int, row: tuple[int, ...]) -> MarketFacts:
    feed, *rest = row
    return MarketFacts(index, _address(feed), *rest[:4])


def _address(value: int) -> str:
    if value >> 160:
        raise MalformedAnswer("an address word with something before the address")
    return to_checksum_address(value.to_bytes(20))
