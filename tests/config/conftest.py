"""Where a configuration is tried: a directory of its own, with keys beside it as the files name them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

KEY_FILES = (
    "sender.json",
    "sender.password",
    "sender.hex",
    "second.json",
    "second.password",
    "attestor.hex",
)


@pytest.fixture
def place(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Write a configuration into a directory of its own and return its path."""
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name in KEY_FILES:
        (keys / name).touch(mode=0o600)

    def write(content: str | bytes) -> Path:
        path = tmp_path / "keeper.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o600)
        return path

    return write
