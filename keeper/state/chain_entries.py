"""Durable entries about chains: who was stopped, and what their logs did not tell in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from keeper.state.entries import Entry


@dataclass(frozen=True, slots=True)
class ChainStopped(Entry):
    """What was final on a chain is not there any more: nothing is sent there until a person resumes it."""

    kind: ClassVar[str] = "chain_stopped"
    chain: str
    reason: str


@dataclass(frozen=True, slots=True)
class LogsMissed(Entry):
    """Logs of final blocks that were not told when the blocks were new: each as ``block/index``."""

    kind: ClassVar[str] = "logs_missed"
    chain: str
    first_block: int
    last_block: int
    logs: tuple[str, ...]
