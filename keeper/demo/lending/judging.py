"""What had to hold at the protocols, judged from evidence alone: pure, so that every check can be shown to fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from chains.venues.venue import Outcome
from config.units import BPS, WAD, format_wad
from keeper.demo.cast import Fate
from keeper.demo.ledger import Ledger
from keeper.demo.lending.cast import Owner, expected
from keeper.demo.timeline import Check

OFF_BPS = 60
"""What venues' quotes and a minute's interest may make of a health."""
SHOWN = 4

Place = tuple[str, str, str]
"""A loan, by chain, protocol and owner."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the keeper's log says of an account over all its legs."""

    health_mid_wad: int | None
    chains: frozenset[str]


def unified_right(owners: Sequence[Owner], told: Mapping[str, Told], prices: Mapping[str, Fraction]) -> Check:
    """Whether accounts with legs at venues have one health over all of them, and the right one."""
    wrong = []
    its = [owner for owner in owners if owner.loans]
    for owner in its:
        found, wanted = told.get(owner.account_id), owner.unified_health(prices)
        where = {leg.chain for leg in owner.hub.account.legs} | {loan.protocol.chain for loan in owner.loans}
        if found is None or found.health_mid_wad is None:
            wrong.append(f"{owner.account_id[:10]} has none")
        elif found.chains != where:
            wrong.append(f"{owner.account_id[:10]} is made of {', '.join(sorted(found.chains))}")
        elif abs(Fraction(found.health_mid_wad, WAD) - wanted) * BPS > wanted * OFF_BPS:
            told_as = f"{format_wad(found.health_mid_wad)} and not {float(wanted):.4f}"
            wrong.append(f"{owner.account_id[:10]} has {told_as}")
    text = (
        f"each of the {len(its)} accounts with loans has one health over its legs, as plain arithmetic has it"
    )
    return Check(text, held=bool(its) and not wrong, why=_some(wrong))


def mispricing_held(
    owners: Sequence[Owner],
    held: Mapping[Place, str],
    done: Sequence[tuple[str, str, Outcome]],
    *,
    alerted: bool,
) -> Check:
    """Whether loans that only the protocol's own wrong price endangers were held, nobody was touched, and a person told."""
    places = {
        (loan.protocol.chain, str(loan.protocol), owner.address)
        for owner in owners
        for loan in owner.loans
        if loan.falls_for
    }
    wrong = [
        f"{owner[:10]} was not held ({held.get((chain, venue, owner))})"
        for chain, venue, owner in sorted(places)
        if held.get((chain, venue, owner)) != "price_held"
    ]
    wrong += [f"{outcome.borrower.account[:10]} was liquidated" for _, _, outcome in done]
    wrong += [] if alerted else ["nobody was told"]
    text = f"the {len(places)} loans that only Aave's own price endangers are held, untouched, and an alert says so"
    return Check(text, held=bool(places) and not wrong, why=_some(wrong))


def crash_handled(
    owners: tuple[Owner, ...],
    done: Sequence[tuple[str, str, Outcome]],
    executors: Mapping[str, str],
    after: Ledger,
) -> list[Check]:
    """Whether protocols and hubs show what the cast's own arithmetic says must have happened, and nothing else."""
    fell = expected(owners)
    found = {(chain, venue, outcome.borrower.account) for chain, venue, outcome in done}
    stories = {owner.address: owner.story for owner in owners}
    wrong = [
        f"not liquidated: {owner[:10]} at {venue}, {stories[owner]}"
        for _, venue, owner in sorted(fell - found)
    ]
    wrong += [
        f"liquidated: {owner[:10]} at {venue}, {stories.get(owner)}"
        for _, venue, owner in sorted(found - fell)
    ]
    strangers = [
        f"{outcome.borrower.account[:10]} by {outcome.liquidator[:10]}"
        for chain, _, outcome in done
        if outcome.liquidator.lower() != executors[chain].lower()
    ]
    bad = [f"{outcome.borrower.account[:10]}" for _, _, outcome in done if outcome.bad_debt]
    return [
        Check(
            f"exactly the {len(fell)} loans that fell were liquidated, say the protocols themselves",
            held=bool(fell) and not wrong,
            why=_some(wrong),
        ),
        Check(
            "each by our executor, and none left bad debt",
            held=bool(done) and not strangers and not bad,
            why=_some([*strangers, *bad]),
        ),
        _hubs(owners, after),
    ]


def _hubs(owners: Sequence[Owner], after: Ledger) -> Check:
    fell = {
        owner.account_id for owner in owners if owner.hub.account.legs and owner.hub.fate is Fate.LIQUIDATED
    }
    wrong = [f"not liquidated: {each[:10]}" for each in sorted(fell - set(after.liquidated))]
    wrong += [f"liquidated: {each[:10]}" for each in sorted(set(after.liquidated) - fell)]
    text = f"at the hub exactly the {len(fell)} accounts whose legs there fell were liquidated, whatever they have elsewhere"
    return Check(text, held=bool(fell) and not wrong, why=_some(wrong))


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return "; ".join(texts[:SHOWN]) + more
