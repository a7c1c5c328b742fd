"""The executor liquidates from inventory or by a flash swap, keeps nothing, and obeys its owner only."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chains.devnet.protocols import uniswap
from chains.devnet.protocols.aave import AavePool
from chains.devnet.protocols.uniswap import set_price, swap_pool
from chains.venues.aave_v3.venue import AaveV3
from chains.venues.executor.build import ARTIFACT, built
from chains.venues.executor.codec import NO_POOL, Executed, Execution, execute_call, executed
from chains.venues.venue import Borrower, Liquidation
from chains.venues.words import revert_text
from tests.chains.venues.local import LocalChain, person

pytestmark = pytest.mark.chain

US, STRANGER, POOR = person(1), person(2), person(3)


def test_the_artifact_is_what_its_source_compiles_to() -> None:
    assert built() == ARTIFACT.read_text()
    assert uniswap.built() == uniswap.PROVIDER.read_text()


@pytest.fixture
async def executor(chain: LocalChain, pool: AavePool) -> str:
    return await chain.deploy(json.loads(ARTIFACT.read_text())["bytecode"], ["address"], US)


@pytest.fixture
async def swapping(chain: LocalChain, pool: AavePool) -> str:
    """Return a pool of WETH and USDC at $2,880, the same price that the borrower falls below one at."""
    weth, usdc = pool.tokens["WETH"], pool.tokens["USDC"]
    return await swap_pool(chain, (10**18, 2_880 * 10**6), weth, usdc, 10**18)


@pytest.fixture
async def execution(
    chain: LocalChain, pool: AavePool, aave: AaveV3, swapping: str, executor: str
) -> Execution:
    """Return a liquidation by flash swap of somebody just below one: 10 WETH against dollars."""
    await pool.supply(STRANGER, "USDC", 10**13)
    await pool.supply(POOR, "WETH", 10**19)
    await pool.borrow(POOR, "USDC", 24_000 * 10**6)
    await pool.set_price("WETH", 2_880 * 10**8)
    state = await aave.read([Borrower(POOR)], await chain.head())
    at_s = state.timestamp_s + 60
    found = aave.best(state, Borrower(POOR), at_s)
    assert isinstance(found, Liquidation)
    return Execution(found, aave.call(found), found.repay, swapping, 0, at_s)


async def held(chain: LocalChain, pool: AavePool, who: str) -> dict[str, int]:
    found = {}
    for symbol in ("WETH", "USDC"):
        (amount,) = await chain.view(pool.tokens[symbol], "balanceOf(address)", ["uint256"], who)
        found[symbol] = amount
    return found


async def refused(chain: LocalChain, sender: str, executor: str, execution: Execution) -> str:
    data = await chain.reverted(executor, execute_call(execution), sender)
    return revert_text(data)


async def test_a_flash_swap_pays_itself_and_leaves_the_profit(
    chain: LocalChain, pool: AavePool, execution: Execution, executor: str
) -> None:
    await chain.next_at(execution.deadline_s)
    receipt = await chain.send_raw(US, executor, execute_call(execution))

    (told,) = executed(receipt["logs"], executor)
    after = await held(chain, pool, US)
    swapped = execution.liquidation.repay * 10**18 // (2_880 * 10**6)
    assert (
        Executed(pool.pool, pool.tokens["USDC"], pool.tokens["WETH"], execution.liquidation.repay, told.kept)
        == told
    )
    assert {"WETH": told.kept, "USDC": 0} == after
    # 5 % of bonus less 0.05 % of the pool's fee and less than 0.1 % of its depth.
    assert 485 < 10_000 * told.kept // swapped < 495
    assert {"WETH": 0, "USDC": 0} == await held(chain, pool, executor)


async def test_it_reverts_whole_if_less_is_left_than_was_asked(
    chain: LocalChain, pool: AavePool, execution: Execution, executor: str
) -> None:
    greedy = replace(execution, least_kept=execution.liquidation.seize // 10)

    assert "profit" == await refused(chain, US, executor, greedy)


async def test_a_pool_that_moved_away_makes_it_revert(
    chain: LocalChain, pool: AavePool, execution: Execution, executor: str
) -> None:
    weth, usdc = pool.tokens["WETH"], pool.tokens["USDC"]
    await set_price(chain, execution.pool, (10**18, 2_700 * 10**6), weth, usdc)

    assert "profit" == await refused(chain, US, executor, execution)


async def test_a_pool_whose_price_was_set_trades_as_one_that_was_opened_at_it(
    chain: LocalChain, pool: AavePool, execution: Execution, executor: str
) -> None:
    weth, usdc = pool.tokens["WETH"], pool.tokens["USDC"]
    opened = await swap_pool(chain, (10**18, 2_950 * 10**6), weth, usdc, 10**18)
    await set_price(chain, execution.pool, (10**18, 2_950 * 10**6), weth, usdc)
    kept = []
    for each in (opened, execution.pool):
        data = execute_call(replace(execution, pool=each))
        call = {"from": US, "to": executor, "data": "0x" + data.hex()}
        kept.append(int(await chain.node.rpc("eth_call", call, "latest"), 16))

    assert kept[0] == kept[1] > 0


async def test_inventory_is_used_and_what_was_too_much_comes_back(
    chain: LocalChain, pool: AavePool, execution: Execution, executor: str
) -> None:
    await pool.endow(US, "USDC", 20_000 * 10**6)
    await chain.send(US, pool.tokens["USDC"], "approve(address,uint256)", executor, 2**255)
    await chain.next_at(execution.deadline_s)
    room = execution.repay + 777

    own = replace(execution, pool=NO_POOL, repay=room)
    receipt = await chain.send_raw(US, executor, execute_call(own))

    found = execution.liquidation
    assert (found.repay, found.seize) == tuple(
        getattr(executed(receipt["logs"], executor)[0], name) for name in ("repaid", "kept")
    )
    assert {"WETH": found.seize, "USDC": 20_000 * 10**6 - found.repay} == await held(chain, pool, US)
    assert {"WETH": 0, "USDC": 0} == await held(chain, pool, executor)
    question = "allowance(address,address)"
    assert (0,) == await chain.view(pool.tokens["USDC"], question, ["uint256"], executor, pool.pool)


async def test_only_its_owner_can_use_it_and_only_in_time(
    chain: LocalChain, execution: Execution, executor: str
) -> None:
    assert "owner" == await refused(chain, STRANGER, executor, execution)
    assert "deadline" == await refused(chain, US, executor, replace(execution, deadline_s=1))


async def test_nobody_can_pretend_to_be_the_pool(
    chain: LocalChain, executor: str, execution: Execution
) -> None:
    with pytest.raises(Exception, match="revert"):
        await chain.send(STRANGER, executor, "uniswapV3SwapCallback(int256,int256,bytes)", 1, -1, b"")
