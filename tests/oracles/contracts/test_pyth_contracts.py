"""Pyth's own MockPyth, whose getters are those of the real contract; only its updates need no signatures."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from eth_abi.abi import encode

from config.source_settings import PythSourceSettings
from config.units import WAD, parse_wad
from oracles.freshness import AgePolicy
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.pyth import PythSource
from tests.oracles.contracts.ground import Ground, Refused
from tests.oracles.contracts.packages import PYTH

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]

FEE_WEI = 7
NUMBERS = count(100)
PRICE = "(int64,uint64,int32,uint256)"
UPDATE = "updatePriceFeeds(bytes[])"


def feed_id(number: int) -> str:
    return "0x" + number.to_bytes(32).hex()


class Contract:
    """A Pyth contract that charges for updates."""

    def __init__(self, ground: Ground, address: str) -> None:
        self.ground = ground
        self.address = address

    async def update(
        self, number: int, price: int, width: int, exponent: int, published_at: int, wei: int = FEE_WEI
    ) -> None:
        said = (price, width, exponent, published_at)
        update = encode(
            [f"(bytes32,{PRICE},{PRICE})", "uint64"],
            [(bytes.fromhex(feed_id(number)[2:]), said, said), published_at - 1],
        )
        await self.ground.send(self.address, UPDATE, [update], wei=wei)

    def source(self, number: int, **more: Any) -> PythSource:
        return PythSource(
            PythSourceSettings.model_validate(
                {
                    "kind": "pyth",
                    "name": "pyth",
                    "pair": "ETH/USD",
                    "group": "pyth",
                    "chain": "alpha",
                    "address": self.address,
                    "feed_id": feed_id(number),
                }
                | more
            )
        )

    async def now(self) -> int:
        return (await self.ground.client.head()).timestamp


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pyth(ground: Ground) -> Contract:
    address = await ground.publish(PYTH, "build/MockPyth_sol_MockPyth.bin", "uint256 uint256", 60, FEE_WEI)
    return Contract(ground, address)


def kind_of(found: Quote | QuoteFailure) -> FailureKind:
    assert isinstance(found, QuoteFailure), found
    return found.kind


async def test_what_was_brought_is_a_price_with_its_width_and_time(pyth: Contract, ground: Ground) -> None:
    published_at = await pyth.now()
    await pyth.update(1, 3_000_12345678, 1_00000000, -8, published_at)

    quote = await ground.read(pyth.source(1))

    assert isinstance(quote, Quote), quote
    assert quote.value_wad == parse_wad("3000.12345678")
    assert quote.confidence_wad == parse_wad("2.12")
    assert quote.source_time_ms == published_at * 1000


async def test_an_update_that_was_not_paid_for_changes_nothing(pyth: Contract, ground: Ground) -> None:
    published_at = await pyth.now()
    await pyth.update(2, 1_000, 1, 0, published_at)
    with pytest.raises(Refused):
        await pyth.update(2, 2_000, 1, 0, published_at + 1, wei=FEE_WEI - 1)
    quote = await ground.read(pyth.source(2))
    assert isinstance(quote, Quote), quote
    assert quote.value_wad == 1_000 * WAD


async def test_a_feed_that_nobody_ever_brought_is_refused(pyth: Contract, ground: Ground) -> None:
    assert FailureKind.REFUSED is kind_of(await ground.read(pyth.source(404)))


async def test_an_old_price_keeps_its_time_so_that_its_age_is_seen(pyth: Contract, ground: Ground) -> None:
    await pyth.update(3, 3_000_00000000, 1_00000000, -8, await pyth.now())
    await ground.wait(3_600)

    quote = await ground.read(pyth.source(3))

    assert isinstance(quote, Quote), quote
    refusal = AgePolicy({"pyth": 60_000}).refusal(quote, await pyth.now() * 1000)
    assert refusal is not None
    assert FailureKind.STALE is refusal[0]
    with pytest.raises(Exception, match="revert"):
        await ground.ask(
            pyth.address, "getPrice(bytes32)", "int64 uint64 int32 uint256", bytes.fromhex(feed_id(3)[2:])
        )


async def test_an_older_publication_does_not_take_the_place_of_a_newer(
    pyth: Contract, ground: Ground
) -> None:
    published_at = await pyth.now()
    await pyth.update(4, 3_000, 1, 0, published_at)
    await pyth.update(4, 1_000, 1, 0, published_at - 10)
    quote = await ground.read(pyth.source(4))
    assert isinstance(quote, Quote), quote
    assert quote.value_wad == 3_000 * WAD


@pytest.mark.parametrize(
    ("price", "width", "exponent", "ahead_s", "expected"),
    [
        (-3_000, 1, 0, 0, FailureKind.NOT_A_PRICE),
        (0, 0, -8, 0, FailureKind.NOT_A_PRICE),
        (3_000, 150, 0, 0, FailureKind.UNSURE),
        (3_000, 1, 50, 0, FailureKind.MALFORMED),
        (3_000, 1, -255, 0, FailureKind.MALFORMED),
        (3_000, 1, 0, 3_600, FailureKind.FROM_THE_FUTURE),
        (-(2**63), 2**64 - 1, -8, 0, FailureKind.NOT_A_PRICE),
    ],
)
async def test_what_is_no_price_is_none(
    pyth: Contract,
    ground: Ground,
    price: int,
    width: int,
    exponent: int,
    ahead_s: int,
    expected: FailureKind,
) -> None:
    number = next(NUMBERS)
    await pyth.update(number, price, width, exponent, await pyth.now() + ahead_s)
    assert expected is kind_of(await ground.read(pyth.source(number)))


async def test_a_contract_that_is_no_pyth_is_refused(pyth: Contract, ground: Ground) -> None:
    nothing = await ground.read(pyth.source(1, address="0x" + "99" * 20))
    assert FailureKind.MALFORMED is kind_of(nothing)
