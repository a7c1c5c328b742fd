"""A pause: what a person told the keeper not to begin, since when, who and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

EVERYTHING = "everything"
CHAIN = "chain:"
ASSET = "asset:"


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause. `scope` is ``everything``, ``chain:NAME`` or ``asset:NAME``; `since_ms` UTC."""

    scope: str
    since_ms: int
    who: str
    why: str

    @property
    def reason(self) -> str:
        """What is said where something is not begun because of it."""
        return f"paused by {self.who}: {self.why}"


@dataclass(frozen=True, slots=True)
class Pauses:
    """The pauses in force. What is signed and sent is followed to its end all the same."""

    of: tuple[Pause, ...] = ()

    def on_chain(self, chain: str) -> str:
        """Say why nothing is begun on a chain, or nothing if it may be."""
        return self._reason({EVERYTHING, CHAIN + chain})

    def on_assets(self) -> dict[str, str]:
        """Return why nothing is begun with an asset, for each asset that is paused."""
        return {
            pause.scope.removeprefix(ASSET): pause.reason
            for pause in self.of
            if pause.scope.startswith(ASSET)
        }

    def _reason(self, scopes: Iterable[str]) -> str:
        wanted = set(scopes)
        return next((pause.reason for pause in self.of if pause.scope in wanted), "")
