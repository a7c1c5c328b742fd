"""How deep a JSON text nests, found without parsing it.

The parser recurses in C as deep as Python's recursion limit lets it, and a library that is
loaded here raises that limit to 100,000. A text of a few hundred thousand brackets from a node
or a venue would then end the process instead of raising, so depth is bounded before parsing.
"""

from __future__ import annotations

import re

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def nests_deeper(text: bytes, limit: int) -> bool:
    """Return whether `text` opens more than `limit` lists and objects in each other. Takes linear time."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        first = token[0][:1]
        if first in {b"[", b"{"}:
            depth += 1
            if depth > limit:
                return True
        elif first != b'"':
            depth -= 1
    return False
