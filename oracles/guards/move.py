"""The largest move, and how a new level proves itself.

A price stays within a band about the last level that was accepted (`oracles.guards.band`). Beyond it
there is a new level, and that counts

- at once, if enough independent groups see it: a crash is not a glitch;
- once it stood for `persist_s`, heard anew all the time: a wick of seconds never does. Unless it is more than twice
  or less than half of the last level: an error of units stands for as long as nobody mends it;
- when the band has widened up to it.

What counts becomes the level. Within the band the level follows the price once per interval, so that
many small steps are not more than a large one.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.guard_settings import GuardSettings
from oracles.guards.band import another_size, apart, beyond, milliseconds, reached_ms
from oracles.guards.seen import Seen, Trip, confirmed
from oracles.median import distance_bps


@dataclass(frozen=True, slots=True)
class Level:
    """A price in its own unit and in USD, and since when."""

    unit: str
    own_wad: int
    mid_wad: int
    at_ms: int

    def against(self, seen: Seen) -> tuple[int, int]:
        """Return what was and what is, in the unit they share."""
        same = self.unit == seen.unit
        return (self.own_wad, seen.own_wad) if same else (self.mid_wad, seen.mid_wad)


class MoveGuard:
    """Holds a price that went further than time allows, until it has proved itself."""

    name = "move"

    def __init__(self, settings: GuardSettings) -> None:
        self._max_move_bps = settings.max_move_bps
        self._interval_ms = milliseconds(settings.move_interval_s)
        self._persist_ms = milliseconds(settings.persist_s)
        self._confirm_groups = settings.confirm_groups
        self._level: Level | None = None
        self._candidate: Level | None = None

    def judge(self, seen: Seen) -> Trip | None:
        """Hold what is beyond the band and not proved."""
        level = self._level
        if level is None:
            self.release(seen)
            return None
        if not self._beyond(level, seen, seen.now_ms):
            self._candidate = None
            if seen.now_ms - level.at_ms >= self._interval_ms:
                self.release(seen)
            return None
        if confirmed(seen, self._confirm_groups) or self._stood(seen):
            self.release(seen)
            return None
        before, now = level.against(seen)
        away_bps = distance_bps(*apart(before, now))
        detail = f"{away_bps} bps from the level of {(seen.now_ms - level.at_ms) // 1000} s ago"
        again_ms = level.at_ms + reached_ms(before, now, self._max_move_bps, self._interval_ms)
        return Trip(f"{detail}, seen by {seen.groups} groups", again_ms=again_ms)

    def release(self, seen: Seen) -> None:
        """Make what is seen the level."""
        self._level = Level(seen.unit, seen.own_wad, seen.mid_wad, seen.now_ms)
        self._candidate = None

    def missed(self) -> None:
        """What was not seen all the time did not stand."""
        self._candidate = None

    def next_ms(self, now_ms: int) -> int | None:  # noqa: ARG002 - of the protocol
        """Time alone takes nothing out of a band that widens."""
        return None

    def _stood(self, seen: Seen) -> bool:
        """Whether the new level was heard for long enough. One that moves on beyond its own band is another."""
        candidate = self._candidate
        if candidate is None or self._beyond(candidate, seen, seen.heard_ms):
            candidate = Level(seen.unit, seen.own_wad, seen.mid_wad, seen.heard_ms)
            self._candidate = candidate
        if self._level is not None and another_size(*self._level.against(seen)):
            return False
        return seen.heard_ms - candidate.at_ms >= self._persist_ms

    def _beyond(self, level: Level, seen: Seen, at_ms: int) -> bool:
        before, now = level.against(seen)
        return beyond(before, now, self._max_move_bps, self._interval_ms, at_ms - level.at_ms)
