"""Frozen values as canonical JSON and back: what decisions are recorded as and replayed from.

Driven by the dataclasses' own annotations, so that a new field is encoded without being named
here. Integers are decimal text, since JSON readers elsewhere round large ones. Decoding is
strict: a field missing, unknown or of another type is `Undecodable`. A field marked to be left out while it is
empty is named only if it is not.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from config.canonical import Json
from keeper.domain.account import LEFT_OUT_IF_EMPTY
from oracles.price import Price

T = TypeVar("T")


class Undecodable(ValueError):
    """The text is not of the value it should be: tampered with, cut, or of another version. Names the field."""


def encode(value: object) -> Json:
    """Return `value` as JSON can hold it. Raises ``TypeError`` for what has no place there, floats above all."""
    if isinstance(value, Enum):
        return encode(value.value)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return {_name(key): encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        left_out = _left_out(type(value))
        return {
            name: encode(getattr(value, name))
            for name in _hints(type(value))
            if name not in left_out or getattr(value, name)
        }
    raise TypeError(f"{type(value).__name__} has no canonical form")


def decode(kind: type[T], json: Json) -> T:
    """Return the value of class `kind` that `json` is the encoding of. Raises `Undecodable`."""
    found: T = _decode(kind, json, kind.__name__)
    return found


def without_tree(price: Price) -> Price:
    """Return a price without the quotes it came from: health depends on the interval only.

    The quotes are recorded under the price set's id.
    """
    return dataclasses.replace(price, uses=(), via=None, paths=())


def _name(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key must be text, not {type(key).__name__}")
    return str(key)


@cache
def _left_out(kind: type) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(kind) if LEFT_OUT_IF_EMPTY in field.metadata)


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _decode(kind: Any, json: Json, where: str) -> Any:  # noqa: ANN401 - one function for every annotation
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        return _decode_optional(kind, json, where)
    if origin is tuple:
        if isinstance(json, str) or not isinstance(json, (list, tuple)):
            raise Undecodable(f"{where}: not a list")
        return tuple(_decode(get_args(kind)[0], item, where) for item in json)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(json, Mapping):
            raise Undecodable(f"{where}: not an object")
        return {key: _decode(get_args(kind)[1], item, f"{where}.{key}") for key, item in json.items()}
    return _decode_plain(kind, json, where)


def _decode_optional(kind: Any, json: Json, where: str) -> Any:  # noqa: ANN401 - as above
    if json is None:
        return None
    (inner,) = (option for option in get_args(kind) if option is not type(None))
    return _decode(inner, json, where)


def _decode_plain(kind: Any, json: Json, where: str) -> Any:  # noqa: ANN401 - as above
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        named = set(hints) - _left_out(kind)
        if not isinstance(json, Mapping) or not named <= set(json) <= set(hints):
            raise Undecodable(f"{where}: not an object of exactly {', '.join(hints)}")
        return kind(**{name: _decode(hints[name], its, f"{where}.{name}") for name, its in json.items()})
    if kind is bool:
        if not isinstance(json, bool):
            raise Undecodable(f"{where}: not true or false")
        return json
    if not isinstance(json, str):
        raise Undecodable(f"{where}: not text")
    try:
        if issubclass(kind, Enum):
            return kind(_whole(json) if issubclass(kind, int) else json)
        return _whole(json) if issubclass(kind, int) else json
    except ValueError as error:
        raise Undecodable(f"{where}: {error}") from error


def _whole(text: str) -> int:
    number = int(text)
    if str(number) != text:
        raise ValueError(f"{text!r} is not a plain whole number")
    return number
