"""What a node meant by refusing a question: JSON-RPC error objects as our errors, by code and text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chains.answers import read_data
from chains.errors import (
    AskForLess,
    ChainError,
    EndpointUnavailable,
    MalformedAnswer,
    NodeRefused,
    NotYetThere,
    RateLimited,
    Reverted,
    clean_text,
)

EXECUTION_REVERTED = 3
"""The code of geth, anvil and most others for a call that reverted."""

_TOO_MUCH = re.compile(
    r"more than \d+ results|too many results|response size|result set|too large|too wide|block range|range limit"
    r"|ranges? over|limited to|max(?:imum)? .*range|query timeout|exceed.* maximum|batch (?:size|limit)|logs matched"
)
_LIMITED = re.compile(
    r"rate.?limit|too many requests|request count exceeded|compute units|throughput|capacity exceeded|throttled"
)
_NOT_THERE = re.compile(
    r"header not found|block not found|unknown block|hash not found|header for hash not found|resource not found"
    r"|not currently canonical|non.?canonical|blockoutofrange|missing trie node|block .* not available"
    r"|state .*(?:not available|unavailable)|required (?:historical )?(?:data|state) unavailable|no state|pruned"
    r"|beyond (?:current )?head|invalid block range"
)
_FAILED_ON_CHAIN = re.compile(
    r"revert|out ?of ?gas|invalid (?:fe ?)?opcode|invalidfeopcode|opcodenotfound|stack (?:under|over)flow|stack ?underflow"
    r"|invalid jump|evm error|vm execution error|gas required exceeds"
)
_BUSY = re.compile(r"timed? ?out|temporarily|unavailable|try again|overloaded|internal server error|backend")


def read_failure(error: object) -> ChainError:
    """Return (not raise) what a JSON-RPC error object means for a read.

    A call that failed on chain is `Reverted`, also when it ran out of gas or hit a bad opcode
    (then without data). An error object without code or text is itself a malformed answer.
    """
    if not isinstance(error, Mapping):
        return MalformedAnswer(f"an error that is not an object: {clean_text(repr(error), 40)}")
    code, text = error.get("code"), error.get("message")
    if not isinstance(code, int) or isinstance(code, bool) or not isinstance(text, str):
        return MalformedAnswer("an error without code and message")
    lowered = text[:2_000].lower()
    if code == EXECUTION_REVERTED or _FAILED_ON_CHAIN.search(lowered):
        return _reverted(error.get("data"), text)
    if _TOO_MUCH.search(lowered):
        return AskForLess(clean_text(text))
    if code in {429, -32005} or _LIMITED.search(lowered):
        return RateLimited(clean_text(text))
    if code == -32001 or _NOT_THERE.search(lowered):
        return NotYetThere(clean_text(text))
    if _BUSY.search(lowered):
        return EndpointUnavailable(clean_text(text))
    return NodeRefused(code, text)


def _reverted(data: object, text: str) -> ChainError:
    found = data.get("data") if isinstance(data, Mapping) else data
    if not isinstance(found, str):
        return Reverted(b"", text)
    try:
        return Reverted(read_data(found.removeprefix("Reverted ")), text)
    except MalformedAnswer:
        return Reverted(b"", text)
