"""Carrying out verdicts on the calls of one request: which go to which node, and what becomes of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

import aiohttp

from chains.devnet.faults.verdicts import (
    Change,
    Crumbs,
    Cut,
    Envelope,
    Fail,
    Garbage,
    Give,
    Json,
    LeaveOut,
    Oversize,
    Refuse,
    Stall,
    Twice,
    Verdict,
    Via,
    Yet,
)

Message: TypeAlias = dict[str, Any]
_OF_REQUEST = (Cut, Stall, Refuse, Garbage, Oversize, Crumbs)


@dataclass(frozen=True, slots=True)
class Decided:
    """The calls of one request with what was decided for each, and for the request as a whole."""

    items: Sequence[Message]
    verdicts: Sequence[Verdict | None]
    whole: Verdict | None = None

    @classmethod
    def of(cls, items: Sequence[Message], verdicts: Sequence[Verdict | None]) -> Self:
        """Take the first verdict on the whole request, if any call got one, as the request's."""
        whole = next((verdict for verdict in verdicts if isinstance(verdict, _OF_REQUEST)), None)
        return cls(items, [None if isinstance(each, _OF_REQUEST) else each for each in verdicts], whole)


@dataclass
class _Passed:
    """The calls that one node is asked, each under its place in the request."""

    messages: list[Message] = field(default_factory=list)

    def add(self, index: int, item: Message, *, times: int = 1) -> None:
        self.messages += [{**item, "id": f"{index}.{time}"} for time in range(times)]


async def answers(session: aiohttp.ClientSession, upstream: str, decided: Decided) -> list[Json]:
    """Return the answers in the order of the calls, those that are left out missing. Raises ``aiohttp.ClientError``."""
    passed: dict[str, _Passed] = {}
    for index, (item, verdict) in enumerate(zip(decided.items, decided.verdicts, strict=True)):
        if isinstance(verdict, Give | Fail | LeaveOut):
            continue
        where = verdict.upstream if isinstance(verdict, Via) else upstream
        passed.setdefault(where, _Passed()).add(index, item, times=2 if isinstance(verdict, Twice) else 1)
    said: dict[str, Message] = {}
    for where, messages in passed.items():
        async with session.post(where, json=messages.messages) as response:
            said |= {answer["id"]: answer for answer in await response.json(content_type=None)}
    found = []
    for index, (item, verdict) in enumerate(zip(decided.items, decided.verdicts, strict=True)):
        if not isinstance(verdict, LeaveOut):
            found.append(_answer(item, verdict, said.get(f"{index}.0", {})))
    return found


def _answer(item: Message, verdict: Verdict | None, said: Message) -> Json:
    honest = {**said, "id": item.get("id")}
    match verdict:
        case Give() | Fail():
            return answer_here(item, verdict)
        case Yet(answer):
            return answer_here(item, answer)
        case Change(how) if "result" in honest:
            return {**honest, "result": how(honest["result"])}
        case Envelope(how):
            return how(honest)
    return honest


def answer_here(item: Message, verdict: Give | Fail) -> Message:
    """Return the answer to a call that the node is not asked about."""
    envelope: Message = {"jsonrpc": "2.0", "id": item.get("id")}
    if isinstance(verdict, Give):
        return envelope | {"result": verdict.result}
    error: Message = {"code": verdict.code, "message": verdict.message}
    return envelope | {"error": error if verdict.data is None else error | {"data": verdict.data}}
