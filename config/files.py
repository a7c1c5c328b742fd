"""The files that settings name: whether others could put their own key there, or read ours.

Only what can be seen without opening them. A file that can not be looked at is passed over:
`keeper status` may well be asked by a user who must not see the keys.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from config.checks.signers import key_files
from config.errors import KeyPath, Remark
from config.settings import Mode, Settings


def check_files(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with the places and permissions of key files. Only on POSIX systems."""
    if os.name != "posix":
        return
    for name, signer in settings.signers.items():
        for key, file in key_files(signer):
            yield from _key_file(("signers", name, key), file, settings.mode)


def _key_file(at: KeyPath, file: Path, mode: Mode) -> Iterator[Remark]:
    directory = file.absolute().parent
    if _permissions(directory) & stat.S_IWOTH or is_replaceable(directory):
        code = "E204" if mode is Mode.LIVE else "W204"
        message = "every user of this machine can write to the directory of this file, or to one above it"
        yield Remark(at, code, message, "move it into a directory of its owner's (chmod 700)")
    try:
        permissions = file.stat().st_mode
    except FileNotFoundError:
        yield Remark(
            at, "W205", "there is no such file", "relative paths start from the directory of this file"
        )
        return
    except OSError:
        return
    if permissions & (stat.S_IRWXG | stat.S_IRWXO):
        message = "others than its owner can read or write this file"
        yield Remark(at, "W206", message, "chmod 600; it is refused when the key is used")


def is_replaceable(directory: Path) -> bool:
    """Whether anyone may replace what is in `directory`, or a directory on the way to it.

    A sticky directory, such as that for temporary files, lets no one replace what is another's.
    """
    return any(
        permissions & stat.S_IWOTH and not permissions & stat.S_ISVTX
        for permissions in map(_permissions, (directory, *directory.parents))
    )


def _permissions(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0
