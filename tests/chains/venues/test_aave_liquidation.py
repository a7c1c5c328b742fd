"""What we say a liquidation moves is what the published contracts' event says it moved, to the unit."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from chains.devnet.protocols.aave import LISTINGS, SEED, AavePool
from chains.venues.aave_v3.state import PoolState
from chains.venues.aave_v3.venue import AaveV3
from chains.venues.venue import ALL, Blocked, Borrower, Liquidation, Obstacle, Outcome
from tests.chains.venues.aave_crowd import Member, members, seat
from tests.chains.venues.local import LocalChain, person

pytestmark = pytest.mark.chain

PRICES = {each.symbol: each.price for each in LISTINGS}
LIQUIDATOR = person(999)
DAY_S = 86_400


async def lower(pool: AavePool, **thousandths: int) -> None:
    for symbol, share in thousandths.items():
        await pool.set_price(symbol, PRICES[symbol] * share // 1000)


async def liquidate(chain: LocalChain, aave: AaveV3, found: Liquidation, at_s: int) -> Outcome:
    """Have the liquidation mined at this time; return what the event says."""
    call = aave.call(found)
    await chain.next_at(at_s)
    receipt = await chain.send_raw(LIQUIDATOR, call.to, call.data)
    (outcome,) = aave.outcomes(receipt["logs"])
    assert found.borrower in aave.touched(receipt["logs"])
    return outcome


async def armed(pool: AavePool) -> None:
    for symbol, decimals in ((each.symbol, each.decimals) for each in LISTINGS):
        await pool.endow(LIQUIDATOR, symbol, 10 ** (decimals + 8))


def kind(state: PoolState, found: Liquidation, health: int) -> str:
    """Name the case: how much may be closed, and what bounded it."""
    account = state.accounts[found.borrower.account]
    decimals = {each.asset: each.configuration.decimals for each in state.reserves.values()}
    emptied = found.seize + found.protocol_fee
    held = max(
        balance.supplied(state.reserves[at], state.timestamp_s)
        for at, balance in account.balances.items()
        if state.reserves[at].asset == found.collateral_asset
    )
    factor = "half" if health > 95 * 10**16 else "all"
    bounded = "collateral" if emptied >= held else "debt"
    return f"{factor} {bounded} {decimals[found.collateral_asset]}/{decimals[found.debt_asset]}"


async def test_every_liquidation_of_a_crowd_while_prices_fall(
    chain: LocalChain, pool: AavePool, aave: AaveV3
) -> None:
    crowd = members(40, seed=11)
    await seat(pool, crowd)
    await armed(pool)
    random = Random(5)
    state = await aave.read([member.borrower for member in crowd], await chain.head())
    seen: Counter[str] = Counter()

    for fall in (
        {"WETH": 970, "WBTC": 968},
        {"WETH": 945, "STETH": 940, "WBTC": 930},
        {"USDC": 985},
        {"WETH": 1_250, "WBTC": 700, "USDC": 1_030, "STETH": 1_200},
        {"WETH": 500, "STETH": 420, "WBTC": 1_400},
    ):
        await chain.pass_time(DAY_S * random.randint(1, 9))
        await lower(pool, **fall)
        for member in crowd:
            state, case = await one_round(chain, aave, state, member, random.randint(1, 5_000))
            seen[case] += 1

    kinds = {case for case in seen if case.split()[0] in {"half", "all"}}
    assert {"half debt", "all debt", "all collateral"} <= {case.rsplit(" ", 1)[0] for case in kinds}
    assert {"6", "8", "18"} == {part for case in kinds for part in case.rsplit(" ", 1)[1].split("/")}
    assert sum(seen[case] for case in kinds) > 20


async def one_round(
    chain: LocalChain, aave: AaveV3, state: PoolState, member: Member, wait_s: int
) -> tuple[PoolState, str]:
    """Liquidate a member if it can be; compare; return the state after it and what the case was."""
    state = await aave.read([], await chain.head(), known=state)
    at_s = state.timestamp_s + wait_s
    health = aave.health(state, member.borrower, at_s).health_wad
    found = aave.best(state, member.borrower, at_s)
    assert health is not None
    if isinstance(found, Blocked):
        assert health >= 10**18 or found.obstacle is not Obstacle.HEALTHY
        return state, found.obstacle
    assert health < 10**18

    outcome = await liquidate(chain, aave, found, at_s)

    predicted = (found.debt_asset, found.collateral_asset, found.repay, found.seize)
    assert predicted == (
        outcome.debt_asset,
        outcome.collateral_asset,
        outcome.repaid,
        outcome.seized,
    )
    case = kind(state, found, health)
    return await aave.read([member.borrower], await chain.head(), known=state), case


@pytest.fixture
async def ready(chain: LocalChain, pool: AavePool) -> Borrower:
    """Return somebody just below 1: 10 WETH against dollars."""
    who = person(1)
    await pool.supply(SEED, "USDC", 10**13)
    await pool.supply(who, "WETH", 10**19)
    await pool.borrow(who, "USDC", 24_000 * 10**6)
    await armed(pool)
    await lower(pool, WETH=960)
    return Borrower(who)


async def test_less_than_all_is_repaid_where_the_inventory_ends(
    chain: LocalChain, pool: AavePool, aave: AaveV3, ready: Borrower
) -> None:
    state = await aave.read([ready], await chain.head())
    at_s = state.timestamp_s + 17
    dollars = pool.tokens["USDC"]

    found = aave.best(state, ready, at_s, limits={dollars: 1_234_567_891})

    assert isinstance(found, Liquidation)
    assert (1_234_567_891, 1_234_567_891) == (found.repay, found.repay_argument)
    outcome = await liquidate(chain, aave, found, at_s)
    assert (found.repay, found.seize) == (outcome.repaid, outcome.seized)


async def test_without_a_limit_the_pool_itself_decides_how_much(
    chain: LocalChain, aave: AaveV3, ready: Borrower
) -> None:
    state = await aave.read([ready], await chain.head())

    found = aave.best(state, ready, state.timestamp_s)

    assert isinstance(found, Liquidation)
    assert ALL == found.repay_argument


@pytest.mark.parametrize("paused", ["WETH", "USDC"])
async def test_a_paused_reserve_is_in_the_way_and_the_pool_agrees(
    chain: LocalChain, pool: AavePool, aave: AaveV3, ready: Borrower, paused: str
) -> None:
    head = await chain.head()
    before = aave.best(await aave.read([ready], head), ready, head.timestamp)
    await pool.configure("setReservePause(address,bool)", pool.tokens[paused], True)

    state = await aave.read([ready], await chain.head())

    assert Blocked(Obstacle.PAUSED, pool.tokens[paused]) == aave.best(state, ready, state.timestamp_s)
    await refused(chain, aave, before, "29")


async def test_a_frozen_reserve_is_not_in_the_way(
    chain: LocalChain, pool: AavePool, aave: AaveV3, ready: Borrower
) -> None:
    await pool.configure("setReserveFreeze(address,bool)", pool.tokens["WETH"], True)
    state = await aave.read([ready], await chain.head())
    found = aave.best(state, ready, state.timestamp_s + 1)

    assert isinstance(found, Liquidation)
    assert found.seize == (await liquidate(chain, aave, found, state.timestamp_s + 1)).seized


async def test_a_sentinel_in_its_grace_period_protects_down_to_0_95(
    chain: LocalChain, pool: AavePool, aave: AaveV3, ready: Borrower
) -> None:
    head = await chain.head()
    before = aave.best(await aave.read([ready], head), ready, head.timestamp)
    await pool.install_sentinel(grace_s=3_600)
    await pool.sequencer_is(down=False, since_s=head.timestamp)
    state = await aave.read([ready], await chain.head())

    assert Blocked(Obstacle.SENTINEL) == aave.best(state, ready, state.timestamp_s)
    await refused(chain, aave, before, "59")

    await lower(pool, WETH=900)
    state = await aave.read([ready], await chain.head())
    assert isinstance(aave.best(state, ready, state.timestamp_s), Liquidation)

    await lower(pool, WETH=960)
    await chain.pass_time(3_601)
    state = await aave.read([ready], await chain.head())
    assert isinstance(aave.best(state, ready, state.timestamp_s), Liquidation)


async def test_what_has_left_the_pool_can_not_be_seized(
    chain: LocalChain, pool: AavePool, aave: AaveV3, ready: Borrower
) -> None:
    await pool.supply(person(2), "USDC", 10**11)
    await pool.borrow(person(2), "WETH", 9 * 10**18)
    state = await aave.read([ready], await chain.head())

    assert Blocked(Obstacle.ILLIQUID, pool.tokens["WETH"]) == aave.best(state, ready, state.timestamp_s)


async def test_a_healthy_account_and_an_unknown_one_are_told_apart(
    chain: LocalChain, pool: AavePool, aave: AaveV3, ready: Borrower
) -> None:
    await lower(pool, WETH=1_000)
    state = await aave.read([ready], await chain.head())

    assert Blocked(Obstacle.HEALTHY) == aave.best(state, ready, state.timestamp_s)
    assert Blocked(Obstacle.UNKNOWN_ACCOUNT) == aave.best(state, Borrower(person(5)), state.timestamp_s)


async def refused(chain: LocalChain, aave: AaveV3, found: Liquidation | Blocked, code: str) -> None:
    """The pool itself refuses this call, with this code."""
    assert isinstance(found, Liquidation)
    call = aave.call(found)
    fields = {"from": LIQUIDATOR, "to": call.to, "data": "0x" + call.data.hex()}
    with pytest.raises(Exception, match=f"revert.*{code}"):
        await chain.node.rpc("eth_call", fields, "latest")
