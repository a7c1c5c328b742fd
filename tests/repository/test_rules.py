"""The repository's own rules, where no linter has one for them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 70

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "chains",
    "config",
    "docs",
    "keeper",
    "oracles",
    "pyproject.toml",
    "tests",
}

# Where a failure of one task must not be noticed by the others. `oracles` may not import the keeper's supervisor.
BROAD_EXCEPTS_AT_HOME = {"keeper/runtime/supervisor.py", "oracles/service.py"}

# The classes in brackets keep this file from finding itself.
FOREIGN = {
    "a path of one machine": re.compile(r"(?<![\w.])/([w]ork|[t]mp|home/[a-z]+|[r]oot)/"),
    "a registry's host": re.compile(r"[p]ypi\.org|[p]ythonhosted|[n]pmjs|[c]rates\.io|[g]olang\.org"),
    "unfinished work": re.compile(r"\b([T]ODO|[F]IXME|[X]XX|[H]ACK)\b"),
    "who or what wrote it, or on which ticket": re.compile(
        r"\b([i]ssue|[t]icket) #?\d|[c]o-authored-by|\b[A]I\b|\b[a]ssistants?\b",
        re.IGNORECASE,
    ),
}


def python_files(files: list[Path], root: Path) -> Iterator[tuple[str, str]]:
    for path in files:
        if path.suffix == ".py":
            yield path.relative_to(root).as_posix(), path.read_text()


def test_only_the_agreed_entries_stand_at_the_top(repository_files: list[Path], root: Path) -> None:
    found = {path.relative_to(root).parts[0] for path in repository_files}

    assert set() == found - TOP_LEVEL


def test_no_file_is_longer_than_400_lines(repository_files: list[Path], root: Path) -> None:
    long = {
        name: lines
        for name, text in python_files(repository_files, root)
        if (lines := text.count("\n")) > FILE_LINES
    }

    assert {} == long


def test_no_function_is_longer_than_70_lines(repository_files: list[Path], root: Path) -> None:
    long = [
        f"{name}:{node.lineno} {node.name}"
        for name, text in python_files(repository_files, root)
        if not name.startswith("tests/")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]

    assert [] == long


def test_only_the_supervisor_catches_everything(repository_files: list[Path], root: Path) -> None:
    broad = [
        f"{name}:{node.lineno}"
        for name, text in python_files(repository_files, root)
        if not name.startswith("tests/") and name not in BROAD_EXCEPTS_AT_HOME
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ExceptHandler) and not _reraises(node) and _is_broad(node.type)
    ]

    assert [] == broad


def test_no_text_holds_what_does_not_belong_here(repository_files: list[Path], root: Path) -> None:
    found = []
    for path in repository_files:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for what, pattern in FOREIGN.items():
            found += [f"{path.relative_to(root)}: {what}: {match[0]}" for match in pattern.finditer(text)]

    assert [] == found


def _is_broad(caught: ast.expr | None) -> bool:
    match caught:
        case None:
            return True
        case ast.Name(id=name):
            return name in {"Exception", "BaseException"}
        case ast.Tuple(elts=parts):
            return any(_is_broad(part) for part in parts)
        case _:
            return False


def _reraises(handler: ast.ExceptHandler) -> bool:
    """Whether the handler only cleans up: it ends by raising what it caught."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
