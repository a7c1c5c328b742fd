"""What is written to the state log of accounts over hubs and venues together: how each stands, and its changes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from keeper.domain.health import AccountState, Interval, UnifiedHealth
from keeper.state.entries import Body, Entry, plain
from keeper.state.observations import Observation
from keeper.venues.unified import VenueFigure


@dataclass(frozen=True, slots=True)
class UnifiedChanged(Entry):
    """The state of an account over all its legs is another than before. It tells; it decides nothing."""

    kind: ClassVar[str] = "unified_changed"
    owner: str
    previous: AccountState | None
    state: AccountState
    health: UnifiedHealth
    venues: tuple[VenueFigure, ...]

    def body(self) -> Body:
        """Return the figures as columns."""
        previous = None if self.previous is None else str(self.previous)
        return _figures(self.owner, self.state, self.health, self.venues) | {"previous": previous}


@dataclass(frozen=True, slots=True)
class UnifiedSeen(Observation):
    """How an account stands over all its legs."""

    kind: ClassVar[str] = "unified_seen"
    owner: str
    state: AccountState
    health: UnifiedHealth
    venues: tuple[VenueFigure, ...]

    def latest_key(self) -> Hashable | None:
        """Only how it stands now matters."""
        return (self.kind, self.health.account_id)

    def body(self) -> Body:
        """Return the figures as columns."""
        return _figures(self.owner, self.state, self.health, self.venues)


@dataclass(frozen=True, slots=True)
class UnifiedGone(Observation):
    """An account has nothing at any venue any more: what it has is the hub's figures again."""

    kind: ClassVar[str] = "unified_gone"
    account_id: str


def _figures(
    owner: str, state: AccountState, health: UnifiedHealth, venues: Sequence[VenueFigure]
) -> dict[str, object]:
    return {
        "account_id": health.account_id,
        "owner": owner,
        "state": str(state),
        **_interval("surplus", health.surplus),
        **_interval("health", health.health),
        **_interval("equity", health.equity),
        "cut": plain(health.cut),
        "price_set": health.price_set,
        "unknown_because": plain(health.unknown_because),
        "venues": plain(tuple(venues)),
    }


def _interval(name: str, value: Interval | None) -> dict[str, str | None]:
    ends = (None, None, None) if value is None else (str(value.low), str(value.mid), str(value.high))
    return {f"{name}_{end}_wad": text for end, text in zip(("low", "mid", "high"), ends, strict=True)}
