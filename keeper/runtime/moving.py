"""The multipliers of a running process: measured from time to time, moved within bounds, written down, then used.

The keeper and every attestor move their own. What stands in the log counts again after a restart, so that stopping
and starting does not loosen anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from config.settings import Settings
from config.units import BPS, WAD
from keeper.domain.account import Leg
from keeper.margin.parameters import RiskPolicy
from keeper.risk.moving import Measured, Multiplier, changes, effective, moved, wanted
from keeper.state.entries import ParametersMoved
from keeper.state.errors import LogUnavailable
from keeper.state.log import StateLog
from keeper.state.reader import LogReader
from keeper.watch.evidence import Evidence
from oracles.estimates.estimates import FEWEST_SAMPLES

LOOK_S = 60.0
_AT_ONCE = 500

log = structlog.get_logger()


class Moving:
    """Moves the initial parameters of `policy`. Where the policy has no bounds, nothing ever moves."""

    def __init__(
        self,
        settings: Settings,
        policy: RiskPolicy,
        evidence: Evidence,
        state_log: StateLog,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._base = policy
        self._evidence = evidence
        self._log = state_log
        self._now_ms = now_ms
        self._since_ms = now_ms()
        self._multipliers = _stored(state_log.path) if policy.moving is not None else {}
        self._policy = self._effective()

    def policy(self) -> RiskPolicy:
        """Return the policy in force: the configured one, or one that is stricter for new risk."""
        return self._policy

    async def run(self) -> None:
        """Look from time to time, until cancelled."""
        while self._base.moving is not None:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except LogUnavailable as error:
                log.error("moving_waits_for_the_log", error=str(error))

    async def look(self) -> None:
        """Measure and move once. What can not be written down is not used. Raises `LogUnavailable`."""
        bounds = self._base.moving
        if bounds is None:
            return
        held_wad = await self._held()
        for asset in self._base.assets:
            measured = self._measured(asset, held_wad.get(asset, 0))
            target = wanted(asset, measured, bounds)
            before = self._multipliers.get(asset, Multiplier(BPS, self._since_ms))
            after = moved(before, target.multiplier_bps, self._now_ms(), bounds)
            if after != before:
                await self._move(asset, before, after, target.why)

    async def _move(self, asset: str, before: Multiplier, after: Multiplier, why: str) -> None:
        told = {name: its.bps for name, its in self._multipliers.items()}
        policy = effective(self._base, told | {asset: after.bps})
        its_changes = tuple(changes(self._policy, policy))
        await self._log.write(ParametersMoved(asset, before.bps, after.bps, why, its_changes))
        self._multipliers[asset] = after
        self._policy = policy
        log.info("parameters_moved", asset=asset, multiplier_bps=after.bps, why=why, changes=len(its_changes))

    def _effective(self) -> RiskPolicy:
        return effective(self._base, {asset: its.bps for asset, its in self._multipliers.items()})

    def _measured(self, asset: str, held_wad: int) -> Measured:
        estimates = self._evidence.estimates
        volatility, depth = estimates.volatility(asset), estimates.depth(asset)
        return Measured(
            volatility_wad=volatility.annualised_wad if volatility.samples >= FEWEST_SAMPLES else None,
            depth_wad=depth.depth_wad,
            quiet_depth_wad=self._settings.assets[asset].estimates.depth,
            held_wad=held_wad,
        )

    async def _held(self) -> dict[str, int]:
        """Return what all accounts hold of each asset, USD wad, a few accounts at a time."""
        prices = self._evidence.prices.prices
        mids_wad = {asset: price.mid_wad for asset, price in prices.items() if price.mid_wad is not None}
        units_wad: dict[str, int] = {}
        for number, account in enumerate(self._evidence.book.accounts()):
            for leg in account.legs:
                for asset, amount_wad in _units(leg):
                    units_wad[asset] = units_wad.get(asset, 0) + amount_wad
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        return {asset: units_wad.get(asset, 0) * mid_wad // WAD for asset, mid_wad in mids_wad.items()}


def _units(leg: Leg) -> Iterator[tuple[str, int]]:
    """Yield what a leg holds and is long, in wads of whole units: what would be sold if it were liquidated."""
    for token in leg.collateral:
        yield token.asset, token.amount * WAD // 10**token.decimals
    for position in leg.positions:
        if position.size_wad > 0:
            yield position.asset, position.size_wad


def _stored(path: Path) -> dict[str, Multiplier]:
    with LogReader(path) as reader:
        rows = reader.select("SELECT asset, multiplier_bps, since_ms FROM multipliers")
    return {row["asset"]: Multiplier(row["multiplier_bps"], row["since_ms"]) for row in rows}
