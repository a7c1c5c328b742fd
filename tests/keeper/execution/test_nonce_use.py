"""The search for the block that used a nonce: the right one, in few requests, or no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.blocks import Head
from chains.errors import ChainError, NotYetThere
from keeper.execution.events import Use
from keeper.execution.nonce_use import use_of
from keeper.execution.ports import LaneChain

SENDER = "0x" + "5e" * 20


class Counted:
    """A chain on which the sender's nonces were used at these heights, in order; state is kept from `kept_from` on."""

    def __init__(self, uses: list[int], *, kept_from: int = 0) -> None:
        self.uses = uses
        self.kept_from = kept_from
        self.asked: list[int] = []
        self.forgets = False

    async def transaction_count(self, address: str, block: int) -> int:
        assert address == SENDER
        self.asked.append(block)
        if block < self.kept_from:
            raise NotYetThere("missing trie node")
        return sum(height <= block for height in self.uses)

    async def block(self, at: int) -> Head:
        return Head("alpha", at, f"0xb{at}", f"0xb{at - 1}", at, 0)

    async def sent_in(self, block_hash: str, sender: str) -> Mapping[int, str]:
        assert sender == SENDER
        if self.forgets:
            return {}
        return {nonce: f"0x{nonce}" for nonce, height in enumerate(self.uses) if f"0xb{height}" == block_hash}


async def searched(chain: Counted, nonce: int, since: int, last: int) -> Use:
    return await use_of(cast("LaneChain", chain), SENDER, nonce, since, last)


@given(
    uses=st.lists(st.integers(1, 5_000), min_size=1, max_size=30).map(sorted),
    data=st.data(),
)
def test_the_block_is_found_wherever_it_is_looked_for_from(uses: list[int], data: st.DataObject) -> None:
    nonce = data.draw(st.integers(0, len(uses) - 1))
    last = data.draw(st.integers(uses[nonce], 6_000))
    since = data.draw(st.integers(0, last))
    chain = Counted(uses)

    assert Use(f"0x{nonce}", f"0xb{uses[nonce]}", uses[nonce]) == asyncio.run(
        searched(chain, nonce, since, last)
    )
    assert len(chain.asked) <= 26
    assert all(0 < height < last for height in chain.asked)


async def test_a_use_seen_as_it_happened_takes_one_count() -> None:
    chain = Counted([70_000_000])

    await searched(chain, 0, 70_000_000, 70_000_000)

    assert [69_999_999] == chain.asked


async def test_state_that_is_not_kept_is_not_needed_where_the_use_is_newer() -> None:
    chain = Counted([900], kept_from=899)

    assert 900 == (await searched(chain, 0, 900, 964)).block_number


@pytest.mark.parametrize(("kept_from", "forgets"), [(901, False), (0, True)])
async def test_what_can_not_be_proven_is_not_said(kept_from: int, forgets: bool) -> None:
    chain = Counted([900], kept_from=kept_from)
    chain.forgets = forgets

    with pytest.raises(ChainError):
        await searched(chain, 0, 950, 964)
