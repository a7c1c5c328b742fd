"""The pinned binary: whose is used, and that nothing with another hash ever is."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import platform
import sys
import tarfile
from pathlib import Path

import pytest

from chains.devnet import anvil, install
from chains.devnet.install import AnvilMissing

BINARY = b"#!/bin/sh\nexit 0\n"
PLATFORM = ("linux", "x86_64")


def package(folder: Path, member: str = "package/bin/anvil") -> Path:
    path = folder / "anvil.tgz"
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(member)
        entry.size = len(BINARY)
        archive.addfile(entry, io.BytesIO(BINARY))
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without anvil, whose npm hands out a package of two lines; its hash is the pinned one."""
    tarball = package(tmp_path)
    pinned = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    root = tmp_path / "checkout"
    root.mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(install, "ROOT", root)
    monkeypatch.setattr(install, "_INTEGRITY", {PLATFORM: ("linux-amd64", pinned)})
    monkeypatch.setattr(install, "_packed", lambda _package, _folder: tarball)
    monkeypatch.setattr(sys, "platform", PLATFORM[0])
    monkeypatch.setattr(platform, "machine", lambda: PLATFORM[1])
    return tmp_path


def test_an_anvil_on_path_wins(machine: Path) -> None:
    ours = machine / "bin" / "anvil"
    ours.parent.mkdir()
    ours.write_bytes(BINARY)
    ours.chmod(0o755)

    assert ours == install.install()


def test_a_package_with_the_pinned_hash_becomes_an_executable_that_is_found_again(machine: Path) -> None:
    assert install.installed() is None

    binary = install.install()

    assert machine / "checkout" / ".tools" / "anvil" == binary
    assert (BINARY, 0o755) == (binary.read_bytes(), binary.stat().st_mode & 0o777)
    assert [binary] == list(binary.parent.iterdir())
    assert binary == install.installed()


def test_a_package_with_another_hash_is_refused_before_it_is_opened(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "_INTEGRITY", {PLATFORM: ("linux-amd64", "AAAA")})

    with pytest.raises(AnvilMissing, match="another hash"):
        install.install()
    assert install.installed() is None


def test_a_platform_without_a_pin_is_told_what_to_install(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")

    assert anvil.main(["install"]) == 1
    assert "no pinned anvil for linux riscv64: install Foundry's anvil" in capsys.readouterr().err


def test_where_the_checkout_can_not_be_written_the_binary_goes_to_the_cache(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(machine / "cache"))
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)

    assert machine / "cache" / "cross-chain-keeper" / f"anvil-{install.VERSION}" == install.install()


def test_the_command_says_where_it_is_and_how_it_is_called(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert anvil.main(["install"]) == 0
    assert capsys.readouterr().out.startswith("anvil: ")
    assert anvil.main([]) == 1
    assert "usage" in capsys.readouterr().err
