"""From a TOML file to `Settings`: read, parse, validate, check; every finding with its file, line and key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.checks import check
from config.errors import ConfigError, Finding, KeyPath, Remark, Severity
from config.fields import BASE_DIRECTORY
from config.files import check_files, is_replaceable
from config.pasted import pasted_secrets
from config.positions import Positions
from config.reading import Document, FileRefused, read
from config.refused import remarks_on
from config.scanner import MAX_DEPTH, TooDeep, scan
from config.settings import Mode, Settings
from config.shown import key_text, printable
from config.slips import interpolations
from config.syntax import SyntaxRefused, parse
from config.unknown import meant_key, value_of

__all__ = ["ConfigError", "Examination", "examine", "load"]


_NO_SUCH_KEY = frozenset({"E101", "E205"})


@dataclass(frozen=True, slots=True)
class Examination:
    """All that is to be said about a file. `settings` is None exactly if a finding is an error.

    `complete` is False if some checks could not run because of what was found first.
    """

    settings: Settings | None
    findings: tuple[Finding, ...]
    complete: bool = True

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep the file from being used."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that an operator should know and may live with."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)


def load(path: Path | str, presets: Collection[str] | None = None) -> Settings:
    """Return the settings in the file at `path`. Raises `ConfigError` with all findings.

    `presets` are the names of venues that sources may use; without them names are not checked.
    """
    examination = examine(path, presets)
    if examination.settings is None:
        raise ConfigError(examination.findings, complete=examination.complete)
    return examination.settings


def examine(path: Path | str, presets: Collection[str] | None = None) -> Examination:
    """Return all findings in the file at `path`, and its settings if they can be used. Never raises for its content."""
    file = Path(path)
    name = printable(str(path))
    try:
        document = read(file)
        positions = scan(document.text)
        values = parse(document.text, positions)
    except FileRefused as refused:
        return _only(_finding(name, refused.remark, refused.line))
    except TooDeep as deep:
        remark = Remark((), "E009", f"nested deeper than {MAX_DEPTH} levels", "settings need five at most")
        return _only(_finding(name, remark, deep.line))
    except SyntaxRefused as refused:
        return _only(_finding(name, refused.remark, refused.line, refused.column))
    if not values:
        advice = "start from config/example.toml of this program"
        return _only(_finding(name, Remark((), "E005", "the file says nothing", advice), 1))
    return _Examiner(name, file, document, positions, values).examine(presets)


def _only(finding: Finding) -> Examination:
    return Examination(None, (finding,), complete=False)


def _finding(file: str, remark: Remark, line: int | None, column: int | None = None) -> Finding:
    return Finding(file, line, key_text(remark.key), remark.code, remark.message, remark.advice, column)


@dataclass(frozen=True, slots=True)
class _Examiner:
    name: str
    file: Path
    document: Document
    positions: Positions
    values: Mapping[str, Any]

    def examine(self, presets: Collection[str] | None) -> Examination:
        found = [
            _finding(self.name, remark, line)
            for remark, line in pasted_secrets(self.document.text, self.positions)
        ]
        found += self._placed(interpolations(self.values))
        settings, refused = self._validated()
        found += self._beside(found, refused)
        checked = self._repaired(refused) if settings is None else settings
        if checked is not None:
            remarks = [*check(checked, presets), *check_files(checked)]
            found += self._beside(found, _elsewhere(remarks, refused))
        found += self._placed(self._open_file(checked))
        found.sort(key=lambda finding: (finding.line or 0, finding.key, finding.code))
        usable = all(finding.severity is Severity.WARNING for finding in found)
        return Examination(settings if usable else None, tuple(found), complete=checked is not None)

    def _placed(self, remarks: Iterable[Remark]) -> list[Finding]:
        return [_finding(self.name, remark, self.positions.line(remark.key)) for remark in remarks]

    def _beside(self, found: Iterable[Finding], remarks: Iterable[Remark]) -> list[Finding]:
        """Place the remarks on keys of which nothing is said yet: the first word on a value is the best."""
        told = {finding.key for finding in found if finding.key}
        return [finding for finding in self._placed(remarks) if finding.key not in told]

    def _validated(self) -> tuple[Settings | None, list[Remark]]:
        try:
            return self._settings(self.values), []
        except ValidationError as error:
            return None, remarks_on(error, self.values)

    def _settings(self, values: Mapping[str, Any]) -> Settings:
        return Settings.model_validate(values, context={BASE_DIRECTORY: self.file.absolute().parent})

    def _repaired(self, refused: Iterable[Remark]) -> Settings | None:
        """Return the settings with misspelt keys as they were meant and others left out, if that is all.

        So that one misspelt key does not hide what the checks have to say.
        """
        values = deepcopy(dict(self.values))
        for remark in refused:
            if remark.code in _NO_SUCH_KEY:
                table = value_of(values, remark.key[:-1])
                assert isinstance(table, dict)  # noqa: S101 - what has an unknown key is a table
                value = table.pop(remark.key[-1])
                if (meant := meant_key(remark.key, self.values)) is not None:
                    table.setdefault(meant, value)
        try:
            return self._settings(values)
        except ValidationError:
            return None

    def _open_file(self, settings: Settings | None) -> list[Remark]:
        if not self.document.writable_by_all and not is_replaceable(self.file.absolute().parent):
            return []
        mode = self.values.get("mode") if settings is None else settings.mode
        code = "E203" if mode == Mode.LIVE else "W203"
        message = "every user of this machine can change or replace this file"
        return [Remark((), code, message, "chmod o-w the file, and its directory")]


def _elsewhere(remarks: Iterable[Remark], refused: Iterable[Remark]) -> list[Remark]:
    """Drop remarks on tables with a misspelt key: they may be about what only its repair put there."""
    tables: set[KeyPath] = {remark.key[:-1] for remark in refused} - {()}
    return [remark for remark in remarks if not any(remark.key[: len(table)] == table for table in tables)]
