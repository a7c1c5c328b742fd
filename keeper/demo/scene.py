"""The scene: a glitch that is ignored, a stall that is held, a crash that is handled.

What the daemon knows is read from its log; what was done, from the chains.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction

from config.units import format_wad
from keeper.demo import judging, ledger
from keeper.demo.cast import CRASH, USD, Fate, Role
from keeper.demo.ledger import Ledger
from keeper.demo.stage import Stage
from keeper.demo.timeline import Mark, Timeline
from keeper.demo.watching import Log, until
from keeper.runtime.clock import now_ms

READY_S = 90.0
GLITCH_S = 30.0
GLITCH_SEEN_MS = 3_000
STALL_S = 60.0
CRASH_S = 90.0
CRASH_STEPS = (Fraction(95, 100), Fraction(90, 100), CRASH)
CRASH_STEP_S = 1.0
"""How fast it falls: the pace of the scene, nothing is waited for."""
TOLD_EVERY_S = 2.0
STALLED = "beta"
GLITCHED = "coinbase"
GLITCH = "0.6"
NOT_RESTORED = frozenset({"liquidatable", "bankrupt", "unknown", "at_risk"})


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
        self.after = Ledger()
        """What the chains say at the end."""
        self._ids = {role.account.account_id for role in roles}

    async def play(self) -> None:
        """Play everything."""
        await self._ready()
        await self._glitch()
        await self._stall()
        await self._crash()

    async def _ready(self) -> None:
        with self._timeline.progress("accounts evaluated", len(self._roles)) as bar:
            known = await self._wait(
                lambda: self._known(self._ids),
                READY_S,
                lambda: bar.to(sum(state != "unknown" for state in self.log.decided().values())),
            )
        states = Counter(self.log.decided().values())
        self._timeline.line(Mark.SEEN, f"{states.total()} accounts evaluated: {_counted(states)}")
        others = {
            state: number for state, number in states.items() if state not in {"healthy", "margin_call"}
        }
        self._timeline.check(
            "every account is known, and none is liquidatable",
            held=known and not others,
            why=f"{others}; {'; '.join(self._stage.dead())}",
        )

    async def _glitch(self) -> None:
        venue, since_ms = self._stage.market.venues[GLITCHED], now_ms()
        venue.glitch = GLITCH
        self._timeline.line(Mark.STEP, f"{GLITCHED} shows every price 40 % too low")
        await self._wait(lambda: self._seen_for_ms(since_ms) >= GLITCH_SEEN_MS, GLITCH_S)
        left_out = self.log.left_out(GLITCHED, since_ms)
        for each in {each.asset: each for each in left_out}.values():
            price = "no price" if each.mid_wad is None else f"the price stays {format_wad(each.mid_wad, 2)}"
            self._timeline.line(
                Mark.HELD,
                f"{each.source} says {format_wad(each.value_wad, 2)}: left out, {each.reason}; {price}",
            )
        self._timeline.add(judging.glitch_ignored(left_out, self._stage.market.prices))
        venue.glitch = "1"
        await self._nobody_liquidated()

    def _seen_for_ms(self, since_ms: int) -> int:
        """Return for how long every asset that the venue quotes has had its wrong quote left out."""
        times: dict[str, list[int]] = {asset: [] for asset in self._stage.quoted_by(GLITCHED)}
        for each in self.log.left_out(GLITCHED, since_ms):
            times[each.asset].append(each.seen_at_ms)
        return min(max(seen) - min(seen) if seen else 0 for seen in times.values())

    async def _stall(self) -> None:
        there = {role.account.account_id for role in self._roles if STALLED in role.chains}
        others = self._ids - there
        market = self._stage.market
        await market.pause(STALLED)
        self._timeline.line(Mark.STEP, f"{STALLED} stands still (its node is stopped)")
        await self._wait(lambda: all(self.log.decided().get(each) == "unknown" for each in there), STALL_S)
        held_ms = now_ms()
        held = judging.stall_held(there, others, self.log.decided())
        self._timeline.line(
            Mark.HELD,
            f"{len(there)} accounts with a leg on {STALLED} are held as unknown ({self.log.why_unknown()})",
        )
        self._timeline.add(held)
        go_on = await self._wait(lambda: others <= self.log.evaluated_since(held_ms), STALL_S)
        states = self.log.decided()
        self._timeline.check(
            f"the other {len(others)} go on: each was evaluated again meanwhile, and is known",
            held=go_on and self._known(others),
            why=_counted(Counter(states[each] for each in others)),
        )
        market.resume(STALLED)
        self._timeline.line(Mark.SEEN, f"{STALLED} moves again")
        back = await self._wait(lambda: self._known(there), STALL_S)
        self._timeline.check(
            "all of them are known again",
            held=back,
            why=_counted(Counter(self.log.decided()[each] for each in there)),
        )
        await self._nobody_liquidated()

    async def _crash(self) -> None:
        expected = {role.account.account_id for role in self._roles if role.fate is Fate.LIQUIDATED}
        before, since_ms = await self._ledger(), now_ms()
        for factor in CRASH_STEPS:
            await self._stage.market.set(factor)
            self._timeline.line(
                Mark.STEP, f"ETH and BTC fall to {int(factor * 100)} % on every venue and feed"
            )
            await asyncio.sleep(CRASH_STEP_S)
        if self._crash_kill:
            await self._kill()
        told = _Told(self._timeline, len(expected))
        with self._timeline.progress("liquidated", len(expected)) as bar:

            def show() -> None:
                done = len(self.log.liquidated())
                bar.to(done)
                told.now(done)

            settled = await self._wait(lambda: self._settled(expected), CRASH_S, show)
        self._timeline.check(
            "each is out of danger or closed, and nothing is under way any more",
            held=settled,
            why=self._unsettled(expected),
        )
        self.after = await self._ledger()
        self._tell_steps()
        for check in judging.crash_handled(self._roles, before, self.after):
            self._timeline.add(check)
        self._timeline.add(judging.called(self._roles, self.log.noticed_since(since_ms), self.after))

    async def _kill(self) -> None:
        under_way = await self._wait(lambda: self.log.live_intents() > 0, CRASH_S)
        self._stage.kill("keeper")
        number = self.log.live_intents()
        self._timeline.line(Mark.STEP, f"the daemon is killed (SIGKILL) with {number} intents under way")
        self._stage.start_keeper()
        self._timeline.line(Mark.STEP, "and started again")
        self._timeline.check("it was killed in the middle of it", held=under_way and number > 0)

    def _tell_steps(self) -> None:
        steps: dict[str, list[str]] = {}
        for (chain, what), number in sorted(self.after.steps.items()):
            steps.setdefault(chain, []).append(f"{number} x {what}")
        for chain, told in sorted(steps.items()):
            self._timeline.line(Mark.ACTED, f"{chain}: {', '.join(told)}")
        after = self.after
        solvent = {role.account.account_id for role in self._roles if not role.bankrupt} & set(after.bad_debt)
        cost = f" ({len(solvent)} still solvent, but closing cost more than was left)" if solvent else ""
        self._timeline.line(
            Mark.ACTED,
            f"bad debt: {sum(after.bad_debt.values()) / USD:,.2f} USD in {len(after.bad_debt)} accounts{cost}; "
            f"insurance funds paid {after.covered / USD:,.2f} of it",
        )

    def _settled(self, expected: set[str]) -> bool:
        states = self.log.decided()
        return (
            all(states.get(each) not in NOT_RESTORED for each in expected)
            and expected <= self.log.liquidated()
            and not self.log.live_intents()
            and not self.log.open_claims()
        )

    def _unsettled(self, expected: set[str]) -> str:
        states = self.log.decided()
        left = Counter(states.get(each, "unknown") for each in expected if states.get(each) in NOT_RESTORED)
        return (
            f"{_counted(left) or 'none in danger'}; {self.log.live_intents()} intents under way, "
            f"{self.log.open_claims()} claims open, {len(expected - self.log.liquidated())} not begun; "
            + "; ".join(self._stage.dead())
        )

    async def _nobody_liquidated(self) -> None:
        self._timeline.add(judging.untouched_so_far(await self._ledger(), self._stage.dead()))

    async def _ledger(self) -> Ledger:
        return await ledger.read(self._stage.hubs, sorted(self._ids))

    def _known(self, accounts: set[str]) -> bool:
        states = self.log.decided()
        return all(states.get(each, "unknown") != "unknown" for each in accounts)

    async def _wait(
        self, condition: Callable[[], bool], limit_s: float, each: Callable[[], None] | None = None
    ) -> bool:
        """Wait for what the log shows; give up early when a process that should show it has ended."""
        await until(lambda: condition() or bool(self._stage.dead()), limit_s, each)
        return condition()


class _Told:
    """Tells how far it is, now and then: what stands in the timeline where there is no progress bar."""

    def __init__(self, timeline: Timeline, total: int) -> None:
        self._timeline, self._total = timeline, total
        self._number = 0
        self._next_s = 0.0

    def now(self, number: int) -> None:
        """Tell the number if it has grown, and not too soon after the last."""
        now_s = asyncio.get_running_loop().time()
        if number > self._number and (now_s >= self._next_s or number == self._total):
            self._timeline.line(Mark.ACTED, f"liquidation has begun for {number} of {self._total} accounts")
            self._number, self._next_s = number, now_s + TOLD_EVERY_S


def _counted(states: Counter[str]) -> str:
    return ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in sorted(states.items()))
