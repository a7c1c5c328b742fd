"""In an attestor's log: for one chain, account and sequence it signed one digest and never another."""

from __future__ import annotations

from collections.abc import Iterable

from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry


class EquivocationAudit:
    """Remembers what was signed for each sequence."""

    def __init__(self) -> None:
        self._signed: dict[tuple[str, str, str], str] = {}
        self._finding = Finding(
            "one_digest", "an attestor signed at most one digest for each sequence of an account"
        )

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        if entry.kind == "attestation_signed":
            body = entry.body
            key = (body["chain_id"], body["account_id"], body["sequence"])
            first = self._signed.setdefault(key, body["digest"])
            self._finding.expect(
                f"entry {entry.seq}: {body['digest']} after {first} for sequence {key[2]} of {key[1]}",
                holds=first == body["digest"],
            )

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        return (self._finding,)
