"""The scene: a glitch that is ignored, a stall that is held, a crash that is handled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from config.units import format_wad
from keeper.demo.cast import CRASH, Fate, Role
from keeper.demo.stage import Stage
from keeper.demo.timeline import Mark, Timeline
from keeper.demo.watching import Log, until

READY_S = 60.0
GLITCH_S = 4.0
STALL_S = 40.0
CRASH_S = 90.0
CRASH_STEPS = (Fraction(95, 100), Fraction(90, 100), CRASH)
CRASH_STEP_S = 1.0
STALLED = "beta"
GLITCHED = "coinbase"


class Scene:
    """Plays the acts in order on a stage, and checks each."""

    def __init__(
        self, stage: Stage, roles: Sequence[Role], timeline: Timeline, *, crash_kill: bool = False
    ) -> None:
        self._stage = stage
        self._roles = roles
        self._timeline = timeline
        self._crash_kill = crash_kill
        self.log = Log(stage.state_log)
        self._ids = {role.account.account_id for role in roles}

    async def play(self) -> None:
        """Play everything."""
        await self._ready()
        await self._glitch()
        await self._stall()
        await self._crash()

    async def _ready(self) -> None:
        with self._timeline.progress("accounts evaluated", len(self._roles)) as bar:
            known = await until(
                lambda: all(self.log.decided().get(each, "unknown") != "unknown" for each in self._ids),
                READY_S,
                lambda: bar.to(sum(s != "unknown" for s in self.log.decided().values())),
            )
        states = Counter(self.log.decided().values())
        self._timeline.line(Mark.SEEN, f"{len(self.log.decided())} accounts evaluated: {_counted(states)}")
        self._timeline.check("every account is known, and none is liquidatable", held=known and self._calm())

    async def _glitch(self) -> None:
        venue = self._stage.market.venues[GLITCHED]
        venue.glitch = "0.6"
        self._timeline.line(Mark.STEP, f"{GLITCHED} shows every price 40 % too low")
        shown = await until(lambda: self.log.left_out(GLITCHED) is not None, GLITCH_S * 3)
        await asyncio.sleep(GLITCH_S)
        quote = self.log.left_out(GLITCHED)
        if quote is not None:
            value = format_wad(int(quote["value_wad"]), 2)
            self._timeline.line(
                Mark.HELD, f"{quote['source']} says {value} for {quote['pair']}: left out, {quote['reason']}"
            )
        self._timeline.check(
            "the glitch moved no price and nobody was liquidated", held=shown and self._calm()
        )
        venue.glitch = "1"

    async def _stall(self) -> None:
        there = {role.account.account_id for role in self._roles if STALLED in role.chains}
        others = self._ids - there
        node = self._stage.market.nodes[STALLED]
        self._stage.market.paused.add(STALLED)
        node.pause()
        self._timeline.line(Mark.STEP, f"{STALLED} stands still (its node is stopped)")
        held = await until(lambda: all(self.log.decided().get(each) == "unknown" for each in there), STALL_S)
        decided = self.log.decided()
        unknown = sum(decided.get(each) == "unknown" for each in there)
        self._timeline.line(
            Mark.HELD, f"{unknown} accounts with a leg on {STALLED} are held as unknown; {len(others)} go on"
        )
        on = all(decided.get(each) != "unknown" for each in others)
        self._timeline.check(
            "exactly the accounts with a leg there are unknown, nobody was liquidated",
            held=held and on and self._calm(),
        )
        node.resume()
        self._stage.market.paused.discard(STALLED)
        back = await until(lambda: all(self.log.decided().get(e) != "unknown" for e in there), STALL_S)
        self._timeline.line(Mark.SEEN, f"{STALLED} moves again")
        self._timeline.check("all of them are known again", held=back and self._calm())

    async def _crash(self) -> None:
        expected = {role.account.account_id for role in self._roles if role.fate is Fate.LIQUIDATED}
        called = {role.account.account_id for role in self._roles if role.fate is Fate.CALLED}
        for factor in CRASH_STEPS:
            await self._stage.market.set(factor)
            self._timeline.line(
                Mark.STEP, f"ETH and BTC fall to {int(factor * 100)} % on every venue and feed"
            )
            await asyncio.sleep(CRASH_STEP_S)
        if self._crash_kill:
            await until(lambda: self.log.live_intents() > 0, CRASH_S)
            self._stage.kill("keeper")
            self._timeline.line(Mark.STEP, "the daemon is killed (SIGKILL) and started again")
            self._stage.start_keeper()
        with self._timeline.progress("liquidated", len(expected)) as bar:
            settled = await until(
                lambda: self._settled(expected), CRASH_S, lambda: bar.to(len(self.log.liquidated()))
            )
        done = self.log.liquidated()
        for (chain, what), number in sorted(self.log.steps().items()):
            self._timeline.line(Mark.ACTED, f"{chain}: {number} x {what}")
        self._timeline.check(
            f"exactly the {len(expected)} accounts that certainly fell were liquidated",
            held=set(done) == expected,
        )
        self._timeline.check(
            "each where it holds something, and nothing is under way any more",
            held=settled
            and all(
                done[r.account.account_id] <= set(r.chains)
                for r in self._roles
                if r.account.account_id in done
            ),
        )
        self._timeline.check(
            f"the {len(called)} margin-call accounts got a notice and were left alone",
            held=called <= self.log.noticed() and not called & set(done),
        )

    def _settled(self, expected: set[str]) -> bool:
        states = self.log.decided()
        restored = all(states.get(each) not in {"liquidatable", "bankrupt", "unknown"} for each in expected)
        return (
            restored
            and expected <= set(self.log.liquidated())
            and not self.log.live_intents()
            and not self.log.open_claims()
        )

    def _calm(self) -> bool:
        """Whether nobody was liquidated and no process has died."""
        return not self.log.liquidated() and not self._stage.dead()


def _counted(states: Counter[str]) -> str:
    return ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in sorted(states.items()))
