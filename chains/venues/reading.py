"""Batched reads for venues: many questions to many contracts, all answered as of one block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, TypeVar

from chains.errors import MalformedAnswer, Reverted

Question: TypeAlias = tuple[str, bytes]
"""A contract's address and the calldata for it."""
Answer: TypeAlias = bytes | Reverted
ValueT = TypeVar("ValueT")


class CallChain(Protocol):
    """What a reader needs of a chain (see `chains.client.ChainClient`)."""

    async def call_many(self, calls: Sequence[Question], block_hash: str) -> list[Answer]:
        """Return each call's answer at this block, in order."""


class Answers:
    """Answers to questions of one block, looked up by the question."""

    def __init__(self, found: dict[Question, Answer]) -> None:
        self._found = found

    def read(self, question: Question, reader: Callable[[bytes], ValueT]) -> ValueT:
        """Return the answer as `reader` takes it. Raises what reverted, or `MalformedAnswer`."""
        answer = self._found[question]
        if isinstance(answer, Reverted):
            raise answer
        try:
            return reader(answer)
        except ValueError as error:
            raise MalformedAnswer(f"{question[0]}: {error}") from error

    def read_or_none(self, question: Question, reader: Callable[[bytes], ValueT]) -> ValueT | None:
        """Return the answer, None if the contract reverted: a feed that is broken is broken for its holders only."""
        return None if isinstance(self._found[question], Reverted) else self.read(question, reader)


async def ask(chain: CallChain, questions: Sequence[Question], block_hash: str) -> Answers:
    """Ask each question once, in one batched read. Raises what the chain's `call_many` raises."""
    once = list(dict.fromkeys(questions))
    answers = await chain.call_many(once, block_hash) if once else []
    return Answers(dict(zip(once, answers, strict=True)))
