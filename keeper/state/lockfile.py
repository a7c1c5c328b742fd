"""One writer per log: an advisory lock beside the database, which also remembers the newest durable entry.

The remembered head is written after each durable commit. Should the database later hold less
(its WAL was deleted or cut, an old copy was put in its place), the start notices.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from keeper.state.errors import LogInUse, LogUnreadable
from keeper.state.journal import Head

_HEAD_BYTES = 20 + 1 + 66 + 1


class LogLock:
    """The lock of the log at `path`, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            message = f"{self._path}: can not be opened for writing: {error.strerror}"
            raise LogUnreadable(message) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            message = f"{path} is in use by another process; one log has one writer"
            raise LogInUse(message) from error
        if not self.is_in_place():
            self.release()
            message = f"{self._path} was replaced while it was being locked; start again"
            raise LogInUse(message)

    def is_in_place(self) -> bool:
        """Whether the locked file is still the one others would lock."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        here = os.fstat(self._fd)
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def remembered(self) -> Head | None:
        """Return the newest durable entry the last writer remembered, None if it left nothing readable."""
        text = os.pread(self._fd, _HEAD_BYTES, 0).decode("ascii", "replace")
        seq, _, rest = text.partition(" ")
        if len(text) != _HEAD_BYTES or not seq.isdecimal() or not rest.startswith("0x"):
            return None
        return Head(int(seq), rest.strip())

    def remember(self, head: Head) -> None:
        """Note the newest durable entry. Not synced: it may lag behind the database, never lead it."""
        os.pwrite(self._fd, f"{head.seq:020d} {head.hash}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Give the lock up. The file stays, so that no two processes lock different files. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
