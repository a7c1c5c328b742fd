"""Inventory for venues: what is held, what may be taken of it, what live intents will take, and when it is low."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chains.blocks import Head
from chains.client import ChainClient
from chains.errors import Reverted
from chains.venues.executor.codec import NO_POOL, Execution, execute_call, read_execute_call
from chains.venues.venue import Borrower, Liquidation, VenueCall
from config.units import WAD
from config.venue_settings import ExecutorSettings, InventorySettings
from keeper.domain.intent import Intent
from keeper.runtime.venue_purse import VenuePurse
from keeper.venues.inputs import Token

USDC, WETH, EXECUTOR, OWNER, POOL = ("0x" + letter * 40 for letter in "12345")
HEAD = Head("alpha", 7, "0x" + "a" * 64, "0x" + "b" * 64, 1_000, 0)


class Chain:
    """Answers balances and allowances in turn, and counts how often it is asked."""

    def __init__(self, *answers: int | None) -> None:
        self.asked = 0
        self._answers = answers

    async def call_many(self, calls: Sequence[Any], block_hash: str) -> list[bytes | Reverted]:
        self.asked += 1
        assert HEAD.hash == block_hash
        assert len(calls) == len(self._answers)
        return [Reverted(b"") if each is None else each.to_bytes(32) for each in self._answers]


def purse(chain: Chain, low_funds: int = 0) -> VenuePurse:
    settings = ExecutorSettings.model_construct(
        address=EXECUTOR, inventory=(InventorySettings.model_construct(token=USDC, low_funds=low_funds),)
    )
    return VenuePurse("alpha", settings, {USDC: Token("USDC", 6)}, cast("ChainClient", chain))


def intent(repay: int, pool: str = NO_POOL) -> Intent:
    found = Liquidation(Borrower("0x" + "6" * 40), USDC, WETH, repay, 1, 1, repay)
    data = execute_call(Execution(found, VenueCall("0x" + "7" * 40, b"call"), repay, pool, 0, 99))
    return cast("Intent", SimpleNamespace(calldata="0x" + data.hex()))


async def test_only_what_the_executor_was_allowed_to_take_is_usable() -> None:
    held = purse(Chain(900, 500))
    await held.read(OWNER, HEAD)

    assert ({USDC: 900}, {USDC: 500}) == (held.held, held.usable)


async def test_two_liquidations_do_not_spend_the_same_token_twice() -> None:
    held = purse(Chain(900, 2**255))
    await held.read(OWNER, HEAD)

    assert {USDC: 250} == held.left([intent(400), intent(250), intent(800, POOL)])
    assert {USDC: 0} == held.left([intent(600), intent(600)])


async def test_a_head_is_asked_once_whatever_venues_it_is_looked_at_by() -> None:
    chain = Chain(900, 900)
    held = purse(chain)
    for _ in range(3):
        await held.read(OWNER, HEAD)

    assert 1 == chain.asked


@pytest.mark.parametrize(("held", "is_low"), [(999_999_999, True), (1_000_000_000, False)])
async def test_low_funds_are_told_below_the_limit(held: int, *, is_low: bool) -> None:
    one = purse(Chain(held, held), 1_000 * WAD)
    assert {} == one.low()
    await one.read(OWNER, HEAD)

    assert is_low is ("low_funds/alpha/USDC" in one.low())


async def test_a_token_that_does_not_answer_is_none() -> None:
    held = purse(Chain(None, None))
    await held.read(OWNER, HEAD)

    assert {USDC: 0} == held.left([])


def test_a_call_is_read_back_as_it_was_made() -> None:
    asked = read_execute_call(bytes.fromhex(intent(123, POOL).calldata[2:]))

    assert (USDC, WETH, 123, POOL) == (asked.debt_asset, asked.collateral_asset, asked.repay, asked.pool)
    with pytest.raises(ValueError, match="execute"):
        read_execute_call(b"else")
