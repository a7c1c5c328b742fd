"""Several endpoints' answers to one question, counted until enough are alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chains.errors import ChainError, NodeRefused, Reverted

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Answer]):
    """What came of asking one endpoint: an answer, a refusal that is an answer as well (`said`), or nothing."""

    answer: Answer | None = None
    answered: bool = False
    said: ChainError | None = None
    failure: ChainError | None = None

    @property
    def key(self) -> Hashable:
        """What is equal for outcomes that are alike."""
        return _key(self.said if self.said is not None else self.answer)

    def result(self) -> Answer:
        """Return the answer, or raise the refusal."""
        if self.said is not None:
            raise self.said
        return self.answer  # type: ignore[return-value]  # it was answered, be it with None


class Poll(Generic[Answer]):
    """Counts outcomes until `needed` of them are alike."""

    def __init__(self, needed: int) -> None:
        self._needed = needed
        self._counts: Counter[Hashable] = Counter()
        self.answers: dict[Hashable, Outcome[Answer]] = {}
        self.failure: ChainError | None = None

    @property
    def missing(self) -> int:
        """How many more endpoints must be asked at the least."""
        return self._needed - max(self._counts.values(), default=0)

    @property
    def agreed(self) -> Outcome[Answer] | None:
        """What enough endpoints said, None while there is no such thing."""
        key, count = next(iter(self._counts.most_common(1)), (None, 0))
        return self.answers[key] if count >= self._needed else None

    @property
    def is_contradicted(self) -> bool:
        """Whether two answers differ."""
        return len(self.answers) > 1

    @property
    def why(self) -> str:
        """Say why there is no agreement."""
        said = sum(self._counts.values())
        if self.is_contradicted:
            return (
                f"{said} endpoints gave {len(self.answers)} different answers, {self._needed} must be alike"
            )
        return f"{said} of {self._needed} endpoints answered: {self.failure or 'there are no more'}"

    def add(self, outcomes: Iterable[Outcome[Answer]]) -> None:
        """Count what endpoints said."""
        for outcome in outcomes:
            if outcome.failure is not None:
                self.failure = outcome.failure
                continue
            self._counts[outcome.key] += 1
            self.answers.setdefault(outcome.key, outcome)


def _key(answer: Any) -> Hashable:  # noqa: ANN401 - whatever a question makes of an answer
    """Return what is equal for answers that say the same. Nodes word their refusals differently."""
    if isinstance(answer, Reverted):
        return ("reverted", answer.data)
    if isinstance(answer, NodeRefused):
        return ("refused", answer.code)
    if isinstance(answer, dict):
        return tuple(sorted((name, _key(value)) for name, value in answer.items()))
    if isinstance(answer, (list, tuple)):
        return tuple(_key(each) for each in answer)
    return answer  # type: ignore[no-any-return]  # bytes, integers, and frozen values
