"""`keeper check`: every problem that `keeper run` would meet, found before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.runtime.clock import now_ms
from keeper.views import figures
from keeper.views.exits import ExitCode
from keeper.views.options import config_option, json_option
from keeper.views.output import show, show_json

if TYPE_CHECKING:
    from config.settings import Settings
    from keeper.views.probes.report import Report


@click.command(name="check", short_help="Find every problem before `run` would.")
@config_option
@click.option("--offline", is_flag=True, help="Only the file and the keys; ask no node and no venue.")
@json_option
def command(config: Path, *, offline: bool, as_json: bool) -> ExitCode:
    """Find every problem of a configuration: the file, the keys, the nodes, the contracts, the sources, the clock.

    Exits 0 if nothing was found, 1 if something must be mended, 2 if something should be looked at.
    """
    settings, reports = _read(config)
    if settings is not None:
        reports += _ask(settings, offline=offline)
    code = exit_code(reports)
    if as_json:
        document = {
            "config": str(config),
            "findings": [report.to_json() for report in reports],
            "exit_code": int(code),
        }
        show_json(document)
    else:
        show(*_lines(config, reports))
    return code


def exit_code(reports: list[Report]) -> ExitCode:
    """Return what the worst report amounts to."""
    from keeper.views.probes.report import Level

    levels = {report.level for report in reports}
    if Level.PROBLEM in levels:
        return ExitCode.USAGE
    return ExitCode.DEGRADED if Level.WARNING in levels else ExitCode.FINE


def _read(config: Path) -> tuple[Settings | None, list[Report]]:
    from config.errors import Severity
    from config.loader import examine
    from keeper.views.probes.report import ok, problem, warning
    from oracles.sources.presets import PRESETS

    examination = examine(config, PRESETS)
    reports = []
    for finding in examination.findings:
        place = f"{finding.file}:{finding.line}" if finding.line else finding.file
        found = problem if finding.severity is Severity.ERROR else warning
        subject = f"{place}: {finding.key}" if finding.key else place
        reports.append(found(subject, f"[{finding.code}] {finding.message}", finding.advice))
    if not examination.complete:
        advice = "mend these and check again"
        reports.append(
            warning(str(config), "some checks need values that are missing: more may be found", advice)
        )
    if not reports:
        reports.append(ok(str(config), "the file is right"))
    return examination.settings, reports


def _ask(settings: Settings, *, offline: bool) -> list[Report]:
    import asyncio

    from keeper.views.probes.keys import probe_keys

    reports = asyncio.run(probe_keys(settings, outside=not offline))
    if not offline:
        reports += asyncio.run(_ask_outside(settings))
    return reports


async def _ask_outside(settings: Settings) -> list[Report]:
    import asyncio

    from keeper.views.probes.hubs import probe_hub
    from keeper.views.probes.nodes import probe_endpoint
    from keeper.views.probes.prices import probe_sources
    from keeper.views.probes.venues import probe_venues

    nodes = [
        probe_endpoint(name, number, settings, now_ms())
        for name, chain in settings.chains.items()
        for number in range(len(chain.endpoints))
    ]
    hubs = [probe_hub(name, settings) for name in settings.chains]
    venues = [probe_venues(name, settings) for name in settings.chains]
    answered = await asyncio.gather(*nodes, *hubs, *venues, probe_sources(settings))
    return [report for reports in answered for report in reports]


def _lines(config: Path, reports: list[Report]) -> list[str]:
    lines = []
    for report in reports:
        lines.append(f"{report.level.value:<8} {report.subject}: {report.text}")
        if report.advice:
            lines.append(f"         {report.advice}")
    bad = sum(report.level.value != "ok" for report in reports)
    return [*lines, "", f"{config}: {figures.count(bad, 'finding')}" if bad else f"{config}: all is well"]
