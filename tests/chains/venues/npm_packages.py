"""Published packages as test fixtures: fetched once by npm, checked against a pinned hash, kept in `.tools`.

Nothing of them is part of the repository: their licences allow to run them here, not to hand them on.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from chains.devnet.install import ROOT, AnvilMissing, _packed


@dataclass(frozen=True, slots=True)
class Package:
    """A package of one version. `sha512` is its tarball's, as npm states it."""

    name: str
    version: str
    sha512: str

    @property
    def folder(self) -> Path:
        return ROOT / ".tools" / "npm" / f"{self.name.strip('@').replace('/', '-')}-{self.version}"


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


def unpacked(package: Package) -> Path:
    """Return the package's folder, fetching it first if need be. Skips the test where no registry answers."""
    if package.folder.is_dir():
        return package.folder
    package.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="npm-", dir=package.folder.parent) as scratch:
        try:
            tarball = _packed(f"{package.name}@{package.version}", Path(scratch))
        except AnvilMissing as failure:
            pytest.skip(str(failure))
        got = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        assert package.sha512 == got, f"{package.name} {package.version} has another hash than the pinned one"
        with tarfile.open(tarball) as archive:
            archive.extractall(scratch, filter="data")
        _put_in_place(Path(scratch) / "package", package.folder)
    return package.folder


def _put_in_place(made: Path, place: Path) -> None:
    """Move a whole folder in at once; another process may have been first."""
    try:
        made.replace(place)
    except OSError:
        if not place.is_dir():
            raise
        shutil.rmtree(made)
