"""How an endpoint stands and what it can answer, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Abilities:
    """What one node answers. `batch_calls` is the most that is put in one batch, halved by each refusal;
    `log_range_blocks` the most that was tried and answered.

    `archive_blocks` is how far below its head the node still had state, as far as it was asked.
    """

    logs_by_hash: bool
    call_by_hash: bool
    finalized_tag: bool
    safe_tag: bool
    overrides: bool
    batch_calls: int
    log_range_blocks: int
    archive_blocks: int

    @property
    def missing(self) -> tuple[str, ...]:
        """What the node can not do and what is done here would need, in words."""
        lacks = {
            "logs by block hash": self.logs_by_hash,
            "calls by block hash": self.call_by_hash,
            "batches": self.batch_calls > 1,
            "logs over a range": self.log_range_blocks > 0,
        }
        return tuple(name for name, has in lacks.items() if not has)


class Standing(StrEnum):
    """Whether an endpoint is asked: in this order, the last two not at all."""

    OK = "ok"
    BEHIND = "behind"
    AHEAD = "ahead"
    DEGRADED = "degraded"
    QUARANTINED = "quarantined"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class EndpointReport:
    """How an endpoint stands. `name` is its URL without what is secret in it; `reason` says why it is not ok."""

    number: int
    name: str
    standing: Standing
    reason: str
    height: int | None
    failures: int
    abilities: Abilities | None
