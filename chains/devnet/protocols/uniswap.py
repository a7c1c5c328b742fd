"""Pools of Uniswap v3 on a local chain, from its published bytecode, with liquidity over the whole range.

``python -m chains.devnet.protocols.uniswap`` builds the artifact of the contract that provides it.
"""

from __future__ import annotations

import json
from math import floor, isqrt, log
from pathlib import Path

from eth_utils import to_checksum_address

from chains.contracts.build import compile_contract
from chains.devnet.local_chain import OWNER, LocalChain
from chains.devnet.packages import UNISWAP, unpacked

FEE_PIPS = 500
PROVIDER = Path(__file__).with_name("LiquidityProvider.json")
_WIDEST_TICK = 887_270
_BESIDE_THE_OTHERS = f"../devnet/protocols/{PROVIDER.stem}"
_ENOUGH = 10**30


async def swap_pool(chain: LocalChain, price: tuple[int, int], first: str, second: str, depth: int) -> str:
    """Return a new pool where `price[0]` raw of `first` are worth `price[1]` raw of `second`.

    `depth` is its liquidity: about what the square root of the product of both reserves is, raw. The owner must be
    able to mint both tokens. Raises `NpmFailed` if the package can not be had.
    """
    path = unpacked(UNISWAP) / "artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json"
    factory = await chain.deploy(json.loads(path.read_text())["bytecode"])
    await chain.send(OWNER, factory, "createPool(address,address,uint24)", first, second, FEE_PIPS)
    question = "getPool(address,address,uint24)"
    (found,) = await chain.view(factory, question, ["address"], first, second, FEE_PIPS)
    pool = to_checksum_address(found)
    amounts = price if int(first, 16) < int(second, 16) else price[::-1]
    await chain.send(OWNER, pool, "initialize(uint160)", isqrt((amounts[1] << 192) // amounts[0]))
    provider = await chain.deploy_artifact(PROVIDER.read_text())
    for token in (first, second):
        await chain.send(OWNER, token, "mint(address,uint256)", provider, _ENOUGH)
    signature = "provide(address,int24,int24,uint128)"
    await chain.send(OWNER, provider, signature, pool, -_WIDEST_TICK, _WIDEST_TICK, depth)
    return pool


async def set_price(chain: LocalChain, pool: str, price: tuple[int, int], first: str, second: str) -> None:
    """Have a pool trade at another price (see `swap_pool`), as if somebody had traded it there.

    Writes the first slot of the pool: square root of the price in the low 160 bits, its tick in the next 24. With
    liquidity over the whole range nothing else depends on the price. It shows at once, no block is mined for it.
    """
    amounts = price if int(first, 16) < int(second, 16) else price[::-1]
    root = isqrt((amounts[1] << 192) // amounts[0])
    tick = floor(log(amounts[1] / amounts[0]) / log(1.0001))
    slot = int(await chain.node.rpc("eth_getStorageAt", pool, "0x0", "latest"), 16)
    rest = slot >> 184 << 184
    value = rest | (tick % 2**24) << 160 | root
    await chain.node.rpc("anvil_setStorageAt", pool, "0x" + "00" * 32, f"0x{value:064x}")


def built() -> str:
    """Return the artifact as the JSON text that is committed. Raises `BuildFailed`."""
    return compile_contract(_BESIDE_THE_OTHERS).replace(_BESIDE_THE_OTHERS, PROVIDER.stem)


if __name__ == "__main__":
    PROVIDER.write_text(built(), encoding="utf-8")
