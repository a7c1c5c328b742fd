"""Build the contracts' artifacts: ``python -m chains.contracts.build [--check]``.

Artifacts are committed, so that running needs no compiler; ``--check`` compiles again and
exits 1 if a committed one differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from chains.contracts.artifacts import FOLDER

SOURCES = Path(__file__).parent
CONTRACTS = ("MarginHub", "Multicall", "OptionDesk", "PriceFeed", "ShareVault", "TestToken")
COMPILER = "0.4.3"
EVM_VERSION = "cancun"
OPTIMIZE = "codesize"

MAX_RUNTIME_BYTES = 24_576
"""What a chain accepts as a contract's code (EIP-170)."""


class BuildFailed(Exception):
    """A contract does not compile, or is too large to deploy. A person must change the source."""


def compile_contract(name: str) -> str:
    """Return the artifact of contract `name` as the JSON text that is committed. Raises `BuildFailed`."""
    outputs = _vyper(name, "abi", "bytecode", "bytecode_runtime", "integrity")
    abi, bytecode, runtime, integrity = outputs
    size = len(bytes.fromhex(runtime[2:]))
    if size > MAX_RUNTIME_BYTES:
        message = f"{name}: {size} bytes of code, {MAX_RUNTIME_BYTES} are allowed"
        raise BuildFailed(message)
    artifact = {
        "contract": name,
        "compiler": COMPILER,
        "evm_version": EVM_VERSION,
        "optimize": OPTIMIZE,
        "source_sha256": integrity,
        "abi": json.loads(abi),
        "bytecode": bytecode,
    }
    return json.dumps(artifact, indent=1) + "\n"


def _vyper(name: str, *formats: str) -> list[str]:
    """Run the compiler in a process of its own; return one line per format."""
    command = [
        *(sys.executable, "-m", "vyper"),
        *("-f", ",".join(formats)),
        *("--evm-version", EVM_VERSION),
        *("-O", OPTIMIZE),
        f"{name}.vy",
    ]
    version = [sys.executable, "-m", "vyper", "--version"]
    # Nothing here comes from outside: the arguments are this file's constants.
    found = subprocess.run(version, capture_output=True, text=True, check=False)  # noqa: S603
    if not found.stdout.startswith(COMPILER + "+"):
        message = f"vyper {COMPILER} is needed, found {found.stdout.strip() or found.stderr.strip()}"
        raise BuildFailed(message)
    run = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode != 0:
        message = f"{name}: {run.stderr.strip() or run.stdout.strip()}"
        raise BuildFailed(message)
    return run.stdout.strip().splitlines()


def main(arguments: list[str] | None = None) -> int:
    """Write the artifacts, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m chains.contracts.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with what is committed, write nothing")
    check = parser.parse_args(arguments).check
    differing = []
    for name in CONTRACTS:
        path = FOLDER / f"{name}.json"
        try:
            built = compile_contract(name)
        except BuildFailed as failure:
            sys.stderr.write(f"{failure}\n")
            return 1
        if not path.exists() or path.read_text(encoding="utf-8") != built:
            differing.append(name)
            if not check:
                FOLDER.mkdir(exist_ok=True)
                path.write_text(built, encoding="utf-8")
    if check and differing:
        sys.stderr.write(f"differ from their source: {', '.join(differing)}; run without --check\n")
        return 1
    sys.stdout.write(f"{'written' if differing else 'up to date'}: {', '.join(differing or CONTRACTS)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
