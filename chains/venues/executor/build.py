"""Build the executor's artifact: ``python -m chains.venues.executor.build``. It is committed, as the hub's are."""

from __future__ import annotations

import sys
from pathlib import Path

from chains.contracts.build import BuildFailed, compile_contract

NAME = "VenueExecutor"
ARTIFACT = Path(__file__).with_name(f"{NAME}.json")
_BESIDE_THE_OTHERS = f"../venues/executor/{NAME}"


def built() -> str:
    """Return the artifact as the JSON text that is committed. Raises `BuildFailed`."""
    return compile_contract(_BESIDE_THE_OTHERS).replace(_BESIDE_THE_OTHERS, NAME)


def main() -> int:
    """Write the artifact; return the exit code."""
    try:
        ARTIFACT.write_text(built(), encoding="utf-8")
    except BuildFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
