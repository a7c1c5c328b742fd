"""URLs among each other: one node under two names, words in the clear, and hosts that are only examples."""

from __future__ import annotations

from collections.abc import Iterator

from config.checks.origins import Origin, host_of, is_loopback, is_plain, origin
from config.errors import KeyPath, Remark
from config.secrets import SecretUrl
from config.settings import Mode, Settings
from config.shown import key_text
from config.source_settings import OffChainSourceSettings

_EXAMPLE_DOMAINS = ("example", "invalid", "example.com", "example.net", "example.org")
"""Reserved for examples (RFC 2606): no one answers there."""


def check_urls(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with the URLs of nodes, venues and attestors."""
    yield from _one_node_twice(settings)
    for path, url in _urls(settings):
        if is_plain(url) and not is_loopback(url):
            message = "what is said to this host can be read and changed on the way"
            yield Remark(path, "W623", message, "use https:// (wss:// for ws_url)")
        host = host_of(url)
        if any(host == domain or host.endswith(f".{domain}") for domain in _EXAMPLE_DOMAINS):
            code = "E321" if settings.mode is Mode.LIVE else "W321"
            yield Remark(path, code, "this host is a placeholder: no one answers there", "write the real URL")


def _urls(settings: Settings) -> Iterator[tuple[KeyPath, SecretUrl]]:
    for name, chain in settings.chains.items():
        for number, endpoint in enumerate(chain.endpoints):
            yield ("chains", name, "endpoints", number, "url"), endpoint.url
            if endpoint.ws_url is not None:
                yield ("chains", name, "endpoints", number, "ws_url"), endpoint.ws_url
    for number, source in enumerate(settings.sources):
        if isinstance(source, OffChainSourceSettings) and source.url is not None:
            yield ("sources", number, "url"), source.url
    for name, signer in settings.signers.items():
        if signer.remote_url is not None:
            yield ("signers", name, "remote_url"), signer.remote_url
    if settings.attestation is not None:
        for number, peer in enumerate(settings.attestation.attestors):
            yield ("attestation", "attestors", number, "url"), peer.url


def _one_node_twice(settings: Settings) -> Iterator[Remark]:
    seen: dict[tuple[str, Origin], KeyPath] = {}
    for path, url in _urls(settings):
        key = path[-1]
        if path[0] != "chains" or not isinstance(key, str):
            continue
        other = seen.setdefault((key, origin(url)), path)
        if other == path:
            continue
        if other[1] == path[1]:
            message = f"the same node as {key_text(other)}: nothing is won when it fails"
            yield Remark(path, "E304", message, "name another node of this chain, or remove it")
        else:
            message = f"the same node as {key_text(other)}: one node serves one chain"
            yield Remark(path, "E303", message, "write the URL of a node of this chain")
