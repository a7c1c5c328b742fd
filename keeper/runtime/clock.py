"""The one clock: UTC milliseconds, for evidence and for the log. Order comes from sequence numbers, not from it."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Return UTC milliseconds since 1970."""
    return time.time_ns() // 1_000_000
