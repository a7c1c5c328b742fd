"""`keeper verify`: does the log hold, do its decisions follow from its evidence, and did what must hold, hold?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.views import figures
from keeper.views.exits import ExitCode
from keeper.views.options import json_option, load_settings, log_options, log_path, open_log
from keeper.views.output import show, show_json

if TYPE_CHECKING:
    from keeper.views.audit.findings import Finding


@click.command(name="verify", short_help="Check the whole state log; exit 4 if anything fails.")
@log_options
@click.option(
    "--chains", is_flag=True, help="Ask the configured nodes too: nonces, receipts, who used our keys."
)
@json_option
def command(config: Path, log: Path | None, *, chains: bool, as_json: bool) -> ExitCode:
    """Check the whole state log: hash chain, tables, decisions made again, invariants.

    With --chains every transaction in it is looked up on its chain, and every nonce of our senders in it. Exits 0 if
    everything holds, 4 if anything does not, 3 if only a chain could not be asked. May run beside the daemon.
    """
    path = log_path(config, log)
    findings = _findings(path)
    unasked: dict[str, str] = {}
    if chains:
        more, unasked = _on_chain(path, config)
        findings += more
    holds = all(finding.holds for finding in findings)
    code = ExitCode.PERSON if not holds else ExitCode.DOWN if unasked else ExitCode.FINE
    if as_json:
        checks = [
            {
                "name": finding.name,
                "title": finding.title,
                "holds": finding.holds,
                "checked": finding.checked,
                "failed": finding.failed,
                "failures": finding.failures,
            }
            for finding in findings
        ]
        document = {"log": str(path), "holds": holds, "checks": checks, "exit_code": int(code)}
        show_json(document | ({"unasked": unasked} if chains else {}))
    else:
        show(
            *_lines(findings),
            *(f"{chain} was not asked: {why}" for chain, why in unasked.items()),
            "",
            "the log verifies" if holds else "THE LOG DOES NOT VERIFY: a person has to look",
        )
    return code


def _findings(path: Path) -> list[Finding]:
    from keeper.planner.decide import replay
    from keeper.state.verify import verify
    from keeper.views.audit.findings import Finding
    from keeper.views.audit.whole import audit

    with open_log(path):
        findings = audit(path, replay)
        tables = Finding("tables", "the tables are what the journal, played again, makes of them")
        verification = verify(path)
        tables.checked = verification.entries
        for text in verification.findings:
            tables.fail(text)
    return [*findings, tables]


def _on_chain(path: Path, config: Path) -> tuple[list[Finding], dict[str, str]]:
    import asyncio

    from keeper.views.on_chain.asking import ask_chains

    answer = asyncio.run(ask_chains(path, load_settings(config)))
    return answer.findings, answer.unasked


def _lines(findings: list[Finding]) -> list[str]:
    lines = []
    for finding in findings:
        mark = "holds" if finding.holds else "FAILS"
        lines.append(f"{mark}  {finding.checked:>9,}  {finding.title}")
        lines += [f"                  {text}" for text in finding.failures]
        if finding.failed > len(finding.failures):
            lines.append(
                f"                  and {figures.count(finding.failed - len(finding.failures), 'failure')} more"
            )
    return lines
