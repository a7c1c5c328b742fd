"""What is installed is what was locked: exact versions, hashes, and no address to fetch them from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ALL_LOCKS = sorted(path.name for path in (Path(__file__).parents[2] / ".ci").glob("*.lock"))
LOCKS = {"requirements.lock": (), "requirements-dev.lock": ("dev",)}

PIN = re.compile(
    r"^([a-z0-9._-]+)==(\S+)( ; [^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


@pytest.mark.parametrize("name", ALL_LOCKS)
def test_a_lock_holds_nothing_but_pinned_and_hashed_requirements(root: Path, name: str) -> None:
    rest = PIN.sub("", (root / ".ci" / name).read_text())

    assert [] == [line for line in rest.splitlines() if line.strip() and not line.strip().startswith("#")]


@pytest.mark.parametrize("name", ALL_LOCKS)
def test_a_lock_names_no_address(root: Path, name: str) -> None:
    assert "://" not in (root / ".ci" / name).read_text()


@pytest.mark.parametrize(("name", "extras"), LOCKS.items())
def test_a_lock_satisfies_what_the_project_asks_for(root: Path, name: str, extras: Sequence[str]) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    asked = [
        *project["dependencies"],
        *(text for extra in extras for text in project["optional-dependencies"][extra]),
    ]
    locked: dict[str, list[Version]] = {}
    for match in PIN.finditer((root / ".ci" / name).read_text()):
        locked.setdefault(match[1], []).append(Version(match[2]))

    unmet = [
        str(requirement)
        for requirement in map(Requirement, asked)
        if not locked.get(requirement.name)
        or not all(requirement.specifier.contains(version) for version in locked[requirement.name])
    ]

    assert [] == unmet
