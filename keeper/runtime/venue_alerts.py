"""Alerts of venues: low funds, prices beyond the band, an executor that is not ours. Each opened once and closed once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from keeper.state.entries import AlertClosed, AlertOpened, Entry

VENUE_PRICE = "venue_price/"
EXECUTOR = "venue_executor/"


class VenueAlerts:
    """Holds which alerts are open. Hand entries to `recorded` once they are in the log."""

    def __init__(self, open_keys: Iterable[str] = ()) -> None:
        self._open = set(open_keys)

    def is_open(self, key: str) -> bool:
        """Whether it was told and is not over."""
        return key in self._open

    def due(self, prefix: str, wanted: Mapping[str, AlertOpened], over: str) -> list[Entry]:
        """Return what is to be opened or closed so that of those with this prefix exactly `wanted` are open."""
        entries: list[Entry] = [alert for key, alert in wanted.items() if key not in self._open]
        gone = sorted(key for key in self._open if key.startswith(prefix) and key not in wanted)
        return entries + [AlertClosed(key, over) for key in gone]

    def recorded(self, entries: Iterable[Entry]) -> None:
        """Note what has become durable."""
        for entry in entries:
            if isinstance(entry, AlertOpened):
                self._open.add(entry.dedupe_key)
            elif isinstance(entry, AlertClosed):
                self._open.discard(entry.dedupe_key)
