"""What an option desk is told after an expiry, by anyone: what the underlying came to, and who is to be settled.

The desk takes the feed's first answer at or after the expiry, and wants to be shown that the one before it is
older. Rounds are found as the desk checks them: by `getRoundData` of the round and of the number before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from chains.errors import Reverted
from chains.hub.codec import selector, word

FIX_SETTLEMENT = selector("fix_settlement(bytes32,uint256,uint256)")
SETTLE = selector("settle(bytes32,bytes32[])")
SETTLEMENT_SELECTORS = (FIX_SETTLEMENT, SETTLE)

PROOF_S = 86_400
"""How long after an expiry the desk wants a proof. From then on the feed's newest answer will do."""
NEWEST = 0
"""The round to name for it."""

_LATEST_ROUND = selector("latestRoundData()")
_GET_ROUND = selector("getRoundData(uint80)")
_PHASE_SHIFT = 64
_FARTHEST = 30
"""Rounds are looked for up to two to this many back: a feed that answers each second, over decades."""
_PROBES = 15


class CallChain(Protocol):
    """What reading needs of a chain (see `chains.client.ChainClient`)."""

    async def call_many(self, calls: Sequence[tuple[str, bytes]], block_hash: str) -> list[bytes | Reverted]:
        """Return each call's answer at this block, in order."""


def fix_call(market: str, expiry_s: int, round_id: int) -> bytes:
    """Return calldata that fixes what a market (0x hex of 32 bytes) came to at an expiry."""
    return FIX_SETTLEMENT + bytes.fromhex(market[2:]) + word(expiry_s) + word(round_id)


def settle_call(series: str, accounts: Sequence[str]) -> bytes:
    """Return calldata that settles accounts (0x hex of 32 bytes) in a series."""
    ids = b"".join(bytes.fromhex(account[2:]) for account in accounts)
    return SETTLE + bytes.fromhex(series[2:]) + word(64) + word(len(accounts)) + ids


class NotProvable(Exception):
    """The feed has answered since, but its rounds do not show which answer was the first."""


async def first_round(chain: CallChain, feed: str, expiry_s: int, block_hash: str) -> int | None:
    """Return the feed's first round at or after `expiry_s`, None while there is none.

    Raises `NotProvable`, and what `call_many` raises. Asks a handful of times, however many rounds there are.
    """
    (answer,) = await chain.call_many([(feed, _LATEST_ROUND)], block_hash)
    newest = _round(answer)
    if newest is None or newest[1] < expiry_s:
        return None
    after = newest[0]
    # Rounds of another phase are another aggregator's: their numbers do not go on.
    least = (after >> _PHASE_SHIFT) << _PHASE_SHIFT
    steps = [1 << power for power in range(_FARTHEST)]
    before, after = _narrowed(
        await _times(chain, feed, [after - step for step in steps if after - step > least], block_hash),
        least,
        after,
        expiry_s,
    )
    while after - before > 1:
        width = after - before
        probes = sorted({before + width * part // (_PROBES + 1) for part in range(1, _PROBES + 1)} - {before})
        before, after = _narrowed(await _times(chain, feed, probes, block_hash), before, after, expiry_s)
    known = await _times(chain, feed, [before, after], block_hash)
    first, last = known[before], known[after]
    if first is None or last is None or not first < expiry_s <= last:
        raise NotProvable(f"round {before} says {first}, round {after} says {last}")
    return after


def _narrowed(times: Mapping[int, int | None], before: int, after: int, expiry_s: int) -> tuple[int, int]:
    """Return the newest round before the expiry and the oldest after it. One that is not there counts as before."""
    earlier = [its for its, at_s in times.items() if at_s is None or at_s < expiry_s]
    before = max([before, *earlier])
    later = [its for its, at_s in times.items() if at_s is not None and at_s >= expiry_s and its > before]
    return before, min([after, *later])


async def _times(
    chain: CallChain, feed: str, rounds: Iterable[int], block_hash: str
) -> dict[int, int | None]:
    """Return when each round was answered, None where it was not."""
    asked = list(rounds)
    if not asked:
        return {}
    calls = [(feed, _GET_ROUND + word(each)) for each in asked]
    answers = await chain.call_many(calls, block_hash)
    found = {its: _round(answer) for its, answer in zip(asked, answers, strict=True)}
    return {its: None if read is None else read[1] for its, read in found.items()}


def _round(answer: bytes | Reverted) -> tuple[int, int] | None:
    """Return a round's number and time, None if the desk would not take it."""
    if isinstance(answer, Reverted) or len(answer) != 160:
        return None
    number, price, _, updated_at, answered_in = (
        int.from_bytes(answer[at : at + 32]) for at in range(0, 160, 32)
    )
    if price == 0 or price >> 255 or answered_in < number or updated_at == 0:
        return None
    return number, updated_at
