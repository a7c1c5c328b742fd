"""The documents are true: what they name exists, and what exists is named."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from config.settings import Settings
from keeper.views.cli import COMMANDS


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


def shell_lines(text: str) -> list[str]:
    return [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


def test_the_readme_begins_with_the_two_commands(readme: str) -> None:
    assert ["make demo", "make test"] == shell_lines(readme)[:2]


def test_every_command_is_in_the_readme(readme: str) -> None:
    shown = {line.split()[1] for line in shell_lines(readme) if line.startswith("keeper ")}

    assert set(COMMANDS) - {"demo"} == shown


def test_every_make_target_that_a_document_names_exists(root: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    named = {
        target
        for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
        for target in re.findall(
            r"(?:^|`)(?:\w+=\S+ )?make ([a-z-]+)", (root / name).read_text(), re.MULTILINE
        )
    }

    assert set() == named - targets
    assert {"demo", "test", "check", "bench", "test-slow", "format"} <= named | targets


def test_every_file_that_a_document_names_exists(root: Path) -> None:
    missing = [
        f"{name}: {path}"
        for name in ("README.md", "CONTRIBUTING.md")
        for path in _paths((root / name).read_text())
        if not (root / path).exists()
    ]

    assert [] == missing


def test_every_setting_is_in_the_example(root: Path) -> None:
    example = (root / "config" / "example.toml").read_text()
    tomllib.loads(example)

    missing = [key for key in sorted(set(_keys(Settings))) if not re.search(rf"\b{key}\b", example)]

    assert [] == missing


def _paths(text: str) -> Iterator[str]:
    for path in re.findall(r"`((?:config|oracles|chains|keeper|tests|docs|\.ci)/[\w./-]+)`", text):
        yield path.rstrip("/")
    yield from re.findall(r"\]\(([\w./-]+)\)", text)


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for inner in _models(field.annotation):
            yield from _keys(inner)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
