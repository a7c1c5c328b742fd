"""What every source is: a name, a group, a pair, a weight; and how it answers.

`BadAnswer` is the one error inside a source. It never leaves it: `Origin.failure` turns
it into a value.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.source_settings import SourceSettings
from oracles.price import FailureKind, Quote, QuoteFailure

DETAIL_LENGTH = 160


class BadAnswer(Exception):
    """A source's answer that is no quote: of what kind, and a detail that is safe to show."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Origin:
    """Who answers, for which pair, and with what weight."""

    name: str
    group: str
    pair: str
    weight: int

    @classmethod
    def of(cls, settings: SourceSettings) -> Origin:
        """Return the origin that `settings` describe."""
        return cls(settings.name, settings.group, settings.pair, settings.weight)

    def quote(
        self, value_wad: int, source_time_ms: int | None, now_ms: int, confidence_wad: int = 0
    ) -> Quote:
        """Return a quote received now. Since when it has not changed is the price book's to say."""
        return Quote(
            source=self.name,
            group=self.group,
            pair=self.pair,
            weight=self.weight,
            value_wad=value_wad,
            confidence_wad=confidence_wad,
            source_time_ms=source_time_ms,
            received_at_ms=now_ms,
            changed_at_ms=now_ms,
        )

    def failure(self, kind: FailureKind, detail: str, now_ms: int) -> QuoteFailure:
        """Return a failure seen now. What the far side wrote is shown cut and in plain ASCII."""
        safe = detail.encode("ascii", "backslashreplace").decode().replace("\n", " ").replace("\r", " ")
        return QuoteFailure(self.name, self.group, self.pair, kind, safe[:DETAIL_LENGTH], now_ms)
