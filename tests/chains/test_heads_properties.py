"""Whatever the chain does between any two questions, what is believed in the end is what is on the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from chains.answers import Log
from chains.blocks import Head
from chains.client import ChainClient
from chains.errors import EndpointUnavailable, NotYetThere, RetryLater
from tests.chains.follow import Believer

DEPTH = 6


class MemoryChain:
    """A chain in memory that answers like a client, and changes or fails just before answering."""

    name = "alpha"
    has_several = False

    def __init__(self) -> None:
        self.heads: list[Head] = []
        self.ever: dict[str, Head] = {}
        self.values: dict[str, int] = {}
        self.highest = 0
        self.made = 0
        self.before_answer: list[Callable[[], None]] = []
        self.grow(0)

    def grow(self, value: int) -> None:
        """Append a block; a value above 0 is logged in it."""
        self.made += 1
        number = len(self.heads)
        parent = self.heads[-1].hash if self.heads else "0x" + "00" * 32
        head = Head(self.name, number, f"0x{self.made:064x}", parent, 1_700_000_000 + number, 7)
        self.heads.append(head)
        self.ever[head.hash] = head
        if value:
            self.values[head.hash] = value * 2
        self.highest = max(self.highest, number)

    def cut(self, depth: int) -> None:
        """Drop blocks from the tip, none of them final by what anybody may have seen."""
        del self.heads[max(len(self.heads) - depth, self.highest - DEPTH + 1, 1) :]

    def fail(self) -> None:
        raise EndpointUnavailable("as planned")

    def truth(self) -> list[int]:
        return [self.values[head.hash] for head in self.heads if head.hash in self.values]

    async def head(self) -> Head:
        self._step()
        return self.heads[-1]

    async def block(self, number: int) -> Head:
        self._step()
        return self._at(number)

    async def blocks(self, numbers: Sequence[int]) -> list[Head]:
        self._step()
        return [self._at(number) for number in numbers]

    async def logs_by_block(self, hashes: Sequence[str], address: str) -> list[list[Log]]:
        self._step()
        # as geth does, also for blocks that are no longer on the chain
        return [self._logs(self.ever[block_hash]) for block_hash in hashes]

    async def logs_range(self, first: int, last: int, address: str) -> list[Log]:
        self._step()
        self._at(last)
        return [log for head in self.heads[first : last + 1] for log in self._logs(head)]

    async def survey(self) -> None:
        self._step()

    def _step(self) -> None:
        if self.before_answer:
            self.before_answer.pop()()

    def _at(self, number: int) -> Head:
        if number >= len(self.heads):
            raise NotYetThere("no such block")
        return self.heads[number]

    def _logs(self, head: Head) -> list[Log]:
        value = self.values.get(head.hash)
        if value is None:
            return []
        return [
            {"blockHash": head.hash, "blockNumber": hex(head.number), "logIndex": "0x0", "data": hex(value)}
        ]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("grow"), st.integers(0, 9)),
        st.tuples(st.just("leap"), st.integers(1, 150)),
        st.tuples(st.just("cut"), st.integers(1, DEPTH)),
        st.tuples(st.just("fork"), st.integers(1, DEPTH)),
        st.tuples(st.just("fail"), st.just(0)),
        st.tuples(st.just("nothing"), st.just(0)),
    ),
    max_size=12,
)


def as_change(chain: MemoryChain, kind: str, amount: int) -> Callable[[], None]:
    def leap() -> None:
        for number in range(amount):
            chain.grow(amount if number % 17 == 0 else 0)

    def fork() -> None:
        chain.cut(amount)
        for value in range(1, amount + 2):
            chain.grow(value)

    changes: dict[str, Callable[[], None]] = {
        "grow": lambda: chain.grow(amount),
        "leap": leap,
        "cut": lambda: chain.cut(amount),
        "fork": fork,
        "fail": chain.fail,
        "nothing": lambda: None,
    }
    return changes[kind]


Steps = list[tuple[str, int]]


@given(st.lists(st.tuples(steps, steps), max_size=6), st.sampled_from([7, 40, 2_000]))
def test_what_is_believed_is_what_is_on_the_chain(
    rounds: list[tuple[Steps, Steps]], range_blocks: int
) -> None:
    asyncio.run(follow(rounds, range_blocks))


async def follow(rounds: list[tuple[Steps, Steps]], range_blocks: int) -> None:
    """Poll once a round, after some steps and while others happen; then in peace, and compare."""
    chain = MemoryChain()
    client = cast("ChainClient", chain)
    believer = Believer(client, finality_depth=DEPTH, poll_interval_s=0, range_blocks=range_blocks)
    for between, during in rounds:
        for kind, amount in between:
            if kind != "fail":
                as_change(chain, kind, amount)()
        chain.before_answer = [as_change(chain, kind, amount) for kind, amount in during]
        with suppress(RetryLater):
            await believer.follower.poll()
        chain.before_answer = []
    for _ in range(4):
        await believer.follower.poll()

    assert chain.heads[-1] == believer.tip
    assert chain.truth() == believer.values
    assert len(believer.follower._tail.heads if believer.follower._tail else ()) <= DEPTH + 1
