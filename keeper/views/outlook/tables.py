"""`keeper stress` as tables for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keeper.views import figures
from keeper.views.outlook.answers import Answers, usd_wad

if TYPE_CHECKING:
    from rich.console import RenderableType

    from keeper.risk.outlook import Figures

_YEAR_MS = 365 * 86_400_000


def parts(answers: Answers) -> Iterator[RenderableType]:
    """Yield everything that was asked, one part after the other."""
    its, book = answers.asked.outlook, answers.asked.book
    source = (
        f"history's own moves ({its.returns:,} returns)"
        if its.filtered
        else f"normal moves ({its.returns:,} returns are too few for history's own)"
    )
    yield (
        f"{figures.count(len(book.watched.accounts), 'account')} as of {figures.utc(book.as_of_ms)} UTC, "
        f"over {figures.span(round(its.terms.horizon_s * 1000))}; {its.terms.paths:,} paths of {source}, "
        f"seed {its.terms.seed}"
    )
    for account_id, reason in list(book.left_out.items())[:5]:
        yield f"left out: {figures.short(account_id)}: {reason}"
    yield ""
    yield _volatility(answers)
    yield ""
    yield _book(answers)
    yield ""
    yield _shocks(answers)
    yield ""
    if answers.cascades:
        yield _cascades(answers)
        if answers.without_depth:
            names = figures.listing(list(answers.without_depth))
            yield f"no depth is known of {names}: sales do not move it (estimates.depth, or --depth ASSET=USD)"
        yield ""
    yield _worst(answers)


def percentage(probability: float) -> str:
    """Return a probability as percent; a small one is not zero."""
    if 0 < probability < 0.0001:
        return "< 0.01 %"
    return f"{probability * 100:.2f} %"


def move(change: float) -> str:
    """Return a relative move of a price."""
    return f"{change * 100:+.1f} %"


def _book(answers: Answers) -> str:
    its = answers.asked.outlook
    level = f"{its.terms.level * 100:g} %"
    return (
        f"the book at {level}: value at risk {_usd(its.book.value_at_risk)}, expected shortfall "
        f"{_usd(its.book.expected_shortfall)} USD of all equity; bad debt {_usd(its.book.expected_bad_debt)} expected, "
        f"{_usd(its.book.bad_debt_shortfall)} in the worst {100 - its.terms.level * 100:g} %; "
        f"{its.expected_breaches:.2f} accounts expected to fall below maintenance"
    )


def _volatility(answers: Answers) -> RenderableType:
    from rich.table import Table

    table = Table("asset", "volatility per year", "fast", "slow", "robust", "returns", box=None)
    for asset, its in answers.asked.outlook.volatility.items():
        measured = ["-" if one is None else f"{one * 100:.1f} %" for one in (its.fast, its.slow, its.robust)]
        note = " (assumed)" if its.fast is None else ""
        table.add_row(asset, f"{its.used * 100:.1f} %{note}", *measured, f"{its.returns:,}")
    return table


def _shocks(answers: Answers) -> RenderableType:
    from rich.table import Table

    table = Table(
        "if", "moves", "liquidatable", "bankrupt", "at risk", "short by USD", "bad debt USD", box=None
    )
    for one in answers.struck:
        table.add_row(
            one.shock.name,
            _moves(one.shock.moves_bps),
            f"{len(one.liquidatable):,}",
            f"{len(one.bankrupt):,}",
            f"{len(one.at_risk):,}",
            figures.usd(one.shortfall_wad),
            figures.usd(one.bad_debt_wad),
        )
    return table


def _cascades(answers: Answers) -> RenderableType:
    from rich.table import Table

    table = Table(
        "cascade", "shock", "ends at", "struck", "triggered", "rounds", "sold USD", "penalties USD", "bad debt USD",
        box=None,
    )  # fmt: skip
    for one in answers.cascades:
        table.add_row(
            one.shock.name,
            _moves(one.shock.moves_bps),
            ", ".join(f"{asset} {move(bps / 10_000)}" for asset, bps in one.moves_bps.items()),
            f"{len(one.struck):,}",
            f"{len(one.triggered):,}",
            f"{len(one.rounds)}" if one.settled else f"{len(one.rounds)}, not settled",
            figures.usd(sum(one.sold_wad.values())),
            figures.usd(one.penalties_wad),
            figures.usd(one.bad_debt_wad),
        )
    return table


def _worst(answers: Answers) -> RenderableType:
    from rich.table import Table

    if not answers.worst:
        return "no account can fall below maintenance within nine standard deviations"
    table = Table(
        "account", "any time", "at the end", "stressed", "nearest breach", "driven by", "half by", "VaR USD",
        "ES USD", "to be clear of the margin call", box=None,
    )  # fmt: skip
    for its in answers.worst:
        table.add_row(
            figures.short(its.account_id),
            percentage(its.probability) + ("" if its.simulated else " *"),
            percentage(its.at_the_end),
            percentage(its.stressed),
            ", ".join(f"{asset} {move(change)}" for asset, change in _largest(its)) or "now",
            its.driver or "-",
            _time(its),
            _usd(its.value_at_risk),
            _usd(its.expected_shortfall),
            "; ".join(
                f"{one.kind} {figures.usd(one.value_wad)} {one.asset} on {one.chain}"
                for one in answers.remedies[its.account_id]
            ),
        )
    table.caption = "* by the closed form, without simulation"
    return table


def _largest(its: Figures) -> list[tuple[str, float]]:
    found = sorted(its.shock.items(), key=lambda item: -abs(item[1]))[:3]
    return [(asset, change) for asset, change in found if abs(change) >= 0.0005]


def _time(its: Figures) -> str:
    middle = its.times[-1] if its.times else None
    return "-" if middle is None else figures.span(round(middle * _YEAR_MS))


def _moves(moves_bps: object) -> str:
    steps = set(moves_bps.values()) if isinstance(moves_bps, dict) else set()
    return ", ".join(move(bps / 10_000) for bps in sorted(steps)) or "-"


def _usd(value: float) -> str:
    return figures.usd(usd_wad(value))
