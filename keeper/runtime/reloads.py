"""Taking up another configuration while running: all of it is checked first, then it is swapped in, or refused whole.

Asked for by SIGHUP or by an order (`keeper reload`). What was taken up is in the log as every configuration is that a
run used; what was refused is an alert there, with the reason, and the old one stays in force.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterable
from pathlib import Path

import structlog

from config.canonical import digest
from config.changes import changes, takes_a_restart
from config.loader import Examination, examine
from config.settings import Settings
from config.shown import key_text
from keeper.state.entries import AlertClosed, AlertOpened, ConfigUsed, Entry, OperatorActed
from keeper.state.errors import LogUnavailable
from keeper.state.log import StateLog
from keeper.watch.watcher import Watcher
from oracles.sources.presets import PRESETS

REFUSED = "reload_refused"
"""The alert's key, and the action of an order that was not carried out."""
RELOADED = "reloaded"
_SHOWN = 5

log = structlog.get_logger()


class Refused(Exception):
    """The configuration is not taken up; the text says why."""


class Reloads:
    """Reads the configuration at `path` again whenever `ask` is called. `run` is a supervisor's child."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        watcher: Watcher,
        state_log: StateLog,
        open_alerts: Collection[str],
    ) -> None:
        self._path = path
        self._settings = settings
        self._watcher = watcher
        self._log = state_log
        self._is_told = REFUSED in open_alerts
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Read it again soon. Safe to call from a signal handler; several at once are one."""
        self._asked.set()

    async def run(self) -> None:
        """Wait to be asked, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self.reload()
            except LogUnavailable as error:
                log.error("reload_not_recorded", error=str(error), advice="nothing has changed; ask again")

    async def reload(self) -> bool:
        """Take up what the file says now, or leave everything as it is; return which. Raises `LogUnavailable`."""
        try:
            settings = await self._read()
            prepared = self._watcher.prepare(settings)
        except (Refused, ValueError) as error:
            await self._refuse(str(error)[:500])
            return False
        changed = [key_text(path) for path in changes(self._settings, settings)]
        text = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
        what = _listed(changed) or "nothing has changed"
        entries: list[Entry] = [ConfigUsed(digest(text), text), OperatorActed(RELOADED, what)]
        if self._is_told:
            entries.append(AlertClosed(REFUSED, "the configuration was taken up"))
        # First into the log, then into force: what is decided from here on is judged by it.
        await self._log.write(*entries)
        await self._watcher.adopt(prepared)
        self._settings, self._is_told = settings, False
        log.info("reloaded", changed=changed)
        return True

    async def _read(self) -> Settings:
        examination = await asyncio.to_thread(examine, self._path, PRESETS)
        if examination.settings is None:
            raise Refused(_errors(examination))
        fixed = [path for path in changes(self._settings, examination.settings) if takes_a_restart(path)]
        if fixed:
            raise Refused(f"{_listed(map(key_text, fixed))}: to change this, restart")
        return examination.settings

    async def _refuse(self, reason: str) -> None:
        log.error("reload_refused", reason=reason, advice="nothing has changed; mend the file and ask again")
        alert = AlertOpened(
            REFUSED,
            "warning",
            "a changed configuration was refused; the one before it stays in force",
            reason,
            "keeper check tells what is wrong with it; then ask again: keeper reload",
        )
        await self._log.write(alert, OperatorActed(REFUSED, reason))
        self._is_told = True


def _errors(examination: Examination) -> str:
    return "; ".join(
        f"line {finding.line}: {finding.key} [{finding.code}] {finding.message}"
        for finding in examination.errors[:_SHOWN]
    )


def _listed(keys: Iterable[str]) -> str:
    named = list(keys)
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return ", ".join(named[:_SHOWN]) + more
