"""Where a hub's own price and the reference disagree: what may be done with each asset on each chain.

A hub uses its own feed (P); ours is the reference (R). `Standoffs.look` judges every pair of them by
`oracles.policy` and puts what is not free to proceed into `Evidence.outcomes`, from where plans and alerts
take it.

What is seized is sold for the reference less slippage (X), by the depth that is estimated of an asset; one without a
configured depth is kept, and nothing is said of it. The size in question is the smallest that is worth a step,
the hub's dust: larger steps are sized by the planner, which counts the same slippage for each. The
judgement is in `Evidence.sales` and concerns only steps that take the asset, since closing a position sells
nothing. It rests on the middle of R: doubt alone must not stop liquidations just when venues differ, and is in
the depth already, which shrinks as the interval grows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from config.settings import Settings
from config.source_settings import SourceSettings
from config.units import BPS, mul_div_down
from keeper.watch.evidence import Evidence
from oracles.estimates.depth import slippage_wad
from oracles.policy import (
    Disagreements,
    Execution,
    Liveness,
    Outcome,
    Protocol,
    Rules,
    Tier,
    are_apart,
    judge,
    paying,
)
from oracles.price import FailureKind, Price, QuoteFailure

FREE = Outcome(Tier.PROCEED)
TELL_EVERY_MS = 1_000

log = structlog.get_logger()


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
        self._told: dict[tuple[str, str, str], tuple[Tier, int]] = {}
        self.disagreements = Disagreements(self._rules)

    def look(self) -> None:
        """Judge every asset on every chain as things stand."""
        if self._evidence.sources and self._evidence.sources is not self._sources:
            self._sources = self._evidence.sources
            self._feeds = _feeds(self._sources)
        outcomes: dict[tuple[str, str], Outcome] = {}
        sales: dict[tuple[str, str], Outcome] = {}
        depths_wad = self._evidence.estimates.depths_wad()
        for chain in self._settings.chains:
            for asset in sorted(self._assets(chain)):
                outcomes[chain, asset] = self._outcome(chain, asset)
                sales[chain, asset] = self._sale(chain, asset, depths_wad.get(asset, 0))
        self._evidence.outcomes, self._evidence.sales = _restricted(outcomes), _restricted(sales)
        self._tell("price_outcome", outcomes)
        self._tell("sale_outcome", sales)

    def _tell(self, event: str, found: Mapping[tuple[str, str], Outcome]) -> None:
        """Tell the log of each that has another tier than was told last: not at once what turns with every price."""
        now_ms = self._now_ms()
        for (chain, asset), outcome in found.items():
            tier, at_ms = self._told.get((event, chain, asset), (Tier.PROCEED, 0))
            if outcome.tier is not tier and not 0 <= now_ms - at_ms < TELL_EVERY_MS:
                self._told[event, chain, asset] = (outcome.tier, now_ms)
                log.info(
                    event, chain=chain, asset=asset, tier=outcome.tier.name.lower(), reason=outcome.reason
                )

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

    def _sale(self, chain: str, asset: str, depth_wad: int) -> Outcome:
        """Judge what the smallest step worth taking would bring. What the debt is in is never sold."""
        value_wad = self._evidence.hub_prices.get(chain, {}).get(asset)
        reference = self._evidence.prices.prices.get(asset)
        token = next(
            (
                its
                for its in self._evidence.known[chain].tokens.values()
                if its.asset == asset and its.token_id
            ),
            None,
        )
        if (
            not depth_wad
            or value_wad is None
            or token is None
            or reference is None
            or reference.mid_wad is None
        ):
            return FREE
        limits = self._evidence.facts[chain].limits
        dust_wad = limits.dust_value
        left_wad = max(dust_wad - slippage_wad(dust_wad, depth_wad), 0)
        sold_wad = mul_div_down(reference.mid_wad, left_wad, dust_wad) if dust_wad else reference.mid_wad
        earned_bps = mul_div_down(token.penalty_bps, BPS - limits.insurance_share_bps, BPS)
        return paying(value_wad, Execution(sold_wad, earned_bps))

    def _liveness(self, chain: str) -> Liveness:
        status, sequencer = self._evidence.statuses[chain], self._evidence.sequencers.get(chain)
        live = status.moves
        if sequencer is None or not live:
            return Liveness(live, status.reason)
        # A configured feed that says nothing does not say "up".
        return Liveness(live, sequencer.reason, sequencer_up=sequencer.up is True)

    def _band_bps(self, chain: str) -> int:
        return min(self._settings.risk.price_band_bps, self._evidence.facts[chain].limits.price_band_bps)


def _restricted(found: Mapping[tuple[str, str], Outcome]) -> dict[tuple[str, str], Outcome]:
    return {key: outcome for key, outcome in found.items() if outcome.tier is not Tier.PROCEED}


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
