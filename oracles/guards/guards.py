"""The guards of every asset, in their order, and the holds that they make.

An objection (`Trip`) opens a hold. While it stands the price is taken away or widened, until the guard
objects no more, or the hold expires. An expired hold is released: the guard takes what it sees as right, the
price is published as *degraded* with the reason, and it is not held for the same again before the
guard has been content in between. So nothing is held for longer than `hold_s`, whoever is
right and wherever the clock is set, and every hold is in `Price.holds`, from where it is told and counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from config.asset_settings import AssetSettings
from config.pairs import UNIT
from oracles.guarding import REASON_LENGTH, held
from oracles.guards.band import milliseconds
from oracles.guards.constant import ConstantGuard
from oracles.guards.deviation import DeviationGuard
from oracles.guards.magnitude import MagnitudeGuard
from oracles.guards.move import MoveGuard
from oracles.guards.peg import PegGuard
from oracles.guards.rate import RateGuard
from oracles.guards.seen import Bounds, Guard, Seen, Trip, seen_of
from oracles.price import Hold, Price, PriceStatus


@dataclass(slots=True)
class Episode:
    """One hold, from its first objection on."""

    since_ms: int
    until_ms: int
    released: bool = False

    def follow(self, now_ms: int) -> None:
        """Begin again now if the clock was set back to before the beginning: what is left is never more than a hold."""
        if now_ms < self.since_ms:
            self.since_ms, self.until_ms = now_ms, self.until_ms - self.since_ms + now_ms


@dataclass(slots=True)
class Tally:
    """What one guard of one asset has done: holds begun and expired, prices held back, liquidations held back."""

    begun: int = 0
    expired: int = 0
    prices: int = 0
    liquidations: int = 0

    def __str__(self) -> str:
        return (
            f"its guard so far: {self.begun} holds, {self.expired} of them expired, "
            f"{self.prices} prices and {self.liquidations} liquidations held back"
        )


@dataclass(slots=True)
class _Watch:
    """One asset's guards, their open holds, and the last middle that was published."""

    guards: tuple[Guard, ...]
    hold_ms: int
    open: dict[str, Episode]
    due_ms: int | None = None
    mid_wad: int | None = None


class Guards:
    """The `PriceGuard` of a configuration. One instance per book; `last_known_wad` are an earlier run's middles, USD."""

    def __init__(
        self, assets: Mapping[str, AssetSettings], last_known_wad: Mapping[str, int] | None = None
    ) -> None:
        known = last_known_wad or {}
        self._assets = dict(assets)
        self.tallies: dict[tuple[str, str], Tally] = {}
        self._references = {asset: _references(settings) for asset, settings in assets.items()}
        self._watches = {
            asset: _Watch(_guards(settings, known.get(asset)), milliseconds(settings.guards.hold_s), {})
            for asset, settings in assets.items()
        }

    def reloaded(self, assets: Mapping[str, AssetSettings]) -> Guards:
        """Return the guards of another configuration, which go on from these.

        Every first price is compared with the last that was published here: new sources may be of another size. What
        an asset's other guards know, and what they hold, stays, unless the asset's settings have changed.
        """
        known = {asset: watch.mid_wad for asset, watch in self._watches.items() if watch.mid_wad is not None}
        found = Guards(assets, known)
        found.tallies = self.tallies
        for asset, watch in found._watches.items():
            if self._assets.get(asset) == assets[asset]:
                before = self._watches[asset]
                kept = {guard.name: guard for guard in before.guards if guard.name != MagnitudeGuard.name}
                watch.guards = tuple(kept.get(guard.name, guard) for guard in watch.guards)
                watch.open = {name: episode for name, episode in before.open.items() if name in kept}
                watch.mid_wad = before.mid_wad
        return found

    def references(self, asset: str) -> Collection[str]:
        """Return what the asset's peg and reference are priced by."""
        return self._references[asset]

    def apply(self, price: Price, prices: Mapping[str, Price], now_ms: int) -> Price:
        """Return what is published: the price, a wider one, or none with the holds that took it away."""
        watch = self._watches[price.asset]
        seen = seen_of(price, prices, now_ms)
        if seen is None:
            _missed(watch, now_ms)
            return price
        due_ms: list[int | None] = []
        published = price
        for guard in watch.guards:
            trip = guard.judge(seen)
            if trip is None:
                watch.open.pop(guard.name, None)
                due_ms.append(guard.next_ms(now_ms))
                continue
            published, holds = self._tripped(watch, guard, trip, seen, published)
            if holds is not None:
                due_ms += [holds.until_ms, trip.again_ms]
                if trip.bounds is None:
                    break
        later = [at_ms for at_ms in due_ms if at_ms is not None and at_ms > now_ms]
        watch.due_ms = min(later, default=None)
        watch.mid_wad = watch.mid_wad if published.mid_wad is None else published.mid_wad
        return published

    def next_change_ms(self, asset: str, now_ms: int) -> int | None:
        """Return when a hold of the asset expires or a band reaches its price, if nothing else happens."""
        due_ms = self._watches[asset].due_ms
        return due_ms if due_ms is not None and due_ms > now_ms else None

    def reset(self, asset: str, now_ms: int) -> list[str]:
        """End every open hold of an asset, as an operator may. Return the guards that held it.

        It takes effect with the asset's next price; until the guard has been content once, the same is not held again.
        """
        watch = self._watches.get(asset)
        if watch is None:
            return []
        standing = [name for name, episode in watch.open.items() if not episode.released]
        for name in standing:
            watch.open[name].until_ms = min(watch.open[name].until_ms, now_ms)
        return standing

    def held_back(self, asset: str, liquidations: int) -> None:
        """Count liquidations that would have been begun at the price that is held now."""
        watch = self._watches[asset]
        for name, episode in watch.open.items():
            if not episode.released:
                self._tally(asset, name).liquidations += liquidations

    def _tripped(
        self, watch: _Watch, guard: Guard, trip: Trip, seen: Seen, published: Price
    ) -> tuple[Price, Hold | None]:
        """Return the price under one objection, and its hold unless it has expired."""
        tally = self._tally(seen.price.asset, guard.name)
        episode = watch.open.get(guard.name)
        if episode is None:
            episode = watch.open[guard.name] = Episode(seen.now_ms, seen.now_ms + watch.hold_ms)
            tally.begun += 1
        episode.follow(seen.now_ms)
        if episode.released or seen.now_ms >= episode.until_ms:
            if not episode.released:
                episode.released = True
                tally.expired += 1
            guard.release(seen)
            return _released(published, guard.name, trip), None
        tally.prices += 1
        hold = Hold(guard.name, trip.detail, episode.since_ms, episode.until_ms)
        if trip.bounds is None:
            return held(published, hold), hold
        return _widened(published, trip.bounds, hold), hold

    def _tally(self, asset: str, guard: str) -> Tally:
        return self.tallies.setdefault((asset, guard), Tally())


