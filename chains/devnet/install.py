"""Getting the pinned anvil binary: from PATH, from `.tools`, or from npm with its hash checked.

The npm package holds the native binary; its wrapper script is not used, because killing
the wrapper leaves the node running.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from chains.devnet.npm import NpmFailed, packed, sha512

VERSION = "1.7.1"
ROOT = Path(__file__).resolve().parents[2]

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
        if sha512(tarball) != integrity:
            raise AnvilMissing(f"the package of anvil {VERSION} has another hash than the pinned one")
        return _extracted(tarball)


def _destination() -> Path:
    if os.access(ROOT, os.W_OK):
        return ROOT / ".tools" / "anvil"
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "cross-chain-keeper" / f"anvil-{VERSION}"


def _packed(package: str, folder: Path) -> Path:
    try:
        (tarball,) = packed(folder, package)
    except NpmFailed as failure:
        raise AnvilMissing(str(failure)) from None
    return tarball


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
