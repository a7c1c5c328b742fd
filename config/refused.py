"""What pydantic refuses, told as remarks: where, what is wrong, what would be right.

pydantic's own texts are for programmers and may quote the value; only its kinds of error
and its limits are used here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any

from pydantic import ValidationError

from config.codes import CODES
from config.errors import KeyPath, Remark
from config.examples import EXAMPLES
from config.shown import key_text, value_text
from config.units import BPS
from config.unknown import unknown_key, value_of

MAX_REMARKS = 100
"""More are not looked at: a file with so many is another file."""

_TAGGED = "sources"
"""pydantic puts a source's kind into the place of what is wrong in it."""

_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_UNITS = {"_bps": " bps (10000 is all of it)", "_s": " s", "_wei": " wei"}


def remarks_on(error: ValidationError, document: Mapping[str, Any]) -> list[Remark]:
    """Return one remark per place that pydantic refused, at most `MAX_REMARKS` and one that says so.

    An array that is too short only because its elements were refused is no finding of its own.
    """
    details = [
        detail
        for detail in error.errors(include_url=False, include_input=False)
        if not (detail["type"] == "too_short" and value_of(document, _path(detail["loc"])))
    ]
    remarks: dict[KeyPath, Remark] = {}
    for detail in details[:MAX_REMARKS]:
        remark = _remark(detail["type"], _path(detail["loc"]), detail.get("ctx", {}), document)
        remarks.setdefault(remark.key, remark)
    if len(details) > MAX_REMARKS:
        more = f"{len(details) - MAX_REMARKS} more places are refused"
        remarks[()] = Remark(
            (), "E011", more, "this may be another program's file; config/example.toml is one of ours"
        )
    return list(remarks.values())


def _path(location: tuple[str | int, ...]) -> KeyPath:
    path = tuple(part for part in location if part != "[key]")
    if path[:1] == (_TAGGED,) and len(path) > 2:
        path = (*path[:2], *path[3:])
    return path


def _remark(kind: str, path: KeyPath, context: Mapping[str, Any], document: Mapping[str, Any]) -> Remark:
    value = value_of(document, path)
    if kind in CODES:
        return Remark(path, kind, context["message"], context["advice"])
    if kind in _LIMITS:
        return _out_of_range(kind, path, context, value)
    if kind in _BY_KIND:
        return _BY_KIND[kind](path, value)
    match kind:
        case "union_tag_invalid":
            tag = (*path, "kind")
            return _not_a_choice(tag, value_of(document, tag), context["expected_tags"])
        case "enum" | "literal_error":
            return _not_a_choice(path, value, context["expected"])
        case "extra_forbidden":
            return unknown_key(path, document)
        case _:
            return _wrong_type(kind, path, value)


def _missing(path: KeyPath, _: object = None) -> Remark:
    return Remark(path, "E102", f"{path[-1]} is missing", f"add it to {_table(path[:-1])}: {_example(path)}")


def _no_kind(path: KeyPath, value: object) -> Remark:
    return _missing((*path, "kind")) if isinstance(value, dict) else _no_table(path, value)


def _empty(path: KeyPath, _: object) -> Remark:
    return Remark(path, "E125", f"{path[-1]} is empty", f"it needs at least one: {_example(path)}")


def _table(path: KeyPath) -> str:
    if not path:
        return "the top of the file"
    text = key_text(path)
    return f"{text}" if isinstance(path[-1], int) else f"[{text}]"


def _example(path: KeyPath) -> str:
    return EXAMPLES.get(str(path[-1]), f"{path[-1]} = ...")


def _out_of_range(kind: str, path: KeyPath, context: Mapping[str, Any], value: object) -> Remark:
    limit, words = _LIMITS[kind]
    unit = next((unit for end, unit in _UNITS.items() if str(path[-1]).endswith(end)), "")
    message = f"{value_text(value)} is out of range"
    return Remark(path, "E109", message, f"it must be {words} {context[limit]}{unit}")


def _not_a_choice(path: KeyPath, value: object, expected: str) -> Remark:
    choices = [word.strip("' ") for word in expected.replace(" or ", ", ").split(",")]
    near = get_close_matches(str(value)[:40].lower(), choices, 1)
    advice = f'did you mean "{near[0]}"? ' if near else ""
    listed = ", ".join(f'"{choice}"' for choice in choices)
    return Remark(
        path, "E117", f"{value_text(value)} is not one of the choices", f"{advice}it can be {listed}"
    )


def _no_array(path: KeyPath, value: object) -> Remark:
    several = f"there may be several: write [[{key_text(path)}]] with two brackets"
    advice = several if isinstance(value, dict) else "write [ ] around its elements"
    return Remark(path, "E126", f"{value_text(value)} where an array is needed", advice)


def _no_table(path: KeyPath, value: object) -> Remark:
    name = key_text(path)
    advice = f"write a header [{name}] and its keys below it"
    if isinstance(path[-1], int):
        advice = "write { key = value, ... }, or a header of its own for each"
    elif isinstance(value, list):
        advice = f"write its header with one bracket on each side and a name in it: [{name}.NAME]"
    return Remark(path, "E126", f"{value_text(value)} where a table is needed", advice)


def _wrong_type(kind: str, path: KeyPath, value: object) -> Remark:
    is_text = kind.startswith(("string", "path"))
    message = f"{value_text(value)} where {'text' if is_text else 'a number'} is needed"
    if is_text:
        return Remark(path, "E103", message, f"write text in quotes: {_example(path)}")
    match value:
        case bool():
            code, advice = "E105", "write the number"
        case float() if not isfinite(value):
            code, advice = "E108", "write a finite number"
        case float():
            code, advice = "E106", _whole(str(path[-1]), value)
        case str():
            code, advice = (
                "E104",
                f"write {'a whole' if kind.startswith('int') else 'the'} number without quotes",
            )
        case _:
            code, advice = "E103", "write a number"
    return Remark(path, code, message, advice)


def _whole(key: str, value: float) -> str:
    """Return what a fraction may have been meant as: a share of 0.95 is 9500 basis points, and never 95."""
    if key.endswith("_bps") and 0 <= value <= 1:
        return f"in basis points {value_text(value)} is {round(value * BPS)}"
    return "write a whole number, without a point"


_BY_KIND: Mapping[str, Callable[[KeyPath, object], Remark]] = {
    "missing": _missing,
    "union_tag_not_found": _no_kind,
    "model_type": _no_table,
    "model_attributes_type": _no_table,
    "dict_type": _no_table,
    "tuple_type": _no_array,
    "too_short": _empty,
    "string_too_short": _empty,
}
