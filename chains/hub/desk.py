"""The option desk beside a hub: what it lists, and what accounts hold there, read strictly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from eth_utils import to_checksum_address

from chains.errors import MalformedAnswer, Reverted
from chains.hub.codec import selector, word
from chains.hub.options import OptionHeld, OptionMarketFacts, market_key, series_id

ACCOUNTS_PER_CALL = 250
CALLS_A_REQUEST = 4
MAX_SERIES = 8
WORDS_PER_OPTION = 6
"""Series, market, whether it is a call, strike, expiry, size."""

_LEGS = selector("legs(bytes32[])")
_SERIES_OF = selector("series_of(uint256)")
_SERIES_INFO = selector("series_info(bytes32)")
_MARKET_INFO = selector("market_info(bytes32)")


class CallChain(Protocol):
    """What reading needs of a chain (see `chains.client.ChainClient`)."""

    async def call_many(self, calls: Sequence[tuple[str, bytes]], block_hash: str) -> list[bytes | Reverted]:
        """Return each call's answer at this block, in order."""


class DeskReader:
    """Reads one hub's option desk. Every method raises what the chain's `call_many` raises, and `MalformedAnswer`."""

    def __init__(self, chain: CallChain, desk: str) -> None:
        self._chain = chain
        self._desk = desk

    async def markets(self, names: Sequence[str], block_hash: str) -> tuple[OptionMarketFacts, ...]:
        """Return those of the markets with these names that the desk lists, in their order."""
        calls = [(self._desk, _MARKET_INFO + bytes.fromhex(market_key(name)[2:])) for name in names]
        answers = await self._chain.call_many(calls, block_hash)
        found = []
        for name, answer in zip(names, answers, strict=True):
            if not isinstance(answer, Reverted):
                feed, *rest = _words(answer, 6)
                found.append(OptionMarketFacts(name, _address(feed), *rest))
        return tuple(found)

    async def series(self, items: Sequence[int], block_hash: str) -> dict[int, OptionHeld]:
        """Return the terms of those of these items that were opened, nothing being held of them."""
        ids = [
            _words(answer, 1)[0]
            for answer in await self._answers([_SERIES_OF + word(item) for item in items], block_hash)
        ]
        opened = {item: series for item, series in zip(items, ids, strict=True) if series}
        rows = await self._answers([_SERIES_INFO + word(series) for series in opened.values()], block_hash)
        return {
            item: _held([series, *_words(row, 6)[:4], 0])
            for (item, series), row in zip(opened.items(), rows, strict=True)
        }

    async def legs(self, accounts: Sequence[str], block_hash: str) -> list[tuple[OptionHeld, ...]]:
        """Return what each account holds, in order: 250 accounts a call, four calls a request."""
        starts = range(0, len(accounts), ACCOUNTS_PER_CALL)
        parts = [accounts[start : start + ACCOUNTS_PER_CALL] for start in starts]
        found: list[tuple[OptionHeld, ...]] = []
        for start in range(0, len(parts), CALLS_A_REQUEST):
            asked = parts[start : start + CALLS_A_REQUEST]
            answers = await self._answers([legs_call(part) for part in asked], block_hash)
            for part, answer in zip(asked, answers, strict=True):
                found += read_legs(answer, len(part))
        return found

    async def _answers(self, calls: Sequence[bytes], block_hash: str) -> list[bytes]:
        answers = await self._chain.call_many([(self._desk, data) for data in calls], block_hash)
        for answer in answers:
            if isinstance(answer, Reverted):
                raise answer
        return [answer for answer in answers if not isinstance(answer, Reverted)]


def legs_call(accounts: Sequence[str]) -> bytes:
    """Return calldata of ``legs`` for at most `ACCOUNTS_PER_CALL` accounts (0x hex of 32 bytes)."""
    if len(accounts) > ACCOUNTS_PER_CALL:
        raise ValueError(f"{len(accounts)} accounts in one call, at most {ACCOUNTS_PER_CALL}")
    ids = bytes.fromhex("".join(account[2:] for account in accounts))
    return b"".join((_LEGS, word(32), word(len(accounts)), ids))


def read_legs(answer: bytes, count: int) -> list[tuple[OptionHeld, ...]]:
    """Return what each of `count` accounts holds. Raises `MalformedAnswer` for what is not such an answer."""
    if len(answer) % 32 or len(answer) < 64:
        raise MalformedAnswer(f"{len(answer)} bytes for options of {count} accounts: is this an option desk?")
    head, length, *words = (int.from_bytes(answer[at : at + 32]) for at in range(0, len(answer), 32))
    if head != 32 or length != len(words):
        raise MalformedAnswer(f"{len(words)} words of options where {length} were announced")
    found: list[tuple[OptionHeld, ...]] = []
    at = 0
    for _ in range(count):
        if at >= length or words[at] > MAX_SERIES or at + 1 + WORDS_PER_OPTION * words[at] > length:
            raise MalformedAnswer(f"options of {len(found)} accounts and a part, {count} were asked for")
        end = at + 1 + WORDS_PER_OPTION * words[at]
        rows = range(at + 1, end, WORDS_PER_OPTION)
        found.append(tuple(_held(words[row : row + WORDS_PER_OPTION]) for row in rows))
        at = end
    if at != length:
        raise MalformedAnswer(f"options of more than the {count} accounts that were asked for")
    return found


def _held(words: Sequence[int]) -> OptionHeld:
    series, market, is_call, strike_wad, expiry_s, size = words
    held = OptionHeld(
        "0x" + series.to_bytes(32).hex(),
        "0x" + market.to_bytes(32).hex(),
        bool(is_call),
        strike_wad,
        expiry_s,
        size - ((size >> 255) << 256),
    )
    if is_call > 1 or held.series != series_id(held.market, strike_wad, expiry_s, is_call=held.is_call):
        raise MalformedAnswer(f"series {held.series} is not of the terms it was told with")
    return held


def _words(answer: bytes, count: int) -> list[int]:
    if len(answer) != 32 * count:
        raise MalformedAnswer(f"{len(answer)} bytes instead of {32 * count}: is this an option desk?")
    return [int.from_bytes(answer[at : at + 32]) for at in range(0, len(answer), 32)]


def _address(value: int) -> str:
    if value >> 160:
        raise MalformedAnswer("an address word with something before the address")
    return to_checksum_address(value.to_bytes(20))
