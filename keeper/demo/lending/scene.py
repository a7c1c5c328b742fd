"""The scene: a glitch that is ignored, a protocol's own wrong price that is held, a crash that is handled everywhere.

What the daemon knows is read from its log; what was done, from the chains.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from chains.venues.venue import Outcome
from config.units import format_decimal
from keeper.demo.cast import BEFORE, CRASH, Fate
from keeper.demo.lending import judging
from keeper.demo.lending.cast import GLITCH, Owner, expected
from keeper.demo.lending.ground import Ground
from keeper.demo.scene import CRASH_S, CRASH_STEP_S, READY_S, Scene
from keeper.demo.stage import Stage
from keeper.demo.timeline import Check, Mark, Timeline
from keeper.venues.identity import VENUE_LIQUIDATION

MISPRICED_S = 45.0
STEPS = (Fraction(93, 100), Fraction(86, 100), CRASH)
REHEARSE_TIMEOUT_S = 60


class LendingScene(Scene):
    """Plays the acts in order on a stage with protocols, and checks each."""

    def __init__(
        self,
        stage: Stage,
        ground: Ground,
        owners: tuple[Owner, ...],
        timeline: Timeline,
        *,
        crash_kill: bool = False,
    ) -> None:
        roles = [owner.hub for owner in owners if owner.hub.account.legs]
        super().__init__(stage, roles, timeline, crash_kill=crash_kill)
        self._ground = ground
        self._owners = owners
        self.done: list[tuple[str, str, Outcome]] = []
        """What the protocols say at the end."""

    async def play(self) -> None:
        """Play everything."""
        await self._ready()
        await self._seen_together()
        await self._rehearse()
        await self._glitch()
        await self._mispriced()
        await self._all_fall()

    async def _seen_together(self) -> None:
        wanted = {owner.account_id for owner in self._owners if owner.loans}
        prices = self._stage.market.prices

        def right() -> Check:
            return judging.unified_right(self._owners, self._told(), prices)

        await self._wait(lambda: wanted <= self._told().keys() and right().held, READY_S)
        self._timeline.add(right())

    async def _rehearse(self) -> None:
        """Run the command as anybody would, beside the daemon."""
        words = ["rehearse", "-c", str(self._stage.keeper_file), "--below", "1.6"]
        told = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "keeper", *words],
            capture_output=True,
            text=True,
            timeout=REHEARSE_TIMEOUT_S,
            check=False,
        )
        lines = [line.strip() for line in told.stdout.splitlines() if " liquidation" in line]
        self._timeline.line(Mark.SEEN, f"keeper rehearse, before any of it is needed: {'; '.join(lines[:1])}")
        self._timeline.check(
            "every liquidation that may be needed at the protocols would go through",
            held=told.returncode == 0,
            why=(told.stdout[-400:] + told.stderr[-400:]).strip(),
        )

    async def _mispriced(self) -> None:
        ether = BEFORE["ETH"] * GLITCH
        await self._ground.set_aave_ether(ether)
        self._timeline.line(
            Mark.STEP, f"Aave's own feed on beta takes ETH for {float(ether):,.0f}; nobody else does"
        )
        await self._wait(lambda: self._verdict(held=(), alerted=self._alerted()).held, MISPRICED_S)
        self.done = await self._ground.outcomes()
        self._timeline.add(self._verdict(held=self.done, alerted=self._alerted()))
        for row in self.log.rows("SELECT detail FROM venue_verdicts WHERE reason = 'price_held' LIMIT 1"):
            self._timeline.line(Mark.HELD, f"at aave nothing is begun: {row['detail']}")
        await self._ground.set_aave_ether(BEFORE["ETH"])
        over = await self._wait(lambda: not self._alerted(), MISPRICED_S)
        self._timeline.check("once the feed is right again the alert is closed by itself", held=over)
        await self._nobody_liquidated()

    def _verdict(self, held: Sequence[tuple[str, str, Outcome]], *, alerted: bool) -> Check:
        reasons = {
            (row["chain"], row["venue"], row["borrower"]): row["reason"]
            for row in self.log.rows("SELECT chain, venue, borrower, reason FROM venue_verdicts ORDER BY seq")
        }
        return judging.mispricing_held(self._owners, reasons, held, alerted=alerted)

    def _alerted(self) -> bool:
        sql = (
            "SELECT count(*) AS n FROM alerts WHERE dedupe_key LIKE 'venue_price/%' AND closed_at_ms IS NULL"
        )
        return self.log.number(sql) > 0

    async def _all_fall(self) -> None:
        for factor in STEPS:
            await self._stage.market.set(factor)
            await self._ground.set_prices(self._stage.market.prices)
            self._timeline.line(
                Mark.STEP, f"ETH and BTC fall to {int(factor * 100)} % on every venue, feed, oracle and pool"
            )
            await asyncio.sleep(CRASH_STEP_S)
        if self._crash_kill:
            await self._kill()
        wanted = expected(self._owners)
        with self._timeline.progress("liquidated at the protocols", len(wanted)) as bar:
            settled = await self._wait(
                lambda: wanted <= self._liquidated() and self._hubs_settled(),
                CRASH_S,
                lambda: bar.to(len(wanted & self._liquidated())),
            )
        self._timeline.check(
            "each is out of danger, and nothing is under way any more",
            held=settled,
            why=f"{len(wanted - self._liquidated())} loans not liquidated; {self._unsettled(self._fallen_at_hubs())}",
        )
        self.after = await self._ledger()
        self.done = await self._ground.outcomes()
        self._tell_done()
        for check in judging.crash_handled(self._owners, self.done, self._ground.executors, self.after):
            self._timeline.add(check)

    def _hubs_settled(self) -> bool:
        return self._settled(self._fallen_at_hubs())

    def _fallen_at_hubs(self) -> set[str]:
        hubs = [owner.hub for owner in self._owners if owner.hub.account.legs]
        return {role.account.account_id for role in hubs if role.fate is Fate.LIQUIDATED}

    def _liquidated(self) -> set[judging.Place]:
        """Return the loans for which a call of ours is final on its chain."""
        rows = self.log.rows(
            "SELECT chain, position_key FROM intents WHERE action = ? AND state = 'final_ok'",
            VENUE_LIQUIDATION,
        )
        found = set()
        for row in rows:
            _, venue, borrower, _ = row["position_key"].split("/")
            found.add((row["chain"], venue, borrower))
        return found

    def _told(self) -> dict[str, judging.Told]:
        rows = self.log.rows("SELECT account_id, health_mid_wad, cut FROM unified")
        return {
            row["account_id"]: judging.Told(
                row["health_mid_wad"], frozenset(point["chain"] for point in row["cut"])
            )
            for row in rows
        }

    def _tell_done(self) -> None:
        pools = self.log.rows(
            "SELECT venue, borrower, plan FROM venue_verdicts WHERE reason = 'send' ORDER BY seq"
        )
        by = {
            (row["venue"], row["borrower"]): "inventory"
            if f'"pool":"0x{"00" * 20}"' in row["plan"]
            else "a flash swap"
            for row in pools
        }
        counts: Counter[tuple[str, str, str]] = Counter()
        repaid: Counter[tuple[str, str, str]] = Counter()
        for chain, venue, outcome in self.done:
            key = (chain, venue, by.get((venue, outcome.borrower.account), "?"))
            counts[key] += 1
            repaid[key] += outcome.repaid
        for (chain, venue, way), number in sorted(counts.items()):
            paid = format_decimal(repaid[chain, venue, way], 6, 2)
            self._timeline.line(Mark.ACTED, f"{chain}: {number} at {venue} by {way}, {paid} USDC repaid")
        self._tell_steps()
