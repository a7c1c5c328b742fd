"""Every file in `broken` is refused as its own comments say: ``# <- E301 chains.beta.chain_id`` on the line itself.

The comments are the whole table: a finding that no comment announces fails the test too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from config.codes import CODES
from config.loader import ConfigError, Examination, examine, load

FILES = sorted((Path(__file__).parent / "broken").glob("*.toml"))
PRESETS = ("coinbase", "kraken", "okx")

ANNOUNCED = re.compile(r'<- ([EW]\d{3})(?: ((?:[^\s"#]|"[^"]*")+))?')


def announced(content: bytes) -> list[tuple[int, str, str]]:
    lines = content.decode(errors="replace").split("\n")
    return sorted(
        (number, code, key) for number, line in enumerate(lines, 1) for code, key in ANNOUNCED.findall(line)
    )


def found(examination: Examination) -> list[tuple[int | None, str, str]]:
    return sorted((finding.line, finding.code, finding.key) for finding in examination.findings)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_broken_file_is_refused_with_line_code_and_key(file: Path, place: Callable[[bytes], Path]) -> None:
    path = place(file.read_bytes())

    examination = examine(path, PRESETS)

    assert announced(file.read_bytes()) == found(examination)
    assert {str(path)} == {finding.file for finding in examination.findings}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_finding_says_what_is_wrong_and_what_would_be_right(
    file: Path, place: Callable[[bytes], Path]
) -> None:
    for finding in examine(place(file.read_bytes()), PRESETS).findings:
        assert finding.message
        assert finding.advice
        assert "\n" not in str(finding)
        assert str(finding).startswith(f"{finding.file}:{finding.line}:")
        assert f"{finding.key} [{finding.code}]: {finding.message} -> {finding.advice}".strip() in str(
            finding
        )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_error_keeps_a_file_from_loading_and_a_warning_does_not(
    file: Path, place: Callable[[bytes], Path]
) -> None:
    path = place(file.read_bytes())
    if any(code.startswith("E") for _, code, _ in announced(file.read_bytes())):
        with pytest.raises(ConfigError) as refused:
            load(path, PRESETS)
        assert examine(path, PRESETS).findings == refused.value.findings
        assert refused.value.__cause__ is None
        assert refused.value.__context__ is None
    else:
        assert "keeper.db" == load(path, PRESETS).state_log.name


def test_a_file_is_named_after_the_code_it_shows() -> None:
    for file in FILES:
        assert file.stem[:4].upper() in {code for _, code, _ in announced(file.read_bytes())}


def test_every_code_has_a_broken_file_or_is_about_the_file_system() -> None:
    needs_a_file_system = {"E001", "E002", "E003", "E004", "E203", "W203", "E204", "W204", "W205", "W206"}
    too_long_to_be_shown = {"E011"}

    shown = {code for file in FILES for _, code, _ in announced(file.read_bytes())}

    assert set(CODES) == shown | needs_a_file_system | too_long_to_be_shown
    assert set() == shown & (needs_a_file_system | too_long_to_be_shown)
