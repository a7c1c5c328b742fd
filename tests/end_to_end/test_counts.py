"""What a change costs: one evaluation, and not one request to a node that the change does not need."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chains.devnet.faults.verdicts import Cut, Params
from chains.hub.codec import LEGS
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.crowd import Crowd, owing
from tests.end_to_end.inside import Inside, observing, running
from tests.end_to_end.rounds import steady_prices
from tests.end_to_end.stage import Stage, until

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
ACCOUNTS = 60


def one_opinion(text: str) -> str:
    """One venue is enough for a price, so that one change of it is one change of the price."""
    return steady_prices(text).replace("min_sources = 3\nmin_groups = 3", "min_sources = 1\nmin_groups = 1")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    directory = tmp_path_factory.mktemp("counts")
    plan = ChainPlan("gamma", 31_154, block_time_s=0, pace_s=40)
    async with Stage(directory, plan, venues=["coinbase"], alone=True, text=one_opinion) as stage:
        await Crowd(stage.chain).open(owing(1, ACCOUNTS, 1_300, 2.5))
        yield stage


async def settled(stage: Stage, inside: Inside) -> None:
    """Wait until every account is known and priced, and the start's last changes are evaluated."""
    await inside.when(
        lambda: len(inside.states) == ACCOUNTS and "unknown" not in inside.states.values(), "all are known"
    )
    await inside.quiet()


async def test_a_price_that_changes_costs_one_evaluation_and_no_request(stage: Stage) -> None:
    proxy = stage.chain.proxy
    settings = observing(stage.settings, "prices", polls=False)
    async with running(settings, lambda: proxy.requests) as inside:
        await settled(stage, inside)
        requests, evaluations = proxy.requests, len(inside.evaluations)
        for change in range(1, 11):
            before = mid(inside)
            stage.market.set({"ETH": str(2_000 - 8 * change)})
            await inside.when(lambda: mid(inside) != before, f"change {change} is evaluated")  # noqa: B023 - at once
        await inside.quiet()

        assert evaluations + 10 == len(inside.evaluations)
        assert sum(each.decisions for each in inside.evaluations[evaluations:]) > 0
        assert {requests} == {each.measured for each in inside.evaluations[evaluations:]}
    stage.market.set({"ETH": "2000"})


async def test_a_block_costs_one_evaluation(stage: Stage) -> None:
    async with running(observing(stage.settings, "blocks")) as inside:
        await settled(stage, inside)
        evaluations = len(inside.evaluations)
        for block in range(1, 11):
            await stage.chain.mine()
            await inside.when(lambda: len(inside.evaluations) == evaluations + block, f"block {block}")  # noqa: B023
        await inside.quiet()

        assert evaluations + 10 == len(inside.evaluations)


@pytest.mark.parametrize("blocks", [1, 7, 300])
async def test_an_outage_of_any_length_costs_one_evaluation(stage: Stage, blocks: int) -> None:
    proxy = stage.chain.proxy
    async with running(observing(stage.settings, f"outage{blocks}")) as inside:
        await settled(stage, inside)
        evaluations = len(inside.evaluations)
        proxy.rules.append(outage)
        await stage.chain.mine(blocks)
        failed = proxy.requests
        await until(lambda: proxy.requests > failed + 1, "the node was asked in vain")
        assert evaluations == len(inside.evaluations)
        proxy.rules.remove(outage)
        height = await stage.chain.height()
        await inside.when(lambda: cursor(inside, stage) == height, "the blocks are seen")
        await inside.quiet()

        assert evaluations + 1 == len(inside.evaluations)


async def test_a_full_reconciliation_costs_one_read_for_hundreds_of_accounts(stage: Stage) -> None:
    asked: list[str] = []

    def note(method: str, params: Params) -> None:
        asked.append(params[0].get("data", "")[:10] if method == "eth_call" else method)

    stage.chain.proxy.rules.append(note)
    try:
        async with running(observing(stage.settings, "reconciliation", polls=False)) as inside:
            await settled(stage, inside)
    finally:
        stage.chain.proxy.rules.remove(note)

    assert 1 == asked.count("0x" + LEGS.hex())


def outage(method: str, params: Params) -> Cut:
    return Cut()


def mid(inside: Inside) -> int | None:
    price = inside.evidence.prices.prices.get("ETH")
    return price.mid_wad if price is not None else None


def cursor(inside: Inside, stage: Stage) -> int:
    head = inside.evidence.book.cursor(stage.chain.name)
    return head.number if head is not None else -1
