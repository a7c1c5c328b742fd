"""What a source's file proves: a key that a venue asks for, read once and shown nowhere."""

from __future__ import annotations

from pathlib import Path

MAX_TOKEN_LENGTH = 4_096


def bearer(file: Path | None) -> dict[str, str]:
    """Return the header that carries the token in `file`; none without a file.

    Raises ``ValueError`` naming the file, and never what is in it.
    """
    if file is None:
        return {}
    try:
        with file.open("rb") as opened:
            token = opened.read(MAX_TOKEN_LENGTH + 1).strip()
    except OSError as error:
        message = f"{file}: the token can not be read: {error.strerror}"
        raise ValueError(message) from None
    if not token or len(token) > MAX_TOKEN_LENGTH or not token.isascii() or any(byte <= 32 for byte in token):
        message = f"{file}: one line with a token is expected"
        raise ValueError(message)
    return {"Authorization": f"Bearer {token.decode('ascii')}"}
