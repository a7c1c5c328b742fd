"""The answers of `keeper stress`: shocks, cascades and outlook together, and as one JSON document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config.units import WAD
from keeper.views.outlook.question import Asked

if TYPE_CHECKING:
    from keeper.risk.cascade import Cascade
    from keeper.risk.conditional import Conditional
    from keeper.risk.outlook import Figures
    from keeper.risk.remedy import Remedy
    from keeper.risk.stress import Shock, Struck

OTHER_MOVES_BPS = (-2_000, -1_000, 0, 1_000, 2_000)
_YEAR_H = 365 * 24


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything asked. `cascades` is empty where they were not; `remedies` and `conditional` are of those in `worst`.

    `without_depth` are the shocked assets whose price sales do not move, since how much it takes is not known.
    """

    asked: Asked
    struck: tuple[Struck, ...]
    cascades: tuple[Cascade, ...]
    worst: tuple[Figures, ...]
    remedies: Mapping[str, tuple[Remedy, ...]]
    conditional: Mapping[str, tuple[Conditional, ...]]
    without_depth: tuple[str, ...]


def answer(
    asked: Asked, shocks: Sequence[Shock], depth_wad: Mapping[str, int | None] | None, limit: int
) -> Answers:
    """Return the answers. `depth_wad` by asset, None to leave cascades out; `limit` accounts are told in full."""
    from keeper.risk.cascade import cascade
    from keeper.risk.conditional import conditional_prices
    from keeper.risk.exposures import Exposures
    from keeper.risk.remedy import remedies
    from keeper.risk.stress import strike

    watched, facts = asked.book.watched, asked.book.facts
    exposures = Exposures.of(watched.accounts, watched.policy)
    row_of = {account.account_id: row for row, account in enumerate(watched.accounts)}
    worst = sorted(asked.outlook.figures, key=lambda its: (-its.probability, its.distance, its.account_id))
    worst = [its for its in worst if its.probability > 0 or math.isfinite(its.distance)][:limit]
    wanted_wad = watched.policy.margin_call_clear_health_wad
    return Answers(
        asked=asked,
        struck=tuple(strike(watched, exposures, shock) for shock in shocks),
        cascades=()
        if depth_wad is None
        else tuple(cascade(watched, facts, depth_wad, shock, asked.book.via) for shock in shocks),
        worst=tuple(worst),
        remedies={
            its.account_id: remedies(watched, row_of[its.account_id], wanted_wad, facts) for its in worst
        },
        conditional={
            its.account_id: conditional_prices(watched, row_of[its.account_id], its.shock, OTHER_MOVES_BPS)
            for its in worst
        },
        without_depth=tuple(
            sorted(
                {asset for shock in shocks for asset in shock.moves_bps if not (depth_wad or {}).get(asset)}
            )
        ),
    )


def document(answers: Answers) -> dict[str, Any]:
    """Return the answers as JSON can hold them. Amounts ``_wad`` are text; what is estimated is a number."""
    asked, its = answers.asked, answers.asked.outlook
    return {
        "price_set": asked.book.price_set,
        "as_of_ms": asked.book.as_of_ms,
        "accounts": len(asked.book.watched.accounts),
        "left_out": dict(asked.book.left_out),
        "terms": {
            "horizon_s": its.terms.horizon_s,
            "level": its.terms.level,
            "paths": its.terms.paths,
            "steps": its.terms.steps,
            "seed": its.terms.seed,
            "filtered_history": its.filtered,
            "returns": its.returns,
        },
        "volatility": {
            asset: {
                "used": one.used,
                "fast": one.fast,
                "slow": one.slow,
                "robust": one.robust,
                "returns": one.returns,
            }
            for asset, one in its.volatility.items()
        },
        "book": {
            "value_at_risk_usd": its.book.value_at_risk,
            "expected_shortfall_usd": its.book.expected_shortfall,
            "expected_bad_debt_usd": its.book.expected_bad_debt,
            "bad_debt_shortfall_usd": its.book.bad_debt_shortfall,
            "expected_breaches": its.expected_breaches,
        },
        "shocks": [_struck(one) for one in answers.struck],
        "cascades": [_cascade(one) for one in answers.cascades],
        "without_depth": list(answers.without_depth) if answers.cascades else [],
        "worst": [
            figures(one) | {"remedies": _remedies(answers, one), "liquidation_prices": _prices(answers, one)}
            for one in answers.worst
        ],
    }


def figures(its: Figures) -> dict[str, Any]:
    """Return one account's outlook as JSON can hold it."""
    return {
        "account_id": its.account_id,
        "probability": its.probability,
        "probability_error": its.error,
        "probability_at_the_end": its.at_the_end,
        "probability_stressed": its.stressed,
        "simulated": its.simulated,
        "distance": its.distance if math.isfinite(its.distance) else None,
        "shock": dict(its.shock),
        "driver": its.driver or None,
        "hours_to_breach": [None if time is None else time * _YEAR_H for time in its.times],
        "value_at_risk_usd": its.value_at_risk,
        "expected_shortfall_usd": its.expected_shortfall,
        "expected_bad_debt_usd": its.expected_bad_debt,
    }


def _remedies(answers: Answers, its: Figures) -> list[dict[str, str]]:
    return [
        {"chain": one.chain, "kind": one.kind, "asset": one.asset, "value_wad": str(one.value_wad)}
        for one in answers.remedies[its.account_id]
    ]


def _prices(answers: Answers, its: Figures) -> list[dict[str, Any]]:
    return [
        {
            "asset": one.asset,
            "other": one.other or None,
            "other_move_bps": one.other_move_bps,
            "below_wad": None if one.below_wad is None else str(one.below_wad),
            "above_wad": None if one.above_wad is None else str(one.above_wad),
        }
        for one in answers.conditional[its.account_id]
    ]


def _struck(one: Struck) -> dict[str, Any]:
    return {
        "name": one.shock.name,
        "moves_bps": dict(one.shock.moves_bps),
        "liquidatable": list(one.liquidatable),
        "bankrupt": list(one.bankrupt),
        "at_risk": list(one.at_risk),
        "requirement_wad": str(one.requirement_wad),
        "shortfall_wad": str(one.shortfall_wad),
        "bad_debt_wad": str(one.bad_debt_wad),
    }


def _cascade(one: Cascade) -> dict[str, Any]:
    return {
        "name": one.shock.name,
        "shock_bps": dict(one.shock.moves_bps),
        "moves_bps": dict(one.moves_bps),
        "struck": list(one.struck),
        "triggered": list(one.triggered),
        "rounds": [
            {
                "accounts": each.accounts,
                "new_accounts": each.new_accounts,
                "steps": each.steps,
                "sold_wad": {asset: str(value) for asset, value in each.sold_wad.items()},
                "moves_bps": dict(each.moves_bps),
            }
            for each in one.rounds
        ],
        "sold_wad": {asset: str(value) for asset, value in one.sold_wad.items()},
        "penalties_wad": str(one.penalties_wad),
        "bad_debt_wad": str(one.bad_debt_wad),
        "settled": one.settled,
    }


def usd_wad(value: float) -> int:
    """Return USD as a wad, for the figures that people read."""
    return round(value * 100) * (WAD // 100)
