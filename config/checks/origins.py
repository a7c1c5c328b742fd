"""Where a URL leads, for comparing URLs. What a URL may hold as a secret stays inside."""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from config.secrets import SecretUrl

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_LOOPBACK = "127.0.0.1"


class Origin(NamedTuple):
    """What makes two URLs the same. Holds the secret part: compare it, never show it."""

    host: str
    port: int
    rest: str


def origin(url: SecretUrl) -> Origin:
    """Return where a URL leads: without scheme and user, and however its host is spelled."""
    parts = urlsplit(url.reveal())
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _PORTS.get(parts.scheme, 0)
    return Origin(_LOOPBACK if is_loopback(url) else host, port, f"{parts.path.rstrip('/')}?{parts.query}")


def host_of(url: SecretUrl) -> str:
    """Return the host as written, in small letters."""
    return urlsplit(url.reveal()).hostname or ""


def is_plain(url: SecretUrl) -> bool:
    """Whether what is said to this URL is not encrypted."""
    return urlsplit(url.reveal()).scheme in {"http", "ws"}


def is_loopback(url: SecretUrl) -> bool:
    """Whether a URL stays on this machine."""
    host = host_of(url)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
