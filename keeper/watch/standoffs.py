"""Where a hub's own price and the reference disagree: what may be done with each asset on each chain.

A hub uses its own feed (P); ours is the reference (R). `Standoffs.look` judges every pair of them by
`oracles.policy` and puts what is not free to proceed into `Evidence.outcomes`, from where plans and alerts
take it. What seized collateral is sold for (X) is not read here: what is seized is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from config.settings import Settings
from config.source_settings import SourceSettings
from keeper.watch.evidence import Evidence
from keeper.watch.status import ChainState
from oracles.policy import Disagreements, Liveness, Outcome, Protocol, Rules, Tier, are_apart, judge
from oracles.price import FailureKind, Price, QuoteFailure


@dataclass(slots=True)
class _Said:
    """What a hub's feed last said, and since when it says just that."""

    value_wad: int
    since_ms: int


class Standoffs:
    """Judges P against R at each evaluation. Remembers since when they disagree, and since when P repeats."""

    def __init__(
        self, settings: Settings, evidence: Evidence, now_ms: Callable[[], int], rules: Rules | None = None
    ) -> None:
        self._settings = settings
        self._evidence = evidence
        self._now_ms = now_ms
        self._rules = rules or Rules()
        self._said: dict[tuple[str, str], _Said] = {}
        self._sources = settings.sources
        self._feeds = _feeds(settings.sources)
        self.disagreements = Disagreements(self._rules)

    def look(self) -> None:
        """Judge every asset on every chain as things stand."""
        if self._evidence.sources and self._evidence.sources is not self._sources:
            self._sources = self._evidence.sources
            self._feeds = _feeds(self._sources)
        found: dict[tuple[str, str], Outcome] = {}
        for chain in self._settings.chains:
            for asset in sorted(self._assets(chain)):
                outcome = self._outcome(chain, asset)
                if outcome.tier is not Tier.PROCEED:
                    found[chain, asset] = outcome
        self._evidence.outcomes = found

    def _assets(self, chain: str) -> set[str]:
        """Return the assets that the chain's hub has a price of, or should have."""
        return {*self._evidence.hub_prices.get(chain, {}), *self._at_bound(chain)}

    def _at_bound(self, chain: str) -> set[str]:
        """Return the assets whose feed on this chain answers with its own bound."""
        prices = self._evidence.prices.prices
        return {
            asset
            for asset, feeds in self._feeds.get(chain, {}).items()
            if asset in prices and _is_bound(prices[asset], feeds)
        }

    def _outcome(self, chain: str, asset: str) -> Outcome:
        value_wad = self._evidence.hub_prices.get(chain, {}).get(asset)
        if value_wad is None:
            return Outcome(Tier.HOLD_ASSET, "its feed there is at its own bound", lasting=True)
        now_ms = self._now_ms()
        said = self._said.get((chain, asset))
        if said is None or said.value_wad != value_wad or now_ms < said.since_ms:
            said = self._said[chain, asset] = _Said(value_wad, now_ms)
        reference = self._evidence.prices.prices.get(asset)
        band_bps = self._band_bps(chain)
        apart = _apart(value_wad, reference, band_bps)
        return judge(
            Protocol(value_wad, unchanged_ms=now_ms - said.since_ms),
            reference,
            None,
            self._liveness(chain),
            band_bps,
            self.disagreements.apart_ms(chain, asset, now_ms, apart=apart),
            self._rules,
        )

    def _liveness(self, chain: str) -> Liveness:
        status, sequencer = self._evidence.statuses[chain], self._evidence.sequencers.get(chain)
        live = status.state is ChainState.LIVE
        if sequencer is None or not live:
            return Liveness(live, status.reason)
        # A configured feed that says nothing does not say "up".
        return Liveness(live, sequencer.reason, sequencer_up=sequencer.up is True)

    def _band_bps(self, chain: str) -> int:
        return min(self._settings.risk.price_band_bps, self._evidence.facts[chain].limits.price_band_bps)


def _feeds(sources: Sequence[SourceSettings]) -> dict[str, dict[str, set[str]]]:
    """Return the names of the hubs' own feeds, by chain and asset."""
    found: dict[str, dict[str, set[str]]] = {}
    for source in sources:
        if source.kind == "chainlink" and source.pair.endswith("/USD"):
            asset = source.pair.removesuffix("/USD")
            found.setdefault(source.chain, {}).setdefault(asset, set()).add(source.name)
    return found


def _apart(value_wad: int, reference: Price | None, band_bps: int) -> bool:
    mid_wad = None if reference is None else reference.mid_wad
    return mid_wad is not None and are_apart(value_wad, mid_wad, band_bps)


def _is_bound(price: Price, feeds: set[str]) -> bool:
    failures = (use.quote for use in price.uses if isinstance(use.quote, QuoteFailure))
    return any(failure.kind is FailureKind.AT_BOUND and failure.source in feeds for failure in failures)
