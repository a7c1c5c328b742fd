"""One trial after another on one stage: a fault, a crash, the end of the fault, and what must hold then.

Blocks are mined by the trial and not by a clock: the next one comes once there is something to mine, or after a
while in which there was nothing. So how many blocks a liquidation takes does not depend on how busy the machine is.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from chains.devnet.deploy import set_feed
from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.verdicts import Rule
from config.settings import Settings
from config.units import parse_wad
from keeper.runtime.alerts import NO_PRICE
from keeper.runtime.price_alerts import PREFIXES
from tests.end_to_end.chains import ChainPlan, TestChain
from tests.end_to_end.inside import Inside, running
from tests.end_to_end.rounds import Round, Rounds, steady_prices
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import ATTESTOR_NAMES, Stage, until

MOST_BLOCKS_UNDER_FAULT = 8
LIVENESS_BLOCKS = 10
"""Once faults have ended, everybody who can be liquidated is, within so many blocks."""
NOTHING_TO_MINE_S = 4.0
MOST_BLOCKS_UNTIL_CALM = 60
CALM_PAUSE_S = 0.3
ROUNDS_TO_GET_THERE = 4
NOTED_S = 15.0
CLOSED_AFTER_QUIET = {prefix.removesuffix("/") for prefix in PREFIXES} | {NO_PRICE}
"""Alerts about prices, which flutter: they are closed once nothing has been heard of them for a while."""
FAILING, STANDING = 2, 1


def brisk(text: str) -> str:
    """Steady prices, asked for often."""
    return steady_prices(text).replace("poll_interval_s = 0.5\n", "poll_interval_s = 0.25\n")


class Trial:
    """A stage whose attestors have ways of their own to its nodes, so that a fault meets the daemon alone."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.rounds = Rounds(stage, FAILING, STANDING)
        self.foreign: set[str] = set()
        """What was signed with the daemon's key and not by it."""
        self._alerts_before: set[str] = set()
        self.mined = 0
        """How many blocks the last trial took from the end of its fault until everybody was liquidated."""

    @classmethod
    @asynccontextmanager
    async def standing(
        cls,
        directory: Path,
        *chains: tuple[str, int],
        text: Callable[[str], str] = brisk,
        block_time_s: float = 0,
    ) -> AsyncIterator[Self]:
        """Set the stage with these chains (name and id), which mine when told unless a `block_time_s` is given."""
        plans = [
            ChainPlan(name, number, block_time_s=block_time_s, pace_s=block_time_s or 40)
            for name, number in chains
        ]
        async with Stage(directory, *plans, own_nodes=ATTESTOR_NAMES, text=text) as stage:
            yield cls(stage)

    @property
    def chain(self) -> TestChain:
        """The first chain."""
        return self.stage.chain

    @property
    def proxy(self) -> RpcProxy:
        """The daemon's way to the first chain."""
        return self.stage.chain.proxy

    @asynccontextmanager
    async def daemon(self, settings: Settings | None = None) -> AsyncIterator[Inside]:
        """Run the daemon in the test's own process."""
        async with running(settings or self.stage.settings) as inside:
            yield inside

    @asynccontextmanager
    async def wrong(self, *rules: Rule, proxy: RpcProxy | None = None) -> AsyncIterator[None]:
        """Let something be wrong on the way to the first chain (or another's `proxy`), and then no more."""
        on = proxy or self.proxy
        on.rules.extend(rules)
        try:
            yield
        finally:
            for rule in rules:
                on.rules.remove(rule)

    async def block(self, *, unseen: bool = False) -> None:
        """Mine a block everywhere. Unless it is to stay `unseen`, wait until the daemon has noted it."""
        for chain in self.stage.chains.values():
            await chain.mine()
        if not unseen:
            await self.seen()

    async def seen(self, timeout_s: float = 45.0) -> None:
        """Wait until the daemon has noted every chain's newest block."""
        for name, chain in self.stage.chains.items():
            height = await chain.height()
            await until(lambda: self.stage.seen(height, name), f"block {height} is seen", timeout_s)  # noqa: B023 - at once

    async def opened(self) -> Round:
        """Open the next accounts, and wait until the daemon knows them as healthy."""
        self._alerts_before = self.alerts()
        played = await self.rounds.opened()
        await self.block()
        await self.stage.known(played.all, timeout_s=45)
        return played

    async def crash(self) -> None:
        """Let prices fall, feeds in the next block."""
        await self.rounds.crash()

    async def looked_at(self, times: int = 8) -> None:
        """Wait until the daemon has asked the first chain's node so many times more, whatever it made of the answers."""
        asked = self.proxy.requests
        await until(lambda: self.proxy.requests >= asked + times, "the node is asked")

    async def set_feed(self, asset: str, price: str) -> None:
        """Have the first chain's feed of one asset answer this price from the next block on."""
        answers = {asset: parse_wad(price)}
        await set_feed(self.chain.node, self.chain.deployment, answers)

    async def endure(self, blocks: int, was_met: Callable[[], bool], *, blind: bool = False) -> None:
        """Let so many blocks go by under a fault, and more until it was met. A `blind` daemon sees none of them."""
        for number in range(MOST_BLOCKS_UNDER_FAULT):
            if blind:
                await until(was_met, "the fault is met")
            else:
                await self._wait_for_work(was_met)
            if number >= blocks and was_met():
                return
            await self.block(unseen=blind)
        raise AssertionError("the fault was never met")

    async def fork(self, depth: int, mined: Sequence[tuple[str, int]] = ()) -> None:
        """Replace so many blocks by others: empty, but for the signed bytes that are named with the block they are in."""
        await self.chain.fork(depth, mined)
        self.chain.transactor._nonces.clear()

    async def restart_node(self, *, keep_chain: bool = True, state: Path | None = None) -> Path:
        """Kill the first chain's node and start it again on its port: with its chain (or an earlier `state`), never with
        its pool; or as another chain. Returns where its chain as it was is kept.
        """
        node = self.chain.node
        path = state or self.stage.directory / f"{self.chain.name}-state.json"
        if state is None:
            path.write_bytes(gzip.decompress(bytes.fromhex((await node.rpc("anvil_dumpState"))[2:])))
        os.kill(node.pid, signal.SIGKILL)
        await node.stop()
        node._extra = ("--load-state", str(path)) if keep_chain else ()
        await node.start()
        await node.rpc("anvil_autoImpersonateAccount", True)
        return path

    async def sent(self, played: Round) -> list[dict[str, Any]]:
        """Wait until a step for each who failed has been handed over, and return the newest attempt of each."""

        def all_of_them() -> list[dict[str, Any]]:
            found = self.steps(played, "broadcast", "sent_unknown")
            return found if len(found) == len(played.bad) else []

        found: list[dict[str, Any]] = await until(all_of_them, "a step for each is handed over")
        return found

    def steps(self, played: Round, *states: str) -> list[dict[str, Any]]:
        """The newest attempt of each step against those who failed, of those in one of these states."""
        accounts, wanted = ", ".join("?" * len(played.bad)), ", ".join("?" * len(states))
        sql = (
            "SELECT account_id, intents.intent_id, attempts.tx_hash, raw, attempts.nonce, intents.state FROM intents "
            f"JOIN attempts USING (intent_id) WHERE account_id IN ({accounts}) AND intents.state IN ({wanted}) "
            "ORDER BY attempts.number"
        )
        return list({row["intent_id"]: row for row in self.stage.rows(sql, [*played.bad, *states])}.values())

    async def fallen(self) -> Round:
        """Open accounts, let prices fall, have every step mined in the newest block, and noted; nothing is final yet.

        A read that timed out is tried again with the next block only: then it is begun anew, with others.
        """
        for _ in range(ROUNDS_TO_GET_THERE):
            played = await self.opened()
            await self.crash()
            await self.sent(played)
            await self.block()
            if await self._are_noted(played):
                return played
            await self.live(played)
        raise AssertionError("the steps were never noted in the block they are in")

    async def _are_noted(self, played: Round) -> bool:
        with suppress(AssertionError):
            await until(lambda: len(self.steps(played, "mined")) == len(played.bad), "it is noted", NOTED_S)
            return True
        return False

    async def live(self, played: Round, blocks: int = LIVENESS_BLOCKS) -> None:
        """Liveness: everybody who fell is liquidated within so many blocks from now, and nothing is left under way."""
        self.mined = 0
        while not await self.rounds.all_liquidated(played):
            assert self.mined < blocks, (
                f"not everybody was liquidated within {blocks} blocks: {self.state(played)}"
            )
            await self._wait_for_work(lambda: self._all_handed_over(played))
            await self.block()
            self.mined += 1
        for _ in range(3):
            await self.block()
        await self.stage.settled()

    async def sound(self, played: Round) -> None:
        """Safety: each who fell was liquidated once per step, nobody else, and log and chain pass the checker."""
        assert self.rounds.steps_expected(played) == await self.rounds.steps_taken(played)
        await assert_sound(self.stage, self.foreign)

    async def over(self, played: Round, alerts: Collection[str] = ()) -> None:
        """Check both, and that no alarm lasts, but `alerts` that a person has to close."""
        await self.live(played)
        await self.sound(played)
        await self.calm(alerts)

    async def calm(self, but: Collection[str] = ()) -> None:
        """Wait until every alert since the accounts were opened is closed, `but` those kinds that a person has to close."""

        def left() -> set[str]:
            opened = self.alerts() - self._alerts_before
            return {each for each in opened if each.split("/")[0] not in {*but, *CLOSED_AFTER_QUIET}}

        # An alert is over when its reason is looked at again and gone: with a block, on a chain that has some.
        for _ in range(MOST_BLOCKS_UNTIL_CALM):
            if not left():
                return
            await self.block()
            await asyncio.sleep(CALM_PAUSE_S)
        raise AssertionError(f"these alerts stay open: {left()}")

    def alerts(self) -> set[str]:
        """What is open now, each as kind/subject."""
        found = self.stage.rows("SELECT dedupe_key FROM alerts WHERE closed_at_ms IS NULL")
        return {str(row["dedupe_key"]) for row in found}

    def open(self, kind: str) -> set[str]:
        """The alerts of a kind that are open now."""
        return {each for each in self.alerts() if each.split("/")[0] == kind}

    def ever_open(self, kind: str) -> list[dict[str, Any]]:
        """Every alert of a kind that ever was."""
        return self.stage.rows("SELECT dedupe_key FROM alerts WHERE dedupe_key LIKE ?", (f"{kind}%",))

    def ever_alerted(self, kind: str) -> bool:
        """Whether such an alert was ever open."""
        return bool(self.ever_open(kind))

    def state(self, played: Round) -> str:
        """What the daemon thinks, for whoever reads a failure."""
        states = self.stage.states()
        intents = self.stage.rows("SELECT state, reason FROM intents ORDER BY rowid DESC LIMIT 4")
        return (
            f"{[states.get(each) for each in played.all]}, alerts {sorted(self.alerts())}, intents {intents}"
        )

    def _all_handed_over(self, played: Round) -> bool:
        """Whether a step for each who failed is on its way or done: without a block nothing more will come of it."""
        sql = (
            "SELECT account_id FROM intents WHERE state IN ('broadcast', 'sent_unknown', 'mined', 'final_ok')"
        )
        return set(played.bad) <= {row["account_id"] for row in self.stage.rows(sql)}

    async def _wait_for_work(self, is_enough: Callable[[], bool] = lambda: False) -> None:
        """Wait until there is something to mine, or there was not for a while."""
        loop = asyncio.get_running_loop()
        end = loop.time() + NOTHING_TO_MINE_S
        while loop.time() < end and not is_enough():
            for chain in self.stage.chains.values():
                if int((await chain.node.rpc("txpool_status"))["pending"], 16):
                    return
            await asyncio.sleep(0.03)
