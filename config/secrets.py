"""Values that must never be shown. A secret says what it is for, not what it holds."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

SHORTEST_PATH_PART = 8
"""Shorter parts of a path are words like "v3" or "mainnet", not keys."""
SHORTEST_PART = 3


class SecretUrl:
    """An endpoint's URL, which may carry a key in its user, path or query.

    Everything that prints it (``str``, ``repr``, an error, a log line, JSON) shows only
    scheme and host. `reveal` is for the one call that opens the connection.
    """

    __slots__ = ("_parts", "_url")

    def __init__(self, url: str) -> None:
        self._url = url
        self._parts: tuple[str, ...] | None = None

    def reveal(self) -> str:
        """Return the URL itself."""
        return self._url

    def scrub(self, text: str) -> str:
        """Return a text of others, which may repeat what this URL keeps secret, without that."""
        for part in self.parts:
            text = text.replace(part, "***")
        return text

    @property
    def parts(self) -> tuple[str, ...]:
        """What of the URL is secret, as others could repeat it: the longest first."""
        if self._parts is None:
            self._parts = tuple(sorted(set(_secret_parts(self._url)), key=lambda part: (-len(part), part)))
        return self._parts

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


def _secret_parts(url: str) -> Iterator[str]:
    """Yield what may be secret in a URL: its user and password, the long parts of its path, what its query says."""
    try:
        parts = urlsplit(url)
        user, password = parts.username or "", parts.password or ""
        spoken = [value for _, value in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError:
        return
    if user or password:
        login = f"{unquote(user)}:{unquote(password)}"
        yield from (login, f"{user}:{password}", b64encode(login.encode()).decode())
    keys = [part for part in parts.path.split("/") if len(part) >= SHORTEST_PATH_PART]
    asked = [pair.partition("=")[2] or pair for pair in parts.query.split("&")]
    for part in (user, password, *spoken, *asked, parts.fragment, *keys):
        for said in (part, unquote(part)):
            if len(said) >= SHORTEST_PART:
                yield said
