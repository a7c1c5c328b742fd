"""Typed reads of a real hub at a block, and of what is no hub at all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chains.client import ChainClient
from chains.devnet.accounts import DesiredAccount, DesiredLeg, LocalHub, open_accounts, owner_keys
from chains.errors import MalformedAnswer, Reverted
from chains.hub.reader import HubReader
from config.units import WAD
from tests.chains.devnet.scene import USDC

ALICE = owner_keys("test", 1)[0].address
NOWHERE = "0x" + "99" * 20
BLOCK = "0x" + "bb" * 32


class Answering:
    """A chain that answers every call with the same bytes, and counts the calls of each request."""

    def __init__(self, answer: bytes | Reverted) -> None:
        self.answer = answer
        self.requests: list[int] = []

    async def call_many(self, calls: Sequence[tuple[str, bytes]], block_hash: str) -> list[bytes | Reverted]:
        self.requests.append(len(calls))
        return [self.answer] * len(calls)


@pytest.mark.chain
async def test_legs_are_those_of_the_block_that_is_named(hub: LocalHub, chain: ChainClient) -> None:
    reader = HubReader(chain, hub.deployment.hub)
    before = (await chain.head()).hash
    account = DesiredAccount(ALICE, 3, (DesiredLeg("alpha", {"WETH": 2 * WAD}, debt=100 * USDC),))
    await open_accounts({"alpha": hub}, [account])
    after = (await chain.head()).hash

    assert [(0,) * 20] == await reader.legs([account.account_id], before)

    (row,) = await reader.legs([account.account_id], after)
    version, cross_margin, debt, last_sequence = row[:4]
    assert (2, 0, 100 * USDC, 0) == (version, cross_margin, debt, last_sequence)
    assert (0, 2 * WAD, 0, 0, 0, 0) == row[6:12]


@pytest.mark.chain
async def test_any_number_of_accounts_is_read_in_order_with_one_call_per_800(
    hub: LocalHub, chain: ChainClient
) -> None:
    account = DesiredAccount(ALICE, 0, (DesiredLeg("alpha", {"WETH": 2 * WAD}),))
    await open_accounts({"alpha": hub}, [account])
    unknown = [f"0x{number:064x}" for number in range(800)]
    before = (await chain.head()).hash

    rows = await HubReader(chain, hub.deployment.hub).legs([*unknown, account.account_id], before)

    assert [(0,) * 20] * 800 == rows[:800]
    assert (1, 2 * WAD) == (rows[800][0], rows[800][7])
    assert 801 == len(rows)


async def test_4800_accounts_are_six_calls_in_two_requests() -> None:
    answering = Answering(b"")
    reader = HubReader(answering, NOWHERE)
    answering.answer = (32).to_bytes(32) + (16_000).to_bytes(32) + b"\x00" * 32 * 16_000

    assert 4_800 == len(await reader.legs([BLOCK] * 4_800, BLOCK))
    assert [4, 2] == answering.requests


@pytest.mark.chain
async def test_a_claim_that_was_never_opened_is_worth_nothing_and_not_paid(
    hub: LocalHub, chain: ChainClient
) -> None:
    found = await HubReader(chain, hub.deployment.hub).claims([BLOCK, BLOCK], (await chain.head()).hash)

    assert [(0, False), (0, False)] == found


@pytest.mark.chain
async def test_an_address_without_code_is_no_hub(hub: LocalHub, chain: ChainClient) -> None:
    head = (await chain.head()).hash
    reader = HubReader(chain, NOWHERE)

    for read in (reader.facts(head), reader.claims([BLOCK], head), reader.legs([BLOCK], head)):
        with pytest.raises(MalformedAnswer):
            await read


@pytest.mark.parametrize(
    "answer",
    [b"\xff" * 32, (65).to_bytes(32), b"", b"\x00" * 31],
    ids=["endless tokens", "too many tokens", "nothing", "cut"],
)
async def test_facts_that_no_hub_gives_are_refused(answer: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        await HubReader(Answering(answer), NOWHERE).facts(BLOCK)


async def test_a_call_that_reverts_is_told_as_such() -> None:
    reader = HubReader(Answering(Reverted(b"", "out of gas")), NOWHERE)

    for read in (reader.facts(BLOCK), reader.claims([BLOCK], BLOCK), reader.legs([BLOCK], BLOCK)):
        with pytest.raises(Reverted):
            await read
