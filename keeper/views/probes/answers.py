"""What a source's first answer says of its settings."""

from __future__ import annotations

from keeper.views.probes.report import Report, ok, warning
from oracles.price import Quote, QuoteFailure


def subject_of(source: str) -> str:
    """Return what reports about a source are about."""
    return f"sources.{source}"


def judged(source: str, answer: Quote | QuoteFailure) -> Report:
    """Return the report of an answer."""
    if isinstance(answer, Quote):
        return ok(subject_of(source), f"answers for {answer.pair}")
    text = f"{answer.kind.value}: {answer.detail}" if answer.detail else answer.kind.value
    return warning(subject_of(source), text, "look at its url, symbol, preset, address and decimals")
