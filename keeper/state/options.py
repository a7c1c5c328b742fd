"""How much the log keeps and buffers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """How long observations are kept, whichever limit is reached first. Durable entries are kept for ever."""

    max_age_ms: int = 7 * 86_400_000
    max_heads: int = 500_000
    max_price_sets: int = 200_000


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Bounds of the writer. `retry_interval_s` is how often an unavailable log is tried again."""

    retention: Retention = Retention()
    max_buffered_observations: int = 20_000
    observation_batch: int = 500
    flush_interval_s: float = 0.05
    retry_interval_s: float = 0.5
    retention_interval_s: float = 60.0
    tail_entries_checked: int = 1_000
    busy_timeout_ms: int = 5_000
