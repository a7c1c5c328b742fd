"""Other people's contracts, as they published them: fetched from npm, never kept in this repository.

| package | what is used | why this one |
|---|---|---|
| @chainlink/contracts 0.0.10 (MIT) | FluxAggregator, EACAggregatorProxy | the last with bytecode; these proxies stand in front of today's feeds |
| @uniswap/v3-core 1.0.1 (BUSL-1.1) | UniswapV3Factory, UniswapV3Pool | the deployed version |
| @uniswap/v3-periphery 1.4.4 (GPL-2.0) | NonfungiblePositionManager, SwapRouter | to give liquidity and to trade |
| @pythnetwork/pyth-sdk-solidity 4.3.1 (Apache-2.0) | MockPyth | the real contract wants Wormhole's signed messages; its getters are the same, from AbstractPyth |

Every tarball is checked against its pinned hash whenever it is opened.
"""

from __future__ import annotations

import fcntl
import json
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from chains.devnet.npm import ROOT, packed, sha512, tarball_name

CHAINLINK = "@chainlink/contracts@0.0.10"
UNISWAP_CORE = "@uniswap/v3-core@1.0.1"
UNISWAP_PERIPHERY = "@uniswap/v3-periphery@1.4.4"
PYTH = "@pythnetwork/pyth-sdk-solidity@4.3.1"

INTEGRITY = {
    CHAINLINK: "ok+ucSQ+3mrR+zjbi6zIrdd5M9XymcqVcnXGVyqBVRYZp97jS2/rt/glP320JmHxmi4pacgDOg0Ux11xIr1S8Q==",
    UNISWAP_CORE: "7pVk4hEm00j9tc71Y9+ssYpO6ytkeI0y7WE9P6UcmNzhxPePwyAxImuhVsTqWK9YFvzgtvzJHi64pBl4jUzKMQ==",
    UNISWAP_PERIPHERY: "S4+m+wh8HbWSO3DKk4LwUCPZJTpCugIsHrWR86m/OrUyvSqGDTXKFfc2sMuGXCZrD1ZqO3rhQsKgdWg3Hbb2Kw==",
    PYTH: "dAzsVDSKXS/Tbhik5Hp2kix3vDp98SlCXmputDIOkVyF4SKKnhXmIn+iGVmSQdrlF9jCFtvjBj7XYP+9wwpA4A==",
}
CACHE = ROOT / ".tools" / "npm"


class ForeignPackage(AssertionError):
    """npm handed out another package than the pinned one."""


def creation_code(package: str, member: str) -> bytes:
    """Return what creates a contract, from an artifact of Hardhat, sol-compiler or solc."""
    text = _member(package, member)
    if member.endswith(".bin"):
        return bytes.fromhex(text)
    artifact: dict[str, Any] = json.loads(text)
    code = artifact.get("bytecode") or artifact["compilerOutput"]["evm"]["bytecode"]["object"]
    return bytes.fromhex(code.removeprefix("0x"))


@lru_cache(maxsize=16)
def _member(package: str, member: str) -> str:
    with tarfile.open(_tarball(package)) as archive:
        found = archive.extractfile(f"package/{member}")
        assert found is not None
        return found.read().decode()


def _tarball(package: str) -> Path:
    path = CACHE / tarball_name(package)
    with _alone():
        if not path.is_file():
            _fetch()
    if sha512(path) != INTEGRITY[package]:
        path.unlink()
        message = f"{package} has another hash than the pinned one"
        raise ForeignPackage(message)
    return path


def _fetch() -> None:
    """Get all at once: without npm on PATH each call of it would bring its own."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        for tarball in packed(Path(folder), *INTEGRITY):
            tarball.replace(CACHE / tarball.name)


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other test processes waiting meanwhile."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
