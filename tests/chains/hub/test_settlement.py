"""The first answer of a feed from an expiry on, found among any number of rounds, as the desk will check it."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Sequence

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from chains.errors import Reverted
from chains.hub.codec import selector, word
from chains.hub.settlement import NotProvable, first_round, fix_call, settle_call

FEED = "0x" + "fe" * 20
LATEST = selector("latestRoundData()")


class Feed:
    """A feed whose rounds, from one on in its phase, were answered at these times."""

    def __init__(self, times: Sequence[int], phase: int = 0, missing: Sequence[int] = ()) -> None:
        self.times, self.first, self.missing = times, (phase << 64) + 1, set(missing)
        self.requests = 0

    async def call_many(self, calls: Sequence[tuple[str, bytes]], block_hash: str) -> list[bytes | Reverted]:
        self.requests += 1
        return [self._answer(data) for _, data in calls]

    def _answer(self, data: bytes) -> bytes | Reverted:
        last = self.first + len(self.times) - 1
        number = last if data == LATEST else int.from_bytes(data[4:])
        if not self.first <= number <= last or number in self.missing:
            return Reverted(b"", "No data present")
        at_s = self.times[number - self.first]
        return b"".join(word(each) for each in (number, 10**8, at_s, at_s, number))


@given(
    times=st.lists(st.integers(1, 10**6), min_size=1, max_size=300).map(sorted),
    expiry_s=st.integers(1, 10**6),
    phase=st.integers(0, 3),
)
def test_it_is_the_first_at_or_after_the_expiry(times: list[int], expiry_s: int, phase: int) -> None:
    feed = Feed(times, phase)
    at = bisect_left(times, expiry_s)

    if at == 0 and times[-1] >= expiry_s:
        with pytest.raises(NotProvable):
            asyncio.run(first_round(feed, FEED, expiry_s, "0x"))
    else:
        expected = None if at == len(times) else feed.first + at
        assert expected == asyncio.run(first_round(feed, FEED, expiry_s, "0x"))


async def test_a_million_rounds_are_searched_in_a_handful_of_requests() -> None:
    feed = Feed(range(1, 1_000_001), phase=5)

    assert feed.first + 123_455 == await first_round(feed, FEED, 123_456, "0x")
    assert feed.requests <= 8


@pytest.mark.parametrize("missing", [1 + 4, 1 + 5])
async def test_a_round_that_is_gone_proves_nothing(missing: int) -> None:
    feed = Feed(range(10, 110, 10), missing=[missing])

    with pytest.raises(NotProvable):
        await first_round(feed, FEED, 60, "0x")


async def test_a_feed_that_does_not_answer_has_no_round() -> None:
    assert await first_round(Feed([]), FEED, 60, "0x") is None


def test_calls_are_laid_out_as_the_desk_reads_them() -> None:
    market, account = b"\x11" * 32, b"\x22" * 32

    assert selector("fix_settlement(bytes32,uint256,uint256)") + encode(
        ["bytes32", "uint256", "uint256"], [market, 1_700_000_000, 7]
    ) == fix_call("0x" + market.hex(), 1_700_000_000, 7)
    assert selector("settle(bytes32,bytes32[])") + encode(
        ["bytes32", "bytes32[]"], [market, [account, account]]
    ) == settle_call("0x" + market.hex(), ["0x" + account.hex()] * 2)
