"""What people are told about prices that are held: by a guard, because a hub's own is another, or since nothing sells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keeper.runtime.mispriced import Count
from keeper.state.entries import AlertOpened
from keeper.watch.evidence import Evidence
from oracles.guards.guards import Tally
from oracles.policy import Tier

GUARDED = "price_held/"
STANDOFF = "price_disputed/"
LASTING = "price_standoff/"
EXPIRED = "price_released/"
UNSOLD = "price_unsold/"
PREFIXES = (GUARDED, STANDOFF, LASTING, EXPIRED, UNSOLD)

_RELEASED = "hold expired: "


def standing(evidence: Evidence, counts: Mapping[tuple[str, str], Count]) -> dict[str, AlertOpened]:
    """Return the alerts that should be open now, by their keys."""
    return {
        alert.dedupe_key: alert
        for alert in (*_guarded(evidence, counts), *_standoffs(evidence, counts), *_unsold(evidence))
    }


def over(key: str, tallies: Mapping[tuple[str, str], Tally]) -> str:
    """Return why an alert is closed: what it told is over, and what its guard has done since the process began."""
    guarded = key.startswith(GUARDED)
    asset, _, guard = key.removeprefix(GUARDED).rpartition("/")
    tally = tallies.get((asset, guard)) if guarded else None
    return f"it is so no more; {tally}" if tally else "it is so no more"


def _guarded(evidence: Evidence, counts: Mapping[tuple[str, str], Count]) -> Iterator[AlertOpened]:
    for asset, price in evidence.prices.prices.items():
        for hold in price.holds:
            gone = price.mid_wad is None
            counted = "; ".join(f"{chain}: {count}" for (chain, its), count in counts.items() if its == asset)
            yield AlertOpened(
                f"{GUARDED}{asset}/{hold.guard}",
                "critical" if gone else "warning",
                f"{asset} is {'held' if gone else 'widened'} by its {hold.guard} guard",
                "; ".join(filter(None, (hold.detail, counted if gone else "")))[:500],
                f"it ends by itself at the latest {(hold.until_ms - hold.since_ms) // 1000} s after it began; "
                f"to end it now: keeper resume --asset {asset} --why ...",
            )
        if price.reason.startswith(_RELEASED):
            yield AlertOpened(
                f"{EXPIRED}{asset}",
                "critical",
                f"a hold of {asset} has expired, and its price is used again",
                price.reason[:500],
                f"is it right? if not: keeper pause --asset {asset} --why ...",
            )


def _standoffs(evidence: Evidence, counts: Mapping[tuple[str, str], Count]) -> Iterator[AlertOpened]:
    for (chain, asset), outcome in evidence.outcomes.items():
        if outcome.tier is Tier.HOLD_ASSET:
            count = counts.get((chain, asset))
            yield AlertOpened(
                f"{LASTING if outcome.lasting else STANDOFF}{chain}/{asset}",
                "critical" if outcome.lasting else "warning",
                f"{asset} is held on {chain}: its price there is not ours",
                "; ".join(filter(None, (outcome.reason, str(count or ""))))[:500],
                "accounts in need by the hub's price only are safe; those in need by ours only can not be helped there",
            )
        elif outcome.tier is Tier.PROCEED_SMALL:
            yield AlertOpened(
                f"{STANDOFF}{chain}/{asset}",
                "warning",
                f"only small steps with {asset} on {chain}",
                outcome.reason[:500],
                f"see `keeper prices --why {asset}`",
            )


def _unsold(evidence: Evidence) -> Iterator[AlertOpened]:
    for (chain, asset), outcome in evidence.sales.items():
        held = outcome.tier.holds
        yield AlertOpened(
            f"{UNSOLD}{chain}/{asset}",
            "warning",
            f"{f'no {asset} is' if held else f'{asset} is only in small steps'} taken on {chain}",
            outcome.reason[:500],
            "it would not pay to sell it now; positions are closed as before",
        )
