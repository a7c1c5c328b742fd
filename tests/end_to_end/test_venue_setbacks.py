"""What goes wrong at venues, on a running daemon: each is recorded with its reason, and none is repeated in a loop."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chains.venues.aave_v3.codec import liquidation_call
from chains.venues.venue import ALL, Borrower, Liquidation
from config.settings import SignerSettings
from config.units import WAD
from keeper.views.probes.report import Level
from keeper.views.probes.venues import probe_venues
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.lenders import Lenders, person
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage, until

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]

DEBT = 16_000 * 10**6
"""Against ten ether: healthy at $1,930, not below."""
HIGH, LOW = 2_000, 1_915
RIVAL = person(900)
QUICK = {"maxFeePerGas": hex(10**12), "maxPriorityFeePerGas": hex(9 * 10**11)}
"""Before all of ours in a block."""
BROKEN = "0x5f5ffd"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lenders]:
    plan = ChainPlan("gamma", 31_172, block_time_s=0, pace_s=40)
    async with Stage(tmp_path_factory.mktemp("venues"), plan, alone=True) as stage:
        lenders = Lenders(stage)
        await lenders.open()
        await lenders.aave.endow(RIVAL, "USDC", 10**12)
        async with Daemon(stage.config):
            yield lenders
        await assert_sound(stage)


@pytest_asyncio.fixture(loop_scope="module")
async def lenders(scene: Lenders) -> AsyncIterator[Lenders]:
    """Whoever is left of a test before is healthy again, or has nothing left."""
    await scene.move_pool(HIGH)
    await scene.move("ETH", HIGH)
    await scene.believed("ETH", HIGH)
    await scene.blocks(1)
    yield scene


async def hurried(lenders: Lenders, sender: str, to: str, data: bytes) -> None:
    """Send something that comes before everything of ours in the next block. It is not mined yet."""
    node = lenders.stage.chain.node
    await node.rpc("anvil_setBalance", sender, hex(10**24))
    await node.rpc("anvil_impersonateAccount", sender)
    fields = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(2_000_000), **QUICK}
    await node.rpc("eth_sendTransaction", fields)


async def fallen(lenders: Lenders, index: int) -> str:
    """Let somebody fall below one; their liquidation is sent and not mined."""
    borrower = await lenders.borrow(index, DEBT)
    await lenders.known(borrower)
    await lenders.move("ETH", LOW)
    await lenders.sent(borrower)
    return borrower


async def test_check_finds_what_is_not_as_configured(scene: Lenders) -> None:
    settings = scene.stage.settings
    chain = settings.chains["gamma"]
    assert chain.executor is not None
    (pool,) = chain.executor.pools
    wrong_pool = pool.model_copy(update={"fee_pips": 3_000})
    aave = chain.venues["aave"].model_copy(update={"price_decimals": 18})
    morpho = chain.venues["morpho"].model_copy(update={"market_ids": ("0x" + "11" * 32,)})
    executor = chain.executor.model_copy(update={"pools": (wrong_pool,)})
    changed = chain.model_copy(
        update={
            "venues": {"aave": aave, "morpho": morpho},
            "executor": executor,
            "signer": None,
            "signers": (),
        }
    )
    wrong = settings.model_copy(update={"chains": {"gamma": changed}})

    (right,) = await probe_venues("gamma", settings)
    reports = await probe_venues("gamma", wrong)

    assert Level.OK is right.level
    assert [
        "chains.gamma.venues.aave",
        "chains.gamma.venues.morpho",
        "chains.gamma.executor.pools.0",
    ] == [each.subject for each in reports]
    assert {Level.PROBLEM} == {each.level for each in reports}
    somebody = settings.model_copy(
        update={"signers": {name: _of_another(each) for name, each in settings.signers.items()}}
    )
    (foreign,) = await probe_venues("gamma", somebody)
    assert (Level.PROBLEM, "chains.gamma.executor") == (foreign.level, foreign.subject)


def _of_another(signer: SignerSettings) -> SignerSettings:
    return signer.model_copy(update={"address": RIVAL})


async def test_a_race_that_another_liquidator_wins_is_told_and_over(lenders: Lenders) -> None:
    borrower = await fallen(lenders, 101)
    tokens = lenders.aave.tokens
    theirs = Liquidation(Borrower(borrower), tokens["USDC"], tokens["WETH"], 0, 0, 0, ALL)
    await hurried(lenders, RIVAL, lenders.aave.pool, liquidation_call(theirs))

    await lenders.blocks(1)
    (ending,) = await lenders.ended("lost_race", borrower)
    await lenders.blocks(4)

    assert f"by {RIVAL}" == ending["detail"]
    assert Counter(signed=1, send=1, lost_race=1) == lenders.told(borrower) - Counter(price_held=9)


async def test_a_borrower_who_repays_in_front_of_us_is_told_as_mended(lenders: Lenders) -> None:
    await lenders.aave.endow(person(102), "USDC", 10**6)
    borrower = await fallen(lenders, 102)
    repay = bytes.fromhex("573ade81") + b"".join(
        value.to_bytes(32)
        for value in (int(lenders.aave.tokens["USDC"], 16), DEBT // 2, 2, int(borrower, 16))
    )
    await hurried(lenders, borrower, lenders.aave.pool, repay)

    await lenders.blocks(1)
    await lenders.ended("mended", borrower)
    await lenders.blocks(4)

    assert Counter(signed=1, send=1, mended=1) == lenders.told(borrower) - Counter(price_held=9)


async def test_a_swap_that_moved_costs_gas_once_and_is_waited_out(lenders: Lenders) -> None:
    borrower = await fallen(lenders, 103)
    await lenders.move_pool(1_500)

    await lenders.blocks(1)
    await lenders.ended("swap_moved", borrower)
    await lenders.blocks(3)
    told = lenders.told(borrower)
    spent = lenders.stage.rows("SELECT 1 FROM receipts WHERE status = 0")

    assert (1, 1) == (told["signed"], told["swap_moved"])
    assert len(spent) <= 3

    await lenders.move_pool(HIGH)
    await lenders.blocks(8)
    await lenders.ended("liquidated", borrower)


async def test_a_paused_reserve_is_said_once_and_nothing_sent_until_it_is_not(lenders: Lenders) -> None:
    borrower = await lenders.borrow(104, DEBT)
    weth = lenders.aave.tokens["WETH"]
    await lenders.aave.configure("setReservePause(address,bool)", weth, True)
    await lenders.move("ETH", LOW)

    await lenders.judged("paused", borrower)
    await lenders.blocks(5)
    assert Counter(paused=1) == lenders.told(borrower)

    await lenders.aave.configure("setReservePause(address,bool)", weth, False)
    await lenders.sent(borrower)
    await lenders.blocks(1)
    await lenders.ended("liquidated", borrower)


async def test_a_dead_feed_stops_its_holders_only(lenders: Lenders) -> None:
    holder = await lenders.borrow(105, 35_000 * 10**6, 10**8, "WBTC")
    other = await lenders.borrow(106, DEBT)
    feed, node = lenders.aave.feeds["WBTC"], lenders.stage.chain.node
    code = await node.rpc("eth_getCode", feed, "latest")
    await node.rpc("anvil_setCode", feed, BROKEN)
    await lenders.move("ETH", LOW)

    await lenders.judged("price_unknown", holder)
    await lenders.sent(other)
    await lenders.blocks(3)
    await lenders.ended("liquidated", other)
    assert Counter(price_unknown=1) == lenders.told(holder)

    await node.rpc("anvil_setCode", feed, code)
    await lenders.blocks(1)
    await lenders.ended("recovered", holder)


async def test_dust_is_left_alone_without_a_request(lenders: Lenders) -> None:
    borrower = await lenders.borrow(107, 16 * 10**6, 10**16)
    await lenders.move("ETH", LOW)

    await lenders.judged("dust", borrower)
    await lenders.blocks(5)

    assert Counter(dust=1) == lenders.told(borrower) - Counter(price_held=9)


async def test_at_a_price_far_from_the_reference_nobody_is_liquidated_and_a_person_told(
    lenders: Lenders,
) -> None:
    alerts = (
        "SELECT detail FROM alerts WHERE dedupe_key = 'venue_price/gamma/aave/ETH' AND closed_at_ms IS NULL"
    )
    await until(lambda: not lenders.stage.rows(alerts), "nothing is open of before")
    borrower = await lenders.borrow(108, DEBT)
    await lenders.move("ETH", 1_850, market=False)

    await lenders.judged("price_held", borrower)
    await lenders.blocks(3)
    assert Counter(price_held=1) == lenders.told(borrower)
    (alert,) = lenders.stage.rows(alerts)
    assert re.search(
        r"at its price alone [1-9] accounts are under one, at the reference alone 0", alert["detail"]
    )

    lenders.stage.market.set({"ETH": "1850"})
    await lenders.sent(borrower)
    await lenders.blocks(1)
    await lenders.ended("liquidated", borrower)
    await until(lambda: not lenders.stage.rows(alerts), "the alert is closed")


async def test_interest_alone_takes_an_account_below_one_and_it_is_liquidated(lenders: Lenders) -> None:
    borrower = await lenders.borrow(109, 16_050 * 10**6)
    await lenders.move("ETH", 1_936)
    assert lenders.told(borrower)["send"] == 0

    data = await lenders.aave.account_data(borrower)
    assert WAD < data[-1] < WAD * 1_002 // 1_000
    await lenders.chain.pass_time(86_400 * 60)
    await lenders.sent(borrower)
    await lenders.blocks(1)
    (ending,) = await lenders.ended("liquidated", borrower)

    assert (ending["expected_repaid"], ending["expected_seized"]) == (ending["repaid"], ending["seized"])
