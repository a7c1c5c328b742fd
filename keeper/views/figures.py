"""How numbers, times and names are written for people. Cut, never rounded; exact figures are in `--json`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from config.units import format_decimal

_MINUTE_S = 60
_HOUR_S = 3_600
_DAY_S = 86_400


def usd(wad: int | None) -> str:
    """Return a USD wad as ``1,234.56``."""
    return "-" if wad is None else quantity(wad, 18, 2)


def price(wad: int | None) -> str:
    """Return a price with as many places as its size asks for."""
    if wad is None:
        return "-"
    return quantity(wad, 18, 2 if abs(wad) >= 1_000 * 10**18 else 6)


def health(wad: int | None) -> str:
    """Return a health ratio. None is an account that owes nothing."""
    return "∞" if wad is None else quantity(wad, 18, 4)


def quantity(scaled: int, decimals: int, places: int) -> str:
    """Return a scaled integer as a decimal with thousands separated, cut to `places`."""
    text = format_decimal(abs(scaled), decimals, places)
    whole, point, fraction = text.partition(".")
    sign = "-" if scaled < 0 and text.strip("0.") else ""
    return f"{sign}{int(whole):,}{point}{fraction}"


def percent(bps: int) -> str:
    """Return basis points as a percentage."""
    return f"{format_decimal(bps, 2)} %"


def short(identifier: str) -> str:
    """Return the start of an account, hash or address: enough to name it to a command again."""
    return identifier[:10]


def utc(at_ms: int | None) -> str:
    """Return UTC milliseconds as ``2026-01-31 09:05:07``."""
    return "-" if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def clock(at_ms: int) -> str:
    """Return the time of day of UTC milliseconds, with its thousandths."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%H:%M:%S}.{at_ms % 1000:03d}"


def span(duration_ms: int | None) -> str:
    """Return a duration in its largest sensible unit."""
    if duration_ms is None:
        return "-"
    seconds = max(duration_ms, 0) / 1000
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    if seconds < _DAY_S:
        return f"{seconds / _HOUR_S:.1f} h"
    return f"{seconds / _DAY_S:.1f} d"


def count(number: int, noun: str) -> str:
    """Return ``1 account`` or ``1,234 accounts``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listing(words: list[str], last: str = "and") -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def told_abilities(its: Mapping[str, int]) -> str:
    """Say what an endpoint can, as it was found out."""
    if not its:
        return "not asked yet"
    lacks = {
        "logs by hash": its["logs_by_hash"],
        "calls by hash": its["call_by_hash"],
        "finalized": its["finalized_tag"],
        "safe": its["safe_tag"],
        "overrides": its["overrides"],
    }
    missing = ", ".join(name for name, has in lacks.items() if not has)
    most = f"logs of {int(its['log_range_blocks']):,} blocks, state of {int(its['archive_blocks']):,} back"
    return f"{most}, {its['batch_calls']} in a batch" + (f"; no {missing}" if missing else "")
