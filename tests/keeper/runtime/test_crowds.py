"""What an evaluation looks at exactly is what changed and a few to refresh, however many accounts there are."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from chains.hub.events import DebtSet, HubEvent
from config.units import WAD
from keeper.domain.account import Account, CutPoint
from keeper.domain.health import AccountState
from keeper.planner.decide import Assessment
from keeper.runtime import engine
from keeper.runtime.engine import LOOK_AGAIN, LOOKS, PART, REFRESHED
from keeper.state.log import StateLog
from keeper.watch.changes import Change, ChangeKind
from oracles.price import PriceSet
from tests.keeper.runtime.scene import Scene
from tests.keeper.watch.world import NOW_MS, World, log_path, opened, price

SIZE = 500
FEW = 10
CHANGED = (7, 201, 498)


def account_id(number: int) -> str:
    return f"0x{number + 1:064x}"


def eth_at(usd: str) -> PriceSet:
    its = {"ETH": price("ETH", int(usd.replace(".", "")) * WAD // 100, 3), "USDC": price("USDC", WAD, 0)}
    return PriceSet(f"0x{usd}", NOW_MS, its)


class Crowd:
    """Accounts with collateral on one chain and debt on the other, well covered; counts who is evaluated exactly."""

    def __init__(self, log: StateLog) -> None:
        self.world = World()
        self.log = log
        self.evaluated: list[str] = []
        self.has_begun = asyncio.Event()
        events: dict[str, list[HubEvent]] = {"alpha": [], "beta": []}
        for number in range(SIZE):
            debt = 4_000 + 10 * number
            events["alpha"] += opened("alpha", eth="10", account=account_id(number))
            events["beta"] += opened("beta", debt=debt, size=number % 4 == 0, account=account_id(number))
        for chain, its in events.items():
            self.world.mine(chain, *its)
        self.world.evidence.prices = eth_at("2000.00")
        self.engine = Scene(self.world, log).engine
        assess = self.engine._planning.assess

        def counted(account: Account, previous: AccountState | None, cut: Sequence[CutPoint]) -> Assessment:
            self.evaluated.append(account.account_id)
            if len(self.evaluated) == FEW:
                self.has_begun.set()
            return assess(account, previous, cut)

        self.engine._planning.assess = counted  # type: ignore[method-assign]

    async def begin(self) -> asyncio.Task[list[str]]:
        """Begin an evaluation and return it when a few were looked at."""
        self.has_begun.clear()
        evaluating = asyncio.create_task(self.evaluate())
        await self.has_begun.wait()
        return evaluating

    async def evaluate(self) -> list[str]:
        """Evaluate once and return whom that looked at exactly."""
        self.evaluated.clear()
        await self.engine.evaluate()
        return list(self.evaluated)


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[Crowd]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        crowd = Crowd(log)
        assert SIZE == len(await crowd.evaluate())
        await crowd.evaluate()
        yield crowd


async def test_what_moves_nobody_evaluates_none_but_the_few_to_refresh(crowd: Crowd) -> None:
    entries, decisions = crowd.log.head.seq, crowd.engine.decisions
    for step in range(1, 6):
        crowd.world.evidence.prices = eth_at(f"2000.0{step}")
        assert REFRESHED == len(await crowd.evaluate())
        crowd.world.mine("alpha")
        assert REFRESHED == len(await crowd.evaluate())

    assert entries == crowd.log.head.seq
    assert decisions == crowd.engine.decisions


async def test_a_head_evaluates_those_that_changed_in_it(crowd: Crowd) -> None:
    crowd.world.mine("beta", *(DebtSet(account_id(number), 10**9, 3) for number in CHANGED))

    evaluated = await crowd.evaluate()

    assert [account_id(number) for number in CHANGED] == evaluated[: len(CHANGED)]
    assert len(CHANGED) + REFRESHED == len(evaluated)
    assert REFRESHED == len(await crowd.evaluate()), "they are final at once here"


async def test_what_changes_while_a_crowd_is_read_is_looked_at_next(crowd: Crowd) -> None:
    crowd.world.evidence.touched |= {account_id(number) for number in range(SIZE)}
    evaluating = asyncio.create_task(crowd.evaluate())
    await asyncio.sleep(0)
    crowd.world.mine("beta", *(DebtSet(account_id(number), 10**9, 3) for number in CHANGED))
    assert not evaluating.done()

    assert SIZE == len(set(await evaluating))
    assert {account_id(number) for number in CHANGED} == crowd.world.evidence.touched
    assert len(CHANGED) + REFRESHED == len(await crowd.evaluate())


async def test_a_crowd_that_was_not_read_to_its_end_is_read_again(crowd: Crowd) -> None:
    everybody = {account_id(number) for number in range(SIZE)}
    crowd.world.evidence.touched |= everybody
    evaluating = asyncio.create_task(crowd.evaluate())
    await asyncio.sleep(0)

    evaluating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await evaluating

    assert everybody == crowd.world.evidence.touched


@pytest.mark.parametrize(("part", "looks", "first"), [(PART, LOOKS, LOOK_AGAIN * PART), (10, 5, 80)])
async def test_whom_a_price_fells_does_not_wait_behind_a_crowd(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, part: int, looks: int, first: int
) -> None:
    """It comes after four parts, or where many wait after a fifth of those: eight of ten leave 42."""
    monkeypatch.setattr(engine, "PART", part)
    monkeypatch.setattr(engine, "LOOKS", looks)
    fragile = account_id(SIZE)
    crowd.world.mine("alpha", *opened("alpha", eth="10", debt=15_000, account=fragile))
    await crowd.evaluate()
    crowd.world.evidence.touched |= {account_id(number) for number in range(SIZE)}
    evaluating = await crowd.begin()

    crowd.world.evidence.prices = eth_at("1800.00")
    crowd.world.evidence.changes.announce(Change(ChangeKind.PRICES))

    evaluated = await evaluating
    assert first == evaluated.index(fragile)
    assert SIZE + 1 == len(evaluated) == len(set(evaluated))
    assert AccountState.LIQUIDATABLE is crowd.engine._states[fragile]


async def test_whom_a_block_changes_meanwhile_is_looked_at_again(crowd: Crowd) -> None:
    crowd.world.evidence.touched |= {account_id(number) for number in range(SIZE)}
    evaluating = await crowd.begin()

    crowd.world.mine("beta", DebtSet(account_id(0), 18_000 * 10**6, 3))
    crowd.world.evidence.changes.announce(Change(ChangeKind.CHAIN, "beta"))

    evaluated = await evaluating
    assert [0, LOOK_AGAIN * PART] == [at for at, its in enumerate(evaluated) if its == account_id(0)]
    assert AccountState.LIQUIDATABLE is crowd.engine._states[account_id(0)]
    assert not crowd.world.evidence.touched


async def test_everybody_is_refreshed_in_turn(crowd: Crowd) -> None:
    seen: Counter[str] = Counter()
    for _ in range(SIZE // REFRESHED):
        seen.update(await crowd.evaluate())

    assert {account_id(number): 1 for number in range(SIZE)} == dict(seen)


async def test_alerts_and_quorum_go_by_the_tally_of_states(crowd: Crowd) -> None:
    assert {AccountState.HEALTHY: SIZE} == dict(crowd.engine._states.tally)
    assert not crowd.engine._is_quorum_needed()

    crowd.world.mine("beta", *(DebtSet(account_id(number), 18_000 * 10**6, 3) for number in CHANGED))
    await crowd.evaluate()

    expected = {AccountState.HEALTHY: SIZE - len(CHANGED), AccountState.LIQUIDATABLE: len(CHANGED)}
    assert expected == dict(crowd.engine._states.tally)
    assert crowd.engine._is_quorum_needed()
