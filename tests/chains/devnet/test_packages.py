"""Pinned packages: kept once they are there, and nothing with another hash ever is."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from chains.devnet import packages
from chains.devnet.npm import NpmFailed, sha512, tarball_name
from chains.devnet.packages import Package, fetch, unpacked


def tarball(folder: Path, name: str) -> Path:
    path = folder / tarball_name(name)
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = 2
        archive.addfile(entry, io.BytesIO(b"{}"))
    return path


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """A machine whose npm hands out packages of one file; returns what it was asked for."""
    asked: list[tuple[str, ...]] = []

    def packed(folder: Path, *names: str) -> list[Path]:
        asked.append(names)
        return [tarball(folder, name) for name in names]

    monkeypatch.setattr(packages, "kept", lambda: tmp_path / "kept")
    monkeypatch.setattr(packages, "packed", packed)
    monkeypatch.setattr(packages, "sha512", lambda file: f"hash of {file.name}")
    return asked


def pinned(name: str) -> Package:
    return Package(name, "1.0.0", f"hash of {tarball_name(f'{name}@1.0.0')}")


def test_a_package_is_fetched_once(asked: list[tuple[str, ...]]) -> None:
    one = pinned("@some/thing")

    assert ["package.json"] == [each.name for each in unpacked(one).iterdir()]
    assert unpacked(one) == one.folder
    assert [("@some/thing@1.0.0",)] == asked


def test_several_are_fetched_by_one_call_and_only_what_is_missing(asked: list[tuple[str, ...]]) -> None:
    one, two, three = (pinned(name) for name in ("one", "two", "three"))
    unpacked(two)

    fetch(one, two, three)

    assert [("two@1.0.0",), ("one@1.0.0", "three@1.0.0")] == asked
    assert all(each.folder.is_dir() for each in (one, two, three))


def test_another_hash_is_refused_and_nothing_is_kept(asked: list[tuple[str, ...]]) -> None:
    other = Package("thing", "1.0.0", "another hash")

    with pytest.raises(NpmFailed, match="another hash than the pinned one"):
        unpacked(other)

    assert not other.folder.exists()


def test_what_is_pinned_is_a_hash_as_npm_states_it(tmp_path: Path) -> None:
    shape: Callable[[Path], str] = sha512
    wanted = len(shape(tarball(tmp_path, "x@1")))

    assert {wanted} == {
        len(each.sha512) for each in (packages.AAVE, packages.MORPHO, packages.SOLC, packages.UNISWAP)
    }
