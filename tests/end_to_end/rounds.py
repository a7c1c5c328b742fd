"""The same crash again and again on one stage, with fresh accounts each time, to compare how it ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chains.hub.codec import legs_call, read_legs
from tests.end_to_end.chains import TestChain
from tests.end_to_end.crowd import Crowd, Plan, owing
from tests.end_to_end.soundness import liquidated
from tests.end_to_end.stage import Stage, until

BEFORE, CRASHED = {"ETH": "2000"}, {"ETH": "1700"}
FAILING, STANDING = 4, 2
EACH_ROUND = 1_000


@dataclass(frozen=True, slots=True)
class Round:
    """One crash: who fails in it, and who stands."""

    bad: list[str]
    good: list[str]

    @property
    def all(self) -> list[str]:
        return [*self.bad, *self.good]


class Rounds:
    """Opens accounts while prices are high, then lets them fall. The daemon is the test's own business.

    Whoever fails owes on the last chain. Given one chain the ether is there too, and one step makes it good; given
    two it is on the first, and there are two: the debt is repaid here, and the ether seized there.
    """

    def __init__(self, stage: Stage, failing: int = FAILING, standing: int = STANDING) -> None:
        self.stage = stage
        self.crowds = {name: Crowd(chain) for name, chain in stage.chains.items()}
        self.steps = len(stage.chains)
        self._failing, self._standing = failing, standing
        self._played = 0

    async def opened(self) -> Round:
        """Bring prices back and open the next accounts: each round has the same, under other numbers."""
        await self._settle(BEFORE)
        self._played += 1
        first = EACH_ROUND * self._played
        failing = owing(first, self._failing, 1_390, 10)
        backing, owed = next(iter(self.crowds.values())), list(self.crowds.values())[-1]
        if backing is owed:
            bad = await owed.open(failing)
        else:
            bad = await backing.open([replace(plan, debt="0") for plan in failing])
            await asyncio.gather(*(crowd.link(numbers(failing)) for crowd in (backing, owed)))
            keys = list(self.stage.attestor_keys.values())
            for plan in failing:
                await owed.borrow_attested(plan.subaccount, plan.debt, 1, keys, self.stage.policy_hash)
        return Round(bad, await owed.open(owing(first + EACH_ROUND // 2, self._standing, 700, 10)))

    async def crashed(self) -> Round:
        """As `opened`, and then prices have fallen."""
        found = await self.opened()
        await self.crash()
        return found

    async def crash(self) -> None:
        """Let prices fall."""
        await self._settle(CRASHED)

    async def over(self, played: Round, timeout_s: float = 40.0) -> None:
        """Wait until everybody who failed was liquidated, nothing is under way, and more blocks changed nothing."""
        await until(lambda: self.all_liquidated(played), "everybody who failed is liquidated", timeout_s)
        for _ in range(2):
            await asyncio.gather(*(self._more_blocks(chain) for chain in self.stage.chains.values()))
            await self.stage.quiet()

    async def outcome(self, played: Round) -> list[tuple[int, ...]]:
        """What everybody has on every chain, but for the last sequence used."""
        accounts = played.all
        found: list[tuple[int, ...]] = []
        for chain in self.stage.chains.values():
            call = {"to": chain.deployment.hub, "data": "0x" + legs_call(accounts).hex()}
            answer = bytes.fromhex((await chain.node.rpc("eth_call", call, "latest"))[2:])
            found += [(*row[:3], *row[4:]) for row in read_legs(answer, len(accounts))]
        return found

    async def steps_taken(self, played: Round) -> Counter[str]:
        """How often each account was liquidated, who stands included."""
        return await liquidated(self.stage, played.all)

    def steps_expected(self, played: Round) -> Counter[str]:
        """Once for each who failed, on each chain that it takes; never for the others."""
        return Counter(dict.fromkeys(played.bad, self.steps))

    async def all_liquidated(self, played: Round) -> bool:
        """Whether every step was taken at least once."""
        return self.steps_expected(played) <= await self.steps_taken(played)

    async def _settle(self, prices: dict[str, str]) -> None:
        await self.stage.move(prices)
        for chain in self.stage.chains.values():
            await chain.mine()

    async def _more_blocks(self, chain: TestChain) -> None:
        await chain.mine(3)
        height = await chain.height()
        await until(lambda: self.stage.seen(height, chain.name), f"block {height} is seen")


def numbers(plans: Sequence[Plan]) -> list[int]:
    return [plan.subaccount for plan in plans]


def variant(stage: Stage, name: str, *changes: tuple[str, str]) -> Path:
    """Write the keeper's configuration with some text changed, beside the original and with the same log."""
    text = stage.config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = stage.directory / f"{name}.toml"
    path.write_text(text)
    return path


def steady_prices(text: str) -> str:
    """Let no price interval widen with age, so that the same crash asks for the same sizes to the last digit."""
    for asset in ("USDC", "ETH", "BTC"):
        text = text.replace(f"[assets.{asset}]\n", f"[assets.{asset}]\nwiden_bps_per_minute = 0\n")
    return text


async def pause_s(seconds: float) -> None:
    """Wait for no reason: the moment itself is what is tried."""
    await asyncio.sleep(seconds)