def _missed(watch: _Watch, now_ms: int) -> None:
    """Without a raw price nothing is held; an episode whose time is over is forgotten with it."""
    for guard in watch.guards:
        guard.missed()
    watch.open = {name: episode for name, episode in watch.open.items() if now_ms < episode.until_ms}
    watch.due_ms = None


def _references(settings: AssetSettings) -> frozenset[str]:
    named = {settings.guards.peg, settings.guards.reference}
    return frozenset(asset for asset in named if asset is not None and asset != UNIT)


def _guards(settings: AssetSettings, last_known_wad: int | None) -> tuple[Guard, ...]:
    """Return the guards that an asset's settings ask for, in the order they are asked."""
    its = settings.guards
    found: list[Guard] = []
    if last_known_wad is not None or its.expected_low is not None or its.expected_high is not None:
        found.append(MagnitudeGuard(its, last_known_wad))
    if its.constant_s is not None:
        found.append(ConstantGuard(milliseconds(its.constant_s), settings.min_groups))
    if its.max_rate_growth_bps is not None:
        found.append(RateGuard(its, its.max_rate_growth_bps))
    if its.max_move_bps:
        found.append(MoveGuard(its))
    if its.peg is not None:
        found.append(PegGuard(its, its.peg))
    if its.reference is not None:
        found.append(DeviationGuard(its, its.reference))
    return tuple(found)


def _widened(price: Price, bounds: Bounds, hold: Hold) -> Price:
    """Return the price over what it covers and the bounds, *degraded*."""
    low, high = price.low_wad or bounds.low_wad, price.high_wad or bounds.high_wad
    return _degraded(
        replace(
            price,
            low_wad=min(low, bounds.low_wad),
            mid_wad=bounds.mid_wad,
            high_wad=max(high, bounds.high_wad),
            holds=(*price.holds, hold),
        ),
        f"widened: {hold.guard}: {hold.detail}",
    )


def _released(price: Price, guard: str, trip: Trip) -> Price:
    return _degraded(price, f"hold expired: {guard}: {trip.detail}")


def _degraded(price: Price, reason: str) -> Price:
    joined = "; ".join(filter(None, (reason, price.reason)))[:REASON_LENGTH]
    return replace(price, status=PriceStatus.DEGRADED, reason=joined)
