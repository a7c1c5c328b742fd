"""The compiled contracts, as committed next to their sources. Needs neither compiler nor web3."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "artifacts"


@dataclass(frozen=True, slots=True)
class Artifact:
    """What deploying and calling takes: the JSON ABI and the creation bytecode (0x hex)."""

    abi: list[dict[str, Any]]
    bytecode: str


def load(name: str) -> Artifact:
    """Return the artifact of contract `name`, such as ``"MarginHub"``. Raises ``FileNotFoundError``."""
    content = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return Artifact(content["abi"], content["bytecode"])
