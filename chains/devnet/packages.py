"""Other people's packages for local chains: fetched once by npm, checked against a pinned hash, kept in `.tools`.

| package | what is used | licence |
|---|---|---|
| @aave/core-v3 1.19.3 | artifacts of Aave v3.0.2 | BUSL-1.1 |
| @morpho-org/morpho-blue 1.0.0 | sources of Morpho Blue and of its mocks | BUSL-1.1, mocks GPL-2.0 |
| @uniswap/v3-core 1.0.1 | artifacts of factory and pool | BUSL-1.1 |
| solc 0.8.19 | the compiler that Morpho Blue was built with | MIT |

Nothing of them is part of the repository: their licences allow to run them here, not to hand them on.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chains.devnet.npm import ROOT, NpmFailed, packed, sha512


@dataclass(frozen=True, slots=True)
class Package:
    """A package of one version. `sha512` is its tarball's, as npm states it."""

    name: str
    version: str
    sha512: str

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return kept() / f"{self.name.strip('@').replace('/', '-')}-{self.version}"


AAVE = Package(
    "@aave/core-v3",
    "1.19.3",
    "Xr7+VcoU5b4mPwM4IUCnskw3lciwrnL4Xloyad8GOddYeixnri2lZYobNmErm1LwE50vqjI0O+9QGNKY2TDkeQ==",
)
MORPHO = Package(
    "@morpho-org/morpho-blue",
    "1.0.0",
    "MKtzYMRE65B1hVJYAPtml3ecHPY2e/SL3JRvM7XWjtbnWQX6U/C3beSdxr7v+rHaVJ0ri/dUPxvNfWtr0NZdGw==",
)
SOLC = Package(
    "solc",
    "0.8.19",
    "yqurS3wzC4LdEvmMobODXqprV4MYJcVtinuxgrp61ac8K2zz40vXA0eSAskSHPgv8dQo7Nux39i3QBsHx4pqyA==",
)
UNISWAP = Package(
    "@uniswap/v3-core",
    "1.0.1",
    "7pVk4hEm00j9tc71Y9+ssYpO6ytkeI0y7WE9P6UcmNzhxPePwyAxImuhVsTqWK9YFvzgtvzJHi64pBl4jUzKMQ==",
)


def kept() -> Path:
    """Return the folder that packages are kept in."""
    if os.access(ROOT, os.W_OK):
        return ROOT / ".tools" / "npm"
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "cross-chain-keeper" / "npm"


def unpacked(package: Package) -> Path:
    """Return the package's folder, fetching it first if need be. Raises `NpmFailed`, also for another hash."""
    fetch(package)
    return package.folder


def fetch(*packages: Package) -> None:
    """Get those that are not there, all by one call of npm. Raises `NpmFailed`, also for another hash."""
    if all(package.folder.is_dir() for package in packages):
        return
    with alone(), tempfile.TemporaryDirectory(prefix="fetch-", dir=kept()) as name:
        scratch = Path(name)
        missing = [
            each for each in packages if not each.folder.is_dir()
        ]  # another process may have been first
        wanted = [f"{package.name}@{package.version}" for package in missing]
        for package, tarball in zip(missing, packed(scratch, *wanted) if wanted else (), strict=True):
            if sha512(tarball) != package.sha512:
                raise NpmFailed(f"{package.name} {package.version} has another hash than the pinned one")
            with tarfile.open(tarball) as archive:
                archive.extractall(scratch / tarball.stem, filter="data")
            shutil.move(scratch / tarball.stem / "package", package.folder)


@contextmanager
def alone() -> Iterator[None]:
    """Keep other processes that would fetch or compile waiting meanwhile."""
    kept().mkdir(parents=True, exist_ok=True)
    with (kept() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
