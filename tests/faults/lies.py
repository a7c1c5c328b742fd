"""Answers that a node should never give, one after the other, each as a rule for a proxy."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from itertools import cycle

from chains.devnet.faults.rules import On
from chains.devnet.faults.verdicts import Garbage, Json, Params, Verdict

READS = (
    "eth_getBlockByNumber",
    "eth_getBlockByHash",
    "eth_getLogs",
    "eth_call",
    "eth_getTransactionReceipt",
    "eth_getTransactionCount",
    "eth_feeHistory",
)
OTHER_HASH = "0x" + "66" * 32
OTHER_ADDRESS = "0x" + "77" * 20
BOMB = Garbage(gzip.compress(bytes(256 << 20)), headers={"Content-Encoding": "gzip"})
"""A quarter of a gigabyte of nothing, in a quarter of a megabyte."""


def in_turn(
    methods: Sequence[str] | str, verdicts: Sequence[Verdict], where: Callable[[Params], bool] | None = None
) -> On:
    """Return a rule that goes through the verdicts, one for each call."""
    turn = cycle(verdicts)

    def next_one(method: str, params: Params) -> Verdict:
        return next(turn)

    return On(methods, next_one, where=where)


def of_newest(params: Params) -> bool:
    """Whether a block is asked for as the newest."""
    return bool(params) and params[0] == "latest"


def with_field(field: str, value: Json | Callable[[Json], Json]) -> Callable[[Json], Json]:
    """Return a change of one field of an object, of nothing if it is null."""

    def change(found: Json) -> Json:
        if not isinstance(found, dict):
            return found
        return found | {field: value(found[field]) if callable(value) else value}

    return change


def each_log(change: Callable[[Json], Json]) -> Callable[[Json], Json]:
    """Return a change of every log of an answer."""
    return lambda logs: [change(log) for log in logs]


def further(blocks: int) -> Callable[[Json], Json]:
    """Return a change of a number by so many."""
    return lambda number: hex(max(0, int(number, 16) + blocks))
