"""What a node can answer, found out by asking it: nodes and providers differ in what they leave out.

Asked once when a node is met and again after it was away; what comes back may be another version, or
another machine behind the same address.
"""

from __future__ import annotations

from collections.abc import Sequence

from chains.answers import read_head
from chains.blocks import Head
from chains.endpoint import BATCH_CALLS, Call, Endpoint
from chains.endpoint_report import Abilities

LOG_RANGES = (2_000, 500, 100, 10)
DEPTHS = (1_000_000, 100_000, 10_000, 1_000, 128)
"""How far back state is asked for; 128 blocks is what a node keeps that is no archive."""

_NOBODY = "0x000000000000000000000000000000000000dead"
_ONE = "0x600160005260206000f3"
"""Code that returns the number 1, for a call that lends it to an address."""


async def probe(endpoint: Endpoint, chain: str) -> Abilities:
    """Find out what a node can answer, in two requests. Raises `ChainError` if it does not answer at all."""
    endpoint.batch_limit = BATCH_CALLS
    latest = read_head(chain, await endpoint.request("eth_getBlockByNumber", ["latest", False]))
    ranges = [span for span in LOG_RANGES if span <= latest.number] or [latest.number + 1]
    depths = [depth for depth in DEPTHS if depth <= latest.number]
    answers = await endpoint.batch(_questions(latest, ranges, depths))
    finalized, safe, by_hash, call, lent = answers[:5]
    spans, balances = answers[5 : 5 + len(ranges)], answers[5 + len(ranges) :]
    return Abilities(
        logs_by_hash=isinstance(by_hash, list),
        call_by_hash=_is_data(call),
        finalized_tag=isinstance(finalized, dict),
        safe_tag=isinstance(safe, dict),
        overrides=_is_data(lent) and str(lent).endswith("01"),
        batch_calls=endpoint.batch_limit,
        log_range_blocks=_first(ranges, [isinstance(answer, list) for answer in spans]),
        archive_blocks=_first(
            [*depths, latest.number], [*(isinstance(answer, str) for answer in balances), not depths]
        ),
    )


def _questions(latest: Head, ranges: Sequence[int], depths: Sequence[int]) -> list[Call]:
    pinned = {"blockHash": latest.hash, "requireCanonical": True}
    return [
        ("eth_getBlockByNumber", ["finalized", False]),
        ("eth_getBlockByNumber", ["safe", False]),
        ("eth_getLogs", [{"blockHash": latest.hash, "address": _NOBODY}]),
        ("eth_call", [{"to": _NOBODY, "data": "0x"}, pinned]),
        ("eth_call", [{"to": _NOBODY, "data": "0x"}, "latest", {_NOBODY: {"code": _ONE}}]),
        *(
            (
                "eth_getLogs",
                [
                    {
                        "fromBlock": hex(latest.number - span + 1),
                        "toBlock": hex(latest.number),
                        "address": _NOBODY,
                    }
                ],
            )
            for span in ranges
        ),
        *(("eth_getBalance", [_NOBODY, hex(latest.number - depth)]) for depth in depths),
    ]


def _first(sizes: Sequence[int], answered: Sequence[bool]) -> int:
    return next((size for size, had in zip(sizes, answered, strict=True) if had), 0)


def _is_data(answer: object) -> bool:
    return isinstance(answer, str) and answer.startswith("0x")
