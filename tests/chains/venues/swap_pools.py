"""Pools of Uniswap v3 on a local chain, from its published bytecode, with liquidity over the whole range."""

from __future__ import annotations

import json
from math import isqrt
from pathlib import Path

from eth_utils import to_checksum_address
from vyper import compile_code

from tests.chains.venues.local import OWNER, LocalChain
from tests.chains.venues.npm_packages import UNISWAP, unpacked

FEE = 500
_WIDEST_TICK = 887_270
_PROVIDER = Path(__file__).parent / "doubles" / "LiquidityProvider.vy"


async def swap_pool(chain: LocalChain, price: tuple[int, int], first: str, second: str, depth: int) -> str:
    """Return a new pool where `price[0]` raw of `first` are worth `price[1]` raw of `second`."""
    path = unpacked(UNISWAP) / "artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json"
    factory = await chain.deploy(json.loads(path.read_text())["bytecode"])
    await chain.send(OWNER, factory, "createPool(address,address,uint24)", first, second, FEE)
    question = "getPool(address,address,uint24)"
    (found,) = await chain.view(factory, question, ["address"], first, second, FEE)
    pool = to_checksum_address(found)
    amounts = price if int(first, 16) < int(second, 16) else price[::-1]
    await chain.send(OWNER, pool, "initialize(uint160)", isqrt((amounts[1] << 192) // amounts[0]))
    compiled = compile_code(_PROVIDER.read_text(), output_formats=["bytecode"])
    provider = await chain.deploy(compiled["bytecode"])
    for token in (first, second):
        await chain.send(OWNER, token, "mint(address,uint256)", provider, 10**30)
    signature = "provide(address,int24,int24,uint128)"
    await chain.send(OWNER, provider, signature, pool, -_WIDEST_TICK, _WIDEST_TICK, depth)
    return pool
