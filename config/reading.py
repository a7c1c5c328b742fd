"""Getting the text of a configuration file: what is refused before its content is looked at."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from config.errors import Remark

MAX_BYTES = 1 << 20

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NO_FILE = "name a TOML file; config/example.toml of this program is one to start from"


@dataclass(frozen=True, slots=True)
class Document:
    """A file's text, and whether others than its owner and group may write it."""

    text: str
    writable_by_all: bool


class FileRefused(Exception):
    """The file can not be read as a configuration. `line` is known only if its bytes were read."""

    def __init__(self, code: str, message: str, advice: str, line: int | None = None) -> None:
        super().__init__(message)
        self.remark = Remark((), code, message, advice)
        self.line = line


def read(path: Path) -> Document:
    """Return the text of a regular file of at most `MAX_BYTES`. Raises `FileRefused`.

    Never blocks: a FIFO is opened without waiting for its writer, and refused. The checks
    and the bytes are of the same open file, also if the path changes in between.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with open(descriptor, "rb") as file:  # noqa: PTH123 - it is the open descriptor that is read
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise FileRefused("E002", f"{_kind(mode)}, not a regular file", _NO_FILE)
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise FileRefused("E001", "there is no such file", _NO_FILE) from None
    except IsADirectoryError:
        raise FileRefused("E002", "a directory, not a regular file", _NO_FILE) from None
    except (OSError, ValueError) as error:
        reason = (
            os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no valid name"
        ).lower()
        advice = "make it readable for the user that runs this, and for no one else who need not"
        raise FileRefused("E003", f"the file can not be read: {reason}", advice) from None
    return Document(_decoded(content), writable_by_all=os.name == "posix" and bool(mode & stat.S_IWOTH))


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        advice = "a configuration is a few kilobytes: this is another file"
        raise FileRefused("E004", f"larger than {MAX_BYTES} bytes", advice)
    if content.startswith(_UTF16_MARKS):
        raise FileRefused("E007", "the text is UTF-16", "save it as UTF-8 without a byte order mark", 1)
    if content.startswith(_UTF8_MARK):
        advice = "save it as UTF-8 without a byte order mark (editors call it UTF-8, not UTF-8 with BOM)"
        raise FileRefused("E006", "the file starts with a byte order mark", advice, 1)
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileRefused(
            "E007", "not UTF-8", "save it as UTF-8; this line has the first wrong byte", line
        ) from None


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"
