"""Reading a stranger's JSON: strictly, within limits, and with numbers kept as their text.

A number never becomes a float: ``3000.10`` stays those seven characters until it is an
integer of 10**-18. What is not JSON by the letter (NaN, a key twice, bytes that are not
UTF-8) is refused, because two readers could read it differently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Literal, TypeAlias

from config.json_depth import nests_deeper
from config.units import WAD
from oracles.aggregate import MAX_VALUE_WAD
from oracles.price import FailureKind
from oracles.sources.origin import BadAnswer

TimeUnit: TypeAlias = Literal["s", "ms", "us", "ns", "iso"]

MAX_DIGITS = 36
MAX_EXPONENT = 30
MAX_DEPTH = 64
MAX_TIME_MS = 10**14

_NUMBER = re.compile(r"(?a:(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,2}))?)")
_TICKS_PER_MS = {"s": Fraction(1, 1_000), "ms": Fraction(1), "us": Fraction(1_000), "ns": Fraction(1_000_000)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 40


class NumberText(str):
    """A JSON number as it was written."""

    __slots__ = ()


def parse_json(body: bytes) -> object:
    """Return what `body` says, its numbers as `NumberText`. Raises `BadAnswer`."""
    if nests_deeper(body, MAX_DEPTH):
        raise _malformed(f"nested deeper than {MAX_DEPTH}")
    try:
        return json.loads(
            body.decode("utf-8", "strict"),
            parse_float=NumberText,
            parse_int=NumberText,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError:
        raise _malformed("not UTF-8") from None
    except ValueError as error:
        raise _malformed(f"not JSON: {error}") from None


def walk(answer: object, path: str) -> object:
    """Return what stands at a dotted `path`, such as ``result.list.0.lastPrice``.

    A number picks from a list; ``*`` picks the only object or list among an object's
    values, for venues that name the answer after the market. Raises `BadAnswer`.
    """
    found = answer
    for step in path.split(".") if path else []:
        if step == "*" and isinstance(found, Mapping):
            found = _only_container(found, path)
        elif isinstance(found, Mapping) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isascii() and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            raise _malformed(f"nothing at {path}")
    return found


def price_wad(value: object) -> int:
    """Return a positive decimal, as text or as a number, as an integer of 10**-18, rounded down.

    At most 36 digits, an exponent within +-30, below 10**18: signs, spaces, separators, other
    digits than ASCII, true, null and lists are not prices. Raises `BadAnswer`.
    """
    scaled = _decimal(value, FailureKind.NOT_A_PRICE) * WAD
    if scaled > MAX_VALUE_WAD:
        raise BadAnswer(FailureKind.NOT_A_PRICE, f"too large: {shown(value)}")
    if scaled < 1:
        raise BadAnswer(FailureKind.NOT_A_PRICE, f"not above zero: {shown(value)}")
    return int(scaled)


def amount_wad(value: object) -> int:
    """Return a decimal that may be zero as an integer of 10**-18, rounded up: a width. Raises `BadAnswer`."""
    scaled = _decimal(value, FailureKind.MALFORMED) * WAD
    if scaled > MAX_VALUE_WAD:
        raise _malformed(f"too large: {shown(value)}")
    return -int(-scaled // 1)


def time_ms(value: object, unit: TimeUnit) -> int:
    """Return a source's time as UTC milliseconds, rounded down. Raises `BadAnswer`."""
    if unit != "iso":
        moment_ms = int(_decimal(value, FailureKind.MALFORMED) / _TICKS_PER_MS[unit])
        if moment_ms > MAX_TIME_MS:
            raise _malformed(f"not a time in {unit}: {shown(value)}")
        return moment_ms
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except (TypeError, ValueError, OverflowError):
        # TypeError: a time without its zone can not be compared with UTC
        raise _malformed(f"not a time: {shown(value)}") from None


def shown(value: object) -> str:
    """Return `value` short enough for a failure's detail."""
    return repr(str(value) if isinstance(value, str) else value)[:_SHOWN]


def _decimal(value: object, kind: FailureKind) -> Fraction:
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise BadAnswer(kind, f"not a plain decimal: {shown(value)}")
    whole, fraction, exponent = match[1], match[2] or "", int(match[3] or 0)
    if len(whole) + len(fraction) > MAX_DIGITS or abs(exponent) > MAX_EXPONENT:
        raise BadAnswer(kind, f"out of bounds: {shown(value)}")
    return int(whole + fraction) * Fraction(10) ** (exponent - len(fraction))


def _only_container(table: Mapping[str, object], path: str) -> object:
    containers = [value for value in table.values() if isinstance(value, Mapping | list)]
    if len(containers) != 1:
        raise _malformed(f"{len(containers)} candidates at {path}")
    return containers[0]


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        message = "a key stands twice"
        raise ValueError(message)
    return table


def _refuse_constant(name: str) -> None:
    message = f"{name} is not a JSON number"
    raise ValueError(message)


def _malformed(detail: str) -> BadAnswer:
    return BadAnswer(FailureKind.MALFORMED, detail)
