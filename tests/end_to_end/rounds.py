"""The same crash again and again on one stage, with fresh accounts each time, to compare how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chains.hub.codec import legs_call, read_legs
from tests.end_to_end.crowd import Crowd, owing
from tests.end_to_end.soundness import liquidated
from tests.end_to_end.stage import Stage, until

BEFORE, CRASHED = {"ETH": "2000"}, {"ETH": "1700"}
FAILING, STANDING = 4, 2
EACH_ROUND = 1_000


@dataclass(frozen=True, slots=True)
class Round:
    """One crash: who fails in it, who stands, and the block it began in."""

    bad: list[str]
    good: list[str]
    since: int


class Rounds:
    """Opens accounts while prices are high, then lets them fall. The daemon is the test's own business."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._crowd = Crowd(stage.chain)
        self._played = 0

    async def opened(self) -> Round:
        """Bring prices back and open the next accounts: each round has the same, under other numbers."""
        await self._settle(BEFORE)
        self._played += 1
        first = EACH_ROUND * self._played
        bad = await self._crowd.open(owing(first, FAILING, 1_390, 10))
        good = await self._crowd.open(owing(first + EACH_ROUND // 2, STANDING, 700, 10))
        return Round(bad, good, await self.stage.chain.height())

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
        await until(lambda: self._all_liquidated(played), "everybody who failed is liquidated", timeout_s)
        for _ in range(2):
            await self.stage.chain.mine(3)
            height = await self.stage.chain.height()
            await until(lambda: self.stage.seen(height), f"block {height} is seen")  # noqa: B023 - at once
            await self.stage.quiet()

    async def legs(self, accounts: Sequence[str]) -> list[tuple[int, ...]]:
        """What the accounts have on chain, but for the last sequence used."""
        data = "0x" + legs_call(accounts).hex()
        call = {"to": self.stage.chain.deployment.hub, "data": data}
        answer = bytes.fromhex((await self.stage.chain.node.rpc("eth_call", call, "latest"))[2:])
        return [(*row[:3], *row[4:]) for row in read_legs(answer, len(accounts))]

    async def _all_liquidated(self, played: Round) -> bool:
        return set(played.bad) == set(await liquidated(self.stage, played.bad, played.since))

    async def _settle(self, prices: dict[str, str]) -> None:
        await self.stage.move(prices)
        await self.stage.chain.mine()


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
