from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from chains.devnet.npm import sha512, tarball_name
from tests.oracles.contracts import packages
from tests.oracles.contracts.packages import ForeignPackage, creation_code

PACKAGE = "@somebody/contracts@1.2.3"


def tarball(folder: Path, member: str, text: str) -> Path:
    path = folder / tarball_name(PACKAGE)
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(f"package/{member}")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that hands out one package, whose hash is the pinned one."""
    served = tmp_path / "served"
    served.mkdir()
    path = tarball(served, "One.json", json.dumps({"bytecode": "0x6001"}))
    monkeypatch.setattr(packages, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(packages, "INTEGRITY", {PACKAGE: sha512(path)})

    def packed(folder: Path, *names: str) -> list[Path]:
        copies = [folder / tarball_name(name) for name in names]
        for copy in copies:
            copy.write_bytes((served / copy.name).read_bytes())
        return copies

    monkeypatch.setattr(packages, "packed", packed)
    packages._member.cache_clear()
    return served


def test_the_name_of_a_tarball_is_npms() -> None:
    assert "somebody-contracts-1.2.3.tgz" == tarball_name(PACKAGE)
    assert "solc-0.8.30.tgz" == tarball_name("solc@0.8.30")


def test_a_hash_is_written_as_npm_writes_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert base64.b64encode(hashlib.sha512(b"abc").digest()).decode() == sha512(tmp_path / "file")


def test_a_package_is_fetched_once(npm: Path) -> None:
    assert b"\x60\x01" == creation_code(PACKAGE, "One.json")
    (npm / tarball_name(PACKAGE)).unlink()
    packages._member.cache_clear()
    assert b"\x60\x01" == creation_code(PACKAGE, "One.json")


def test_a_package_with_another_hash_is_refused_and_not_kept(npm: Path, tmp_path: Path) -> None:
    tarball(npm, "One.json", json.dumps({"bytecode": "0x6002"}))
    with pytest.raises(ForeignPackage, match="another hash"):
        creation_code(PACKAGE, "One.json")
    assert not (tmp_path / "cache" / tarball_name(PACKAGE)).exists()
