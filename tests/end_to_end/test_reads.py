"""One read that fails or is late removes no account and makes none healthy, whichever read it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio
from _pytest.mark import ParameterSet

from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.rules import FAULTS, Nth, Once
from chains.devnet.faults.verdicts import Give
from chains.devnet.faults.views import Behind
from config.secrets import SecretUrl
from config.settings import Settings
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.crowd import Crowd, Plan, account_id
from tests.end_to_end.inside import Inside, observing, running
from tests.end_to_end.rounds import steady_prices
from tests.end_to_end.stage import Stage, until

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
AT_ONCE = 6
CALLS_OF_A_BLOCK = 24
"""More than a new block takes, so that what follows it is met too."""
TO_AND_FRO = 130
PRICE = {"ETH": "1850"}
ON_ALPHA = {1: ("healthy", "1000"), 2: ("margin_call", "1400"), 3: ("liquidatable", "1495")}
ON_GAMMA = {11: ("healthy", "1300"), 12: ("margin_call", "1400"), 13: ("liquidatable", "1495")}
ACROSS = {21: ("margin_call", "1400"), 22: ("healthy", "900")}
"""Subaccounts: the state that one ether at the price and the dollars owed put them in. Across: the ether is on
alpha, the debt on gamma, so that without alpha they would be bankrupt and without gamma without a care."""
MOVING = {"alpha": 5, "gamma": 15}
"""On each chain one account that goes to and fro between healthy and margin call."""
TRUTH = {account_id(number): state for number, (state, _) in (ON_ALPHA | ON_GAMMA | ACROSS).items()}
MAY_BE = {account: {state, "unknown"} for account, state in TRUTH.items()} | {
    account_id(number): {"healthy", "margin_call", "unknown"} for number in MOVING.values()
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    directory = tmp_path_factory.mktemp("reads")
    plans = [
        ChainPlan(name, number, block_time_s=0, pace_s=40)
        for name, number in (("alpha", 31_155), ("gamma", 31_156))
    ]
    async with Stage(directory, *plans, alone=True, text=seen_at_once) as stage:
        await _open(stage)
        await stage.move(PRICE)
        for chain in stage.chains.values():
            await chain.mine(3)
        yield stage


def seen_at_once(text: str) -> str:
    """Let a block count as soon as it is there: what is asked here is whether it is read."""
    return steady_prices(text).replace("finality_depth = 2", "finality_depth = 2\nunfinal_blocks = 0")


async def _open(stage: Stage) -> None:
    alpha, gamma = (Crowd(chain) for chain in stage.chains.values())
    local = [Plan(number, "1", debt) for number, (_, debt) in ON_ALPHA.items()]
    await alpha.open([*local, Plan(MOVING["alpha"], "1", "1250"), *(Plan(number) for number in ACROSS)])
    await alpha.link(list(ACROSS))
    await gamma.open([Plan(number, "1", debt) for number, (_, debt) in ON_GAMMA.items()])
    await gamma.open([Plan(MOVING["gamma"], "1", "1250")])
    await gamma.link(list(ACROSS))
    for number, (_, debt) in ACROSS.items():
        await gamma.borrow_attested(number, debt, 1, list(stage.attestor_keys.values()), stage.policy_hash)


def through(settings: Settings, name: str, proxies: dict[str, RpcProxy]) -> Settings:
    """The same with these ways to its chains, and little patience."""
    found = observing(settings, name)
    chains = {
        chain: its.model_copy(
            update={
                "endpoints": (
                    its.endpoints[0].model_copy(
                        update={"url": SecretUrl(proxies[chain].url), "ws_url": None, "timeout_s": 0.5}
                    ),
                ),
                "poll_interval_s": 0.1,
            }
        )
        for chain, its in found.chains.items()
    }
    return found.model_copy(update={"chains": chains})


def known(inside: Inside) -> bool:
    """Whether every account is in the state that it should be in."""
    states = inside.states
    return all(states.get(account) == state for account, state in TRUTH.items())


def never_wrong(history: Iterable[dict[str, str]]) -> list[str]:
    """Say what was ever wrong: an account that was there and is gone, or one in a state it was never in."""
    found: list[str] = []
    there: set[str] = set()
    for states in history:
        found += [f"{account} is gone" for account in there - states.keys()]
        there |= states.keys()
        found += [
            f"{account} is {state}" for account, state in states.items() if state not in MAY_BE[account]
        ]
    return found


def kinds(*core: str) -> list[ParameterSet]:
    """Every kind of fault, those that are not `core` only with the slow tests."""
    names = [*FAULTS, "stale"]
    return [pytest.param(name, marks=() if name in core else pytest.mark.slow) for name in names]


@pytest.mark.parametrize("chain", list(MOVING))
@pytest.mark.parametrize("kind", kinds("error"))
async def test_no_read_that_fails_at_the_start_matters(stage: Stage, chain: str, kind: str) -> None:
    calls = await _start(stage, f"start-{chain}-{kind}-0", chain, Nth(0, FAULTS["error"]))
    late = await Behind.at_head(stage.chains[chain].node.rpc, but=2)
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(n: int) -> None:
        async with turns:
            await _start(stage, f"start-{chain}-{kind}-{n}", chain, Nth(n, FAULTS.get(kind, late)))

    await asyncio.gather(*(one(n) for n in range(1, calls + 1)))
    print(f"\n{chain}: each of {calls} calls at the start met with {kind}")


async def _start(stage: Stage, name: str, chain: str, fault: Nth) -> int:
    """Start a daemon whose n-th call to the chain meets the fault, until all is known. Returns how many calls it made."""
    async with ways(stage) as proxies:
        proxies[chain].rules.append(fault)
        settings = through(stage.settings, name, proxies)
        async with running(settings) as inside:
            await inside.when(lambda: known(inside), f"all is known with {fault}", 30)
            assert [] == never_wrong(inside.history)
            calls = sum(proxies[chain].calls.values())
        for path in settings.state_log.parent.glob(f"{name}.*"):
            path.unlink()
        return calls


@pytest.mark.parametrize("chain", list(MOVING))
@pytest.mark.parametrize("kind", kinds("error", "stale"))
async def test_no_read_that_fails_while_accounts_are_watched_matters(
    stage: Stage, chain: str, kind: str
) -> None:
    crowd, moving = Crowd(stage.chains[chain]), MOVING[chain]
    async with ways(stage) as proxies:
        async with running(through(stage.settings, f"watch-{chain}-{kind}", proxies)) as inside:
            await inside.when(lambda: known(inside), "all is known")
            for n in range(1, CALLS_OF_A_BLOCK + 1):
                fault = Nth(n, FAULTS.get(kind) or await Behind.at_head(stage.chains[chain].node.rpc))
                proxies[chain].rules[:] = [fault]
                await crowd.change_debt(moving, TO_AND_FRO if n % 2 else -TO_AND_FRO)
                await _seen(inside, account_id(moving), "margin_call" if n % 2 else "healthy", fault)
        assert [] == never_wrong(inside.history)
    print(f"\n{chain}: each of {CALLS_OF_A_BLOCK} calls about a new block met with {kind}")


async def _seen(inside: Inside, moving: str, state: str, fault: Nth) -> None:
    """Wait until the fault has happened, and everybody is in the state that is the truth now."""
    await until(lambda: fault.met, "the fault happens")
    await inside.when(
        lambda: known(inside) and inside.states[moving] == state, f"the truth is seen with {fault}"
    )


@asynccontextmanager
async def ways(stage: Stage) -> AsyncIterator[dict[str, RpcProxy]]:
    """A way of one's own to each chain."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(RpcProxy(chain.node.url))
            for name, chain in stage.chains.items()
        }


async def test_logs_that_a_node_leaves_out_are_found_by_the_time_their_block_is_final(stage: Stage) -> None:
    chain, moving = stage.chains["gamma"], MOVING["gamma"]
    async with ways(stage) as proxies:
        async with running(through(stage.settings, "omitted", proxies)) as inside:
            await inside.when(lambda: known(inside), "all is known")
            left_out = Once("eth_getLogs", Give([]))
            proxies["gamma"].rules.append(left_out)
            await Crowd(chain).change_debt(moving, TO_AND_FRO)
            await until(lambda: left_out.met, "the logs are left out")
            await chain.mine(stage.settings.chains["gamma"].finality_depth)
            await inside.when(lambda: inside.states[account_id(moving)] == "margin_call", "the debt is found")
        assert [] == never_wrong(inside.history)
    await Crowd(chain).change_debt(moving, -TO_AND_FRO)
