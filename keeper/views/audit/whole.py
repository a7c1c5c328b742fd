"""One pass over the whole log with every auditor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from keeper.venues.judge import replay as judge_again
from keeper.views.audit.attestations import AttestationsAudit
from keeper.views.audit.decisions import DecisionsAudit
from keeper.views.audit.equivocation import EquivocationAudit
from keeper.views.audit.evidence import EvidenceAudit
from keeper.views.audit.findings import Auditor, Finding
from keeper.views.audit.journal import LoggedEntry, check_remembered_head, read_journal
from keeper.views.audit.liquidations import LiquidationsAudit
from keeper.views.audit.settings_used import SettingsUsed
from keeper.views.audit.settlements import SettlementsAudit
from keeper.views.audit.spending import SpendingAudit
from keeper.views.audit.transactions import TransactionsAudit
from keeper.views.audit.venues import VenuesAudit


def audit(
    path: Path, replay: Callable[[str], str], venue_replay: Callable[[str], str] = judge_again
) -> list[Finding]:
    """Check the log at `path` and return every check, failed or not. May run beside the daemon."""
    chain = Finding("hash_chain", "every entry's hash covers it and the one before, and no tail is lost")
    settings = SettingsUsed()
    attestations = AttestationsAudit(settings)
    auditors: list[Auditor] = [
        DecisionsAudit(replay),
        EvidenceAudit(path, settings),
        attestations,
        LiquidationsAudit(attestations),
        TransactionsAudit(),
        SpendingAudit(settings),
        EquivocationAudit(),
        VenuesAudit(venue_replay),
        SettlementsAudit(),
    ]
    last: LoggedEntry | None = None
    for entry in read_journal(path, chain):
        settings.take(entry)
        for auditor in auditors:
            auditor.take(entry)
        last = entry
    check_remembered_head(path, last, chain)
    return [chain, *(finding for auditor in auditors for finding in auditor.findings())]
