"""Values that must never be shown. A secret says what it is for, not what it holds."""

from __future__ import annotations

from urllib.parse import urlsplit


class SecretUrl:
    """An endpoint's URL, which may carry a key in its user, path or query.

    Everything that prints it (``str``, ``repr``, an error, a log line, JSON) shows only
    scheme and host. `reveal` is for the one call that opens the connection.
    """

    __slots__ = ("_url",)

    def __init__(self, url: str) -> None:
        self._url = url

    def reveal(self) -> str:
        """Return the URL itself."""
        return self._url

    def __str__(self) -> str:
        try:
            parts = urlsplit(self._url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return "***"
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}{port}/***"

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretUrl) and other._url == self._url

    def __hash__(self) -> int:
        return hash(self._url)

    def __reduce__(self) -> str:
        message = "a secret is never pickled"
        raise TypeError(message)
