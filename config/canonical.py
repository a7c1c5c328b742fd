"""One byte sequence for one value: canonical JSON and its digests.

Everything that is hashed (the state log's chain, price sets, the risk policy, decision
inputs) passes through here, so that an auditor can rebuild the same bytes with any JSON
library: UTF-8, keys sorted, no spaces, integers as decimal strings, no floats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from eth_hash.auto import keccak

Json: TypeAlias = "str | bool | None | Sequence[Json] | Mapping[str, Json]"


def canonical_json(value: object) -> str:
    """Return the canonical text of `value`. Integers become strings; a float raises ``TypeError``."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: object) -> str:
    """Return the keccak-256 of the canonical text as 0x-prefixed hex (32 bytes)."""
    return "0x" + keccak(canonical_json(value).encode()).hex()


def _plain(value: object) -> object:
    kind = type(value)
    if kind is str:
        return value
    if kind is dict and isinstance(value, dict):
        return {str(key): item if type(item) is str else _plain(item) for key, item in value.items()}
    match value:
        case None | bool() | str():
            return value
        case int():
            return str(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case bytes() | bytearray():
            return "0x" + bytes(value).hex()
        case Sequence():
            return [_plain(item) for item in value]
        case _:
            message = f"{type(value).__name__} has no canonical form"
            raise TypeError(message)
