"""Uniswap's own v3 factory, pools, position manager and router; tokens are this project's test tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isqrt
from typing import Any

import pytest
import pytest_asyncio

from chains.devnet.npm import ROOT
from config.source_settings import UniswapV3SourceSettings
from config.units import WAD, parse_wad
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.ticks import FACTORS_X128, MAX_TICK, mean_tick, sqrt_ratio_x96
from oracles.sources.uniswap_v3 import UniswapV3Source
from tests.oracles.contracts.ground import Ground
from tests.oracles.contracts.packages import UNISWAP_CORE, UNISWAP_PERIPHERY, creation_code

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]

NOWHERE = "0x" + "99" * 20
"""Where wrapped ether would be: nobody pays in ether here."""
FOREVER = 2**40
WINDOW_S = 1_800
PLENTY = 10**30
OBSERVE = "observe(uint32[])"
MINT = "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))"
SWAP = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"


@dataclass
class Exchange:
    """Uniswap as deployed anew, and two tokens: WETH with 18 decimals, USDC with 6."""

    ground: Ground
    factory: str
    manager: str
    router: str
    weth: str
    usdc: str
    fee: int = 0

    @classmethod
    async def open(cls, ground: Ground) -> Exchange:
        core = "artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json"
        manager = "artifacts/contracts/NonfungiblePositionManager.sol/NonfungiblePositionManager.json"
        router = "artifacts/contracts/SwapRouter.sol/SwapRouter.json"
        factory = await ground.publish(UNISWAP_CORE, core)
        found = cls(
            ground,
            factory,
            await ground.publish(
                UNISWAP_PERIPHERY, manager, "address address address", factory, NOWHERE, NOWHERE
            ),
            await ground.publish(UNISWAP_PERIPHERY, router, "address address", factory, NOWHERE),
            await ground.create(token_code(), "string string uint8", "WETH", "WETH", 18),
            await ground.create(token_code(), "string string uint8", "USDC", "USDC", 6),
        )
        for token in (found.weth, found.usdc):
            await ground.send(token, "mint(address,uint256)", ground.people[0], PLENTY)
            for spender in (found.manager, found.router):
                await ground.send(token, "approve(address,uint256)", spender, 2**256 - 1)
        return found

    @property
    def tokens(self) -> tuple[str, str]:
        """Both tokens as the pool orders them."""
        first, second = sorted((self.weth, self.usdc), key=lambda token: int(token, 16))
        return first, second

    async def pool(self, usdc_per_weth: int, usdc: int, cardinality: int = 200) -> Pool:
        """Open the next pool at a price, with liquidity over all ticks that holds so many whole USDC."""
        fee, spacing = [(500, 10), (3_000, 60), (10_000, 200), *((100 + n, 10) for n in range(50))][self.fee]
        self.fee += 1
        if fee not in {500, 3_000, 10_000}:
            await self.ground.send(self.factory, "enableFeeAmount(uint24,int24)", fee, spacing)
        first, second = self.tokens
        amounts = {self.usdc: usdc * 10**6, self.weth: usdc * WAD // usdc_per_weth}
        root = isqrt((amounts[second] << 192) // amounts[first])
        await self.ground.send(
            self.manager,
            "createAndInitializePoolIfNecessary(address,address,uint24,uint160)",
            *(first, second, fee, root),
        )
        (address,) = await self.ground.ask(
            self.factory, "getPool(address,address,uint24)", "address", first, second, fee
        )
        found = Pool(self, str(address), fee)
        if cardinality > 1:  # the ring grows with the next observation, which is that of the liquidity
            await self.ground.send(found.address, "increaseObservationCardinalityNext(uint16)", cardinality)
        await self.ground.wait(12)
        edge = MAX_TICK // spacing * spacing
        await self.ground.send(
            self.manager,
            MINT,
            (
                first,
                second,
                fee,
                -edge,
                edge,
                amounts[first],
                amounts[second],
                0,
                0,
                self.ground.people[0],
                FOREVER,
            ),
        )
        return found


@dataclass
class Pool:
    """One pool."""

    exchange: Exchange
    address: str
    fee: int

    async def trade(self, sold: str, amount: int) -> None:
        """Sell so much of a token, raw."""
        bought = self.exchange.usdc if sold == self.exchange.weth else self.exchange.weth
        people = self.exchange.ground.people
        order = (sold, bought, self.fee, people[0], FOREVER, amount, 0, 0)
        await self.exchange.ground.send(self.exchange.router, SWAP, order)

    async def spot_wad(self) -> int:
        """What one trade more would pay, in USDC a WETH: what a source must never say."""
        types = "uint160 int24 uint16 uint16 uint16 uint8 bool"
        root = (await self.exchange.ground.ask(self.address, "slot0()", types))[0]
        if self.exchange.tokens[0] == self.exchange.weth:
            return int(root * root * WAD * 10**12 >> 192)
        return int((WAD * 10**12 << 192) // (root * root))

    def source(self, **more: Any) -> UniswapV3Source:
        """A source of it."""
        fields = {
            "kind": "uniswap_v3",
            "name": "pool",
            "pair": "ETH/USDC",
            "group": "uniswap",
            "chain": "alpha",
            "address": self.address,
            "base_token": self.exchange.weth,
            "quote_token": self.exchange.usdc,
            "quote_decimals": 6,
            "window_s": WINDOW_S,
            "min_cardinality": 2,
            "min_depth": "0",
        }
        return UniswapV3Source(UniswapV3SourceSettings.model_validate(fields | more))


def token_code() -> bytes:
    artifact = json.loads((ROOT / "chains" / "contracts" / "artifacts" / "TestToken.json").read_text())
    return bytes.fromhex(artifact["bytecode"].removeprefix("0x"))


def near(found: Quote | QuoteFailure, usdc: str, within_bps: int = 5) -> None:
    assert isinstance(found, Quote), found
    wanted_wad = parse_wad(usdc)
    assert abs(found.value_wad - wanted_wad) * 10_000 <= wanted_wad * within_bps, found.value_wad


def unsure(found: Quote | QuoteFailure) -> str:
    assert isinstance(found, QuoteFailure), found
    assert FailureKind.UNSURE is found.kind
    return found.detail


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange(ground: Ground) -> Exchange:
    return await Exchange.open(ground)


async def test_a_window_the_pool_remembers_gives_its_mean(exchange: Exchange, ground: Ground) -> None:
    pool = await exchange.pool(3_000, 10_000_000)
    await ground.wait(WINDOW_S + 60)
    near(await ground.read(pool.source()), "3000")
    inverse = pool.source(
        pair="USDC/ETH",
        base_token=exchange.usdc,
        base_decimals=6,
        quote_token=exchange.weth,
        quote_decimals=18,
    )
    near(await ground.read(inverse), "0.000333333333333333")


async def test_until_then_there_is_no_price_and_never_the_spot(exchange: Exchange, ground: Ground) -> None:
    pool = await exchange.pool(3_000, 10_000_000)
    source = pool.source()
    await ground.wait(WINDOW_S // 2)
    assert f"the pool does not remember all of the last {WINDOW_S} s" == unsure(await ground.read(source))
    await ground.wait(WINDOW_S // 2 + 30)
    near(await ground.read(source), "3000")


async def test_a_ring_of_one_observation_forgets_with_every_trade(exchange: Exchange, ground: Ground) -> None:
    pool = await exchange.pool(3_000, 10_000_000, cardinality=1)
    await ground.wait(WINDOW_S + 60)
    assert "observations" in unsure(await ground.read(pool.source()))

    await pool.trade(exchange.weth, WAD)
    careless = pool.source(min_cardinality=1)
    assert "does not remember" in unsure(await ground.read(careless))


async def test_trades_push_the_window_out_of_a_small_ring(exchange: Exchange, ground: Ground) -> None:
    pool = await exchange.pool(3_000, 10_000_000, cardinality=4)
    await ground.wait(WINDOW_S + 60)
    source = pool.source()
    near(await ground.read(source), "3000")
    for _ in range(5):
        await pool.trade(exchange.weth, WAD)
        await ground.wait(12)
    assert "does not remember" in unsure(await ground.read(source))


async def test_a_spot_price_that_is_moved_for_a_block_does_not_move_the_mean(
    exchange: Exchange, ground: Ground
) -> None:
    pool = await exchange.pool(3_000, 1_000_000)
    source = pool.source()
    await ground.wait(2 * WINDOW_S)
    before = await ground.read(source)

    await pool.trade(exchange.weth, 300 * WAD)
    moved_wad = await pool.spot_wad()
    at_once = await ground.read(source)
    await ground.wait(12)
    after_a_block = await ground.read(source)

    assert moved_wad < 1_000 * WAD
    assert isinstance(before, Quote), before
    assert isinstance(at_once, Quote), at_once
    assert isinstance(after_a_block, Quote), after_a_block
    assert abs(before.value_wad - at_once.value_wad) * 10_000 < before.value_wad * 20
    assert before.value_wad * 98 // 100 < after_a_block.value_wad < before.value_wad


async def test_a_price_that_stays_is_the_mean_after_a_window(exchange: Exchange, ground: Ground) -> None:
    pool = await exchange.pool(3_000, 1_000_000)
    source = pool.source()
    await ground.wait(2 * WINDOW_S)
    await pool.trade(exchange.weth, 50 * WAD)
    spot_wad = await pool.spot_wad()
    await ground.wait(WINDOW_S // 2)
    halfway = await ground.read(source)
    await ground.wait(WINDOW_S // 2 + 10)
    settled = await ground.read(source)

    assert isinstance(halfway, Quote), halfway
    assert spot_wad < halfway.value_wad < 3_000 * WAD
    assert abs(isqrt(spot_wad * 3_000 * WAD) - halfway.value_wad) * 1_000 < halfway.value_wad
    assert isinstance(settled, Quote), settled
    assert abs(settled.value_wad - spot_wad) * 10_000 <= 2 * spot_wad


async def test_liquidity_has_a_floor_and_a_thin_part_of_the_window_counts(
    exchange: Exchange, ground: Ground
) -> None:
    pool = await exchange.pool(3_000, 1_000_000)
    await ground.wait(WINDOW_S + 60)
    near(await ground.read(pool.source(min_depth="4900")), "3000")
    assert "4987" in unsure(await ground.read(pool.source(min_depth="5000")))


async def test_means_are_those_that_the_contract_sums(exchange: Exchange, ground: Ground) -> None:
    pool = await exchange.pool(3_000, 1_000_000)
    await ground.wait(WINDOW_S)
    for amount in (10, 25, 3):
        await pool.trade(exchange.usdc, amount * 10**9)
        await ground.wait(200)
    (then, now), _ = await ground.ask(pool.address, OBSERVE, "int56[] uint160[]", [WINDOW_S, 0])
    root = sqrt_ratio_x96(mean_tick(now - then, WINDOW_S))
    wanted_wad = (
        root * root * WAD * 10**12 >> 192
        if exchange.tokens[0] == exchange.weth
        else (WAD * 10**12 << 192) // (root * root)
    )
    found = await ground.read(pool.source())
    assert isinstance(found, Quote), found
    assert wanted_wad == found.value_wad


async def test_the_factors_of_ticks_are_those_in_the_pools_code() -> None:
    code = creation_code(UNISWAP_CORE, "artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json")
    sizes = [(factor.bit_length() + 7) // 8 for factor in FACTORS_X128]
    assert 20 == len(sizes)
    assert all(factor.to_bytes(size) in code for factor, size in zip(FACTORS_X128, sizes, strict=True))


async def test_another_pools_tokens_are_refused(exchange: Exchange, ground: Ground) -> None:
    pool = await exchange.pool(3_000, 1_000_000)
    await ground.wait(WINDOW_S + 60)
    wrong_token = await ground.read(pool.source(base_token=NOWHERE))
    wrong_scale = await ground.read(pool.source(quote_decimals=18))
    no_pool = await ground.read(pool.source(address=exchange.router))
    nothing = await ground.read(pool.source(address=NOWHERE))
    for found in (wrong_token, wrong_scale, no_pool, nothing):
        assert isinstance(found, QuoteFailure), found
        assert found.kind in {FailureKind.MALFORMED, FailureKind.REFUSED}
