"""What no single value shows: everything in the settings that must agree with something else.

Pure: settings in, remarks out, in no particular order. Nothing is read from a disk, a node
or a clock; files are `config.files`, and what only a node knows is checked when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from config.checks.addresses import check_addresses
from config.checks.assets import check_assets
from config.checks.attestation import check_attestation
from config.checks.chains import check_chains
from config.checks.guards import check_guards
from config.checks.live import check_live
from config.checks.options import check_options
from config.checks.portfolio import check_portfolio
from config.checks.retention import check_retention
from config.checks.risk import check_risk
from config.checks.signers import check_signers
from config.checks.sources import check_sources
from config.checks.spending import check_spending
from config.checks.urls import check_urls
from config.checks.venues import check_venues
from config.errors import Remark
from config.settings import Settings

_CHECKS: tuple[Callable[[Settings], Iterator[Remark]], ...] = (
    check_addresses,
    check_assets,
    check_attestation,
    check_chains,
    check_guards,
    check_live,
    check_options,
    check_portfolio,
    check_retention,
    check_risk,
    check_signers,
    check_spending,
    check_urls,
    check_venues,
)


def check(settings: Settings, presets: Collection[str] | None = None) -> list[Remark]:
    """Return what is wrong with `settings` as a whole.

    `presets` are the names of the venues that sources may name (``oracles.sources.presets``);
    without them names of presets are taken as they are.
    """
    remarks = [remark for one in _CHECKS for remark in one(settings)]
    return remarks + list(check_sources(settings, presets))
