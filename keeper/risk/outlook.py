"""What an operator asks of the whole book: all figures of all accounts over one horizon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from keeper.risk.arrays import Floats, Ints
from keeper.risk.correlation import Correlation, correlation, covariance
from keeper.risk.exposures import Exposures
from keeper.risk.first_passage import Screen, screen
from keeper.risk.history import History
from keeper.risk.monte_carlo import Breach, breaches
from keeper.risk.scenarios import draw
from keeper.risk.tail import LEVEL, BookTail, Tail, tails
from keeper.risk.volatility import YEAR_S, Volatility, VolatilityTerms, horizon_variance, volatilities
from keeper.risk.watched import Watched


@dataclass(frozen=True, slots=True)
class OutlookTerms:
    """What is asked: the horizon, how finely and how often it is simulated, and for which accounts.

    Accounts whose screened chance is at least `simulate_from` are simulated, at most `simulate_most`, the likeliest
    first. `garch` takes the variance over the horizon from a GARCH model where one fits.
    """

    horizon_s: float = 86_400.0
    steps: int = 48
    paths: int = 2_000
    seed: int = 1
    level: float = LEVEL
    simulate_from: float = 0.001
    simulate_most: int = 200
    garch: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """One account's outlook, in USD, years and probabilities.

    `probability` is of falling below maintenance at any time within the horizon, `stressed` the same with all
    correlations one where that is worse; `simulated` says that it comes from paths and not from the closed form.
    `distance` is that of the nearest breach in standard deviations over the horizon, and `shock` the moves there, by
    asset, as fractions of the price. `driver` is the asset that costs most there. `times` are quantiles of the
    time to a breach (`monte_carlo.QUANTILES`), None where fewer breach within the horizon.
    """

    account_id: str
    probability: float
    at_the_end: float
    stressed: float
    error: float
    simulated: bool
    distance: float
    shock: Mapping[str, float]
    driver: str
    times: tuple[float | None, ...]
    value_at_risk: float
    expected_shortfall: float
    expected_bad_debt: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """The book's outlook. `figures` in the order of the accounts. `filtered` says whether paths are history's own."""

    terms: OutlookTerms
    volatility: Mapping[str, Volatility]
    correlation: Correlation
    figures: tuple[Figures, ...]
    book: BookTail
    expected_breaches: float
    filtered: bool
    returns: int


def outlook(
    watched: Watched,
    exposures: Exposures,
    history: History,
    terms: OutlookTerms,
    how: VolatilityTerms,
    assumed: Floats | None = None,
) -> Outlook:
    """Return the outlook of the accounts that `exposures` are of. `history` has their assets, in the same order.

    `assumed` are correlations by asset where history does not tell them.
    """
    years = terms.horizon_s / YEAR_S
    prices = np.nan_to_num(watched.mids(exposures.assets), nan=1.0)
    volatility = volatilities(history, how)
    used = np.array(
        [_used(volatility[asset], history, at, terms) for at, asset in enumerate(exposures.assets)]
    )
    related = correlation(history, how.slow_half_life_s, assumed)
    calm = covariance(related.calm, used, years)
    seen = screen(exposures, prices, calm)
    stressed = screen(exposures, prices, covariance(related.stress, used, years))
    paths = draw(
        prices,
        calm / terms.steps,
        years / terms.steps,
        terms.steps,
        terms.paths,
        terms.seed,
        history,
        how.fast_half_life_s,
    )
    tail, book = tails(exposures, prices, paths, terms.level)
    rows = _near(seen, terms)
    simulated = breaches(exposures.only(rows), paths) if len(rows) else None
    figures = _figures(exposures, prices, seen, stressed, tail, rows, simulated)
    return Outlook(
        terms=terms,
        volatility=volatility,
        correlation=related,
        figures=figures,
        book=book,
        expected_breaches=sum(each.probability for each in figures),
        filtered=paths.filtered,
        returns=len(history),
    )


def _used(its: Volatility, history: History, at: int, terms: OutlookTerms) -> float:
    """Return the volatility per year over the horizon: GARCH's where asked for and fitted, else the estimate's."""
    if not terms.garch or its.returns == 0:
        return its.used
    steps = max(1, round(terms.horizon_s / history.step_s))
    variance = horizon_variance(history.returns[:, at], steps)
    return its.used if variance is None else float(np.sqrt(variance / (terms.horizon_s / YEAR_S)))


def _near(seen: Screen, terms: OutlookTerms) -> Ints:
    """Return the rows to simulate, the likeliest first. What is below already needs no simulation."""
    order = np.argsort(-seen.probability, kind="stable")
    near = order[(seen.probability[order] >= terms.simulate_from) & (seen.distance[order] > 0)]
    return near[: terms.simulate_most]


def _figures(
    exposures: Exposures,
    prices: Floats,
    seen: Screen,
    stressed: Screen,
    tail: Tail,
    rows: Ints,
    simulated: Breach | None,
) -> tuple[Figures, ...]:
    number = {int(row): at for at, row in enumerate(rows)}
    there = np.where(np.isnan(seen.shock), 0.0, seen.shock)
    cost = exposures.by_asset(prices[None, None]) - exposures.by_asset((prices * np.exp(there))[:, None, :])
    found = []
    for row, account_id in enumerate(exposures.ids):
        at = number.get(row)
        breach = simulated if at is not None else None
        moves = {
            asset: float(np.expm1(move))
            for asset, move in zip(exposures.assets, there[row], strict=True)
            if abs(move) > 1e-6
        }
        probability = float(breach.probability[at]) if breach is not None else float(seen.probability[row])
        found.append(
            Figures(
                account_id=account_id,
                probability=probability,
                at_the_end=float(seen.at_the_end[row]),
                stressed=max(probability, float(stressed.probability[row])),
                error=float(breach.error[at]) if breach is not None else 0.0,
                simulated=breach is not None,
                distance=float(seen.distance[row]),
                shock=moves,
                driver=exposures.assets[int(cost[row, 0].argmax())] if moves else "",
                times=_times(breach, at),
                value_at_risk=float(tail.value_at_risk[row]),
                expected_shortfall=float(tail.expected_shortfall[row]),
                expected_bad_debt=float(tail.expected_bad_debt[row]),
            )
        )
    return tuple(found)


def _times(breach: Breach | None, at: int | None) -> tuple[float | None, ...]:
    if breach is None or at is None:
        return ()
    return tuple(float(time) if np.isfinite(time) else None for time in breach.times[at])
