"""Interest, health and liquidations of Morpho Blue as we compute them are what the contract itself does."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from chains.client import ChainClient
from chains.devnet.anvil import AnvilFailed
from chains.devnet.protocols.morpho import LISTINGS, MorphoMarkets
from chains.errors import MalformedAnswer
from chains.venues.morpho_blue.codec import market_call
from chains.venues.morpho_blue.liquidation import is_healthy
from chains.venues.morpho_blue.state import MarketsState
from chains.venues.morpho_blue.venue import MorphoBlue, read_markets
from chains.venues.venue import Blocked, Borrower, Liquidation, Obstacle
from chains.venues.words import read_words
from tests.chains.venues.local import BROKEN_CODE, LocalChain, person
from tests.chains.venues.morpho_crowd import LIQUIDATOR, deployed, seat

pytestmark = [pytest.mark.chain, pytest.mark.slow]

PRICES = {each.name: each.price for each in LISTINGS}
DAY_S = 86_400


@pytest.fixture
async def markets(chain: LocalChain) -> MorphoMarkets:
    return await deployed(chain)


@pytest.fixture
def morpho(markets: MorphoMarkets, reader: ChainClient) -> MorphoBlue:
    return MorphoBlue(reader, markets.morpho, tuple(markets.markets.values()))


async def lower(markets: MorphoMarkets, thousandths: int, *names: str) -> None:
    for name in names or PRICES:
        await markets.set_price(name, PRICES[name] * thousandths // 1000)


async def test_accrual_of_every_market_to_every_block(
    chain: LocalChain, markets: MorphoMarkets, morpho: MorphoBlue
) -> None:
    crowd = await seat(markets, 24)
    for seconds in (1, 12, DAY_S, 40 * DAY_S, 300 * DAY_S):
        state = await morpho.read(crowd, await chain.head())
        for name in PRICES:
            await chain.next_at((await chain.head()).timestamp + seconds)
            await markets.accrue(name)
            now_s = (await chain.head()).timestamp
            market = markets.borrower(name, person(0)).market
            said = await chain.node.rpc(
                "eth_call", {"to": markets.morpho, "data": "0x" + market_call(market).hex()}, "latest"
            )
            computed = state.markets[market].accrued(now_s)

            assert read_words(bytes.fromhex(said[2:]), 6) == (
                computed.supply_assets,
                computed.supply_shares,
                computed.borrow_assets,
                computed.borrow_shares,
                computed.updated_s,
                computed.fee_wad,
            )


async def test_our_verdict_is_the_contracts_and_our_amounts_are_the_events(
    chain: LocalChain, markets: MorphoMarkets, morpho: MorphoBlue
) -> None:
    crowd = await seat(markets, 48)
    random = Random(5)
    seen: Counter[str] = Counter()
    state = await morpho.read(crowd, await chain.head())
    for thousandths in (1000, 990, 970, 600, 450):
        await lower(markets, thousandths)
        for borrower in crowd:
            state = await morpho.read([], await chain.head(), known=state)
            at_s = state.timestamp_s + random.randint(1, 20_000)
            found = morpho.best(state, borrower, at_s)
            if isinstance(found, Blocked):
                seen[found.obstacle] += 1
                await refused(chain, morpho, state, borrower, at_s)
            else:
                seen[await compared(chain, morpho, state, found, at_s)] += 1
                state = await morpho.read([borrower], await chain.head(), known=state)

    assert seen["by shares"] > 10
    assert seen["bad debt"] > 5
    assert seen["healthy"] > 20
    assert seen["no_debt"] > 20


async def compared(
    chain: LocalChain, morpho: MorphoBlue, state: MarketsState, found: Liquidation, at_s: int
) -> str:
    """Have it mined at this time, compare with the event, and name the case."""
    holding = state.holdings[found.borrower]
    assert is_healthy(state.markets[found.borrower.market].accrued(at_s), holding) is False
    call = morpho.call(found)
    await chain.next_at(at_s)
    receipt = await chain.send_raw(LIQUIDATOR, call.to, call.data)
    (outcome,) = morpho.outcomes(receipt["logs"])

    assert (found.repay, found.seize, found.bad_debt) == (outcome.repaid, outcome.seized, outcome.bad_debt)
    assert {found.borrower} == morpho.touched(receipt["logs"])
    assert (found.debt_asset, found.collateral_asset) == (outcome.debt_asset, outcome.collateral_asset)
    assert bool(found.seize_argument) == bool(outcome.bad_debt)
    return "bad debt" if outcome.bad_debt else "by shares"


async def refused(
    chain: LocalChain, morpho: MorphoBlue, state: MarketsState, borrower: Borrower, at_s: int
) -> None:
    """The contract refuses to take a single unit from somebody whom we call healthy."""
    market = state.markets[borrower.market].parameters
    one = Liquidation(borrower, market.loan_asset, market.collateral_asset, 0, 1, 0, 0, seize_argument=1)
    call = morpho.call(one)
    fields = {"from": LIQUIDATOR, "to": call.to, "data": "0x" + call.data.hex()}
    with pytest.raises(AnvilFailed, match="position is healthy"):
        await chain.node.rpc("eth_call", fields, "pending", {}, {"time": hex(at_s)})


async def test_an_inventory_that_ends_is_spent_to_the_last_unit_it_can_be(
    chain: LocalChain, markets: MorphoMarkets, morpho: MorphoBlue
) -> None:
    crowd = await seat(markets, 8)
    await lower(markets, 900)
    for index, borrower in enumerate(crowd):
        state = await morpho.read(crowd, await chain.head())
        at_s = state.timestamp_s + 12
        whole = morpho.best(state, borrower, at_s)
        assert isinstance(whole, Liquidation)
        limit = whole.repay * (index + 1) // 9

        found = morpho.best(state, borrower, at_s, limits={whole.debt_asset: limit})

        assert isinstance(found, Liquidation)
        assert limit - 2 <= found.repay <= limit
        await compared(chain, morpho, state, found, at_s)


async def test_a_broken_oracle_stops_its_own_market_only(
    chain: LocalChain, markets: MorphoMarkets, morpho: MorphoBlue
) -> None:
    crowd = await seat(markets, 8)
    await lower(markets, 800)
    broken = markets.markets["WBTC/USDC"]
    await chain.node.rpc("anvil_setCode", broken.oracle, BROKEN_CODE)
    head = await chain.pass_time(1)

    state = await morpho.read(crowd, head)
    answers = {each: morpho.best(state, each, head.timestamp) for each in crowd}

    poisoned = {each for each in crowd if each.market == markets.borrower("WBTC/USDC", "").market}
    unknown = Blocked(Obstacle.PRICE_UNKNOWN, broken.collateral_asset)
    assert poisoned == {each for each, answer in answers.items() if answer == unknown}
    assert len(crowd) - len(poisoned) == sum(isinstance(answer, Liquidation) for answer in answers.values())


async def test_markets_are_found_by_id_and_an_id_of_none_is_refused(
    chain: LocalChain, markets: MorphoMarkets, reader: ChainClient
) -> None:
    ids = [markets.borrower(name, "").market for name in PRICES]
    head = await chain.head()

    assert tuple(markets.markets.values()) == await read_markets(reader, markets.morpho, ids, head)
    with pytest.raises(MalformedAnswer, match="no market"):
        await read_markets(reader, markets.morpho, ["0x" + "12" * 32], head)
