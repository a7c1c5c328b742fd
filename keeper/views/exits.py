"""How a command ends: five exit codes, and the error that carries one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What a shell, a supervisor or a monitor is told."""

    FINE = 0
    USAGE = 1
    """The command line or the configuration is wrong; nothing was done."""
    DEGRADED = 2
    """It works, but something it needs is late, missing or held."""
    DOWN = 3
    """No daemon is at work, or what was asked for can not be had."""
    PERSON = 4
    """Waiting does not help: a person has to look and decide."""


class CommandError(Exception):
    """An expected end of a command: what is wrong, what would be right, and the exit code.

    Shown without a traceback. Neither text holds a secret. `findings` are what `--json` adds, an object each.
    """

    def __init__(
        self,
        message: str,
        code: ExitCode = ExitCode.USAGE,
        advice: str = "",
        findings: Sequence[Mapping[str, object]] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.advice = advice
        self.findings = tuple(findings)
