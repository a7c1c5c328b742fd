"""One account on one chain, and an incident played through the running engine.

Quotes go into the book of prices with its guards, the prices into the evidence, the hub's own price is judged
against them, and the account is evaluated and decided on, all by the code that the daemon runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chains.hub.events import AccountOpened, CollateralSet, CrossMarginSet, PositionSet
from config.asset_settings import AssetSettings
from config.units import WAD, parse_wad
from keeper.domain.decision import Decision
from keeper.domain.health import AccountState
from keeper.planner.decide import Assessment
from keeper.runtime.planning import Planning
from keeper.watch.standoffs import Standoffs
from oracles.policy import Outcome, Tier
from oracles.price import Price
from tests.keeper.watch.world import ACCOUNT, CHAINS, HUBS, NOW_MS, OWNER, TOKENS, World, head, opened
from tests.oracles.tape import Said, Tape, venues

CHAIN = "alpha"
FREE = Outcome(Tier.PROCEED)
WEIGHTS = {"collateral_weight_bps": 8_000, "initial_collateral_weight_bps": 7_500}
EXACT = {"floor_bps": 1, "widen_bps_per_minute": 0}
LONE = {"min_sources": 1, "min_groups": 1}
STABLE = "USDC"


class Scene:
    """An account that holds `units` of `collateral` and owes `debt` of a stable, on a chain with a hub.

    `short` is instead how many it is short of the collateral and how much stable it holds.
    `assets` are tables as in a configuration; what is not said is harmless, and the stable is one dollar on
    three venues unless it is said otherwise. `feeds` are sources by name: their pair and group.
    """

    def __init__(
        self,
        collateral: str,
        feeds: Mapping[str, tuple[str, str]],
        *,
        units: str = "10",
        debt: int = 0,
        short: tuple[int, int] | None = None,
        stable: str = STABLE,
        assets: Mapping[str, Mapping[str, Any]] | None = None,
        last_known: Mapping[str, str] | None = None,
    ) -> None:
        tables = {name: {**EXACT, **WEIGHTS, **dict(table)} for name, table in (assets or {}).items()}
        for name in (collateral, stable):
            tables.setdefault(name, {**EXACT, **WEIGHTS})
        self.collateral, self.stable = collateral, stable
        self._own_dollar = not any(pair.startswith(f"{stable}/") for pair, _ in feeds.values())
        self._dollars = venues(f"{stable}/USD", "u1", "u2", "u3") if self._own_dollar else {}
        self.world = World(assets=tables, **_listing(collateral, stable))
        self.evidence = self.world.evidence
        self.tape = Tape(
            dict[str, AssetSettings](self.world.settings.assets),
            {**feeds, **self._dollars},
            last_known=last_known,
            start_ms=NOW_MS,
        )
        self.standoffs = Standoffs(self.world.settings, self.evidence, lambda: self.tape.now_ms)
        self.planning = Planning(self.world.settings, self.world.policy, self.evidence)
        self.evidence.stable_held[CHAIN] = 10**15
        self.hub: dict[str, int] = {}
        self.state: AccountState | None = None
        self.decision: Decision | None = None
        events = opened(CHAIN, eth=units, debt=debt)
        if short is not None:
            size, held = short
            events = [
                AccountOpened(ACCOUNT, OWNER, 0),
                CollateralSet(ACCOUNT, TOKENS[CHAIN][0], held * 10**6, 1),
                PositionSet(ACCOUNT, 0, -size * WAD, 136 * WAD, 1),
                CrossMarginSet(ACCOUNT, enabled=True, version=1),
            ]
        self.world.mine(CHAIN, *events)
        self._number = 2

    def at(self, second: float, **said: Any) -> Scene:
        """Let sources say something (by name), the hub's feeds (`hub`: by asset), and a block be mined; then evaluate.

        `block` is False where the chain stands still.
        """
        hub, block = said.pop("hub", {}), said.pop("block", True)
        for name, value in hub.items():
            self.hub[name] = parse_wad(value)
        prices = self.tape.at(second, **dict.fromkeys(self._dollars, "1"), **said)
        self.evidence.prices = prices
        self.evidence.hub_prices[CHAIN] = dict(self.hub)
        self._mine(block=block)
        self._evaluate()
        return self

    def all_at(self, second: float, value: Said, **more: Any) -> Scene:
        """Let every source of the collateral say the same."""
        names = [
            name for name, (pair, _) in self.tape.feeds.items() if pair.startswith(f"{self.collateral}/")
        ]
        return self.at(second, **dict.fromkeys(names, value), **more)

    def during(self, start: int, end: int, step: int = 1, **said: Any) -> Scene:
        """Let the same be said at every step from `start` to `end`, both included."""
        for second in range(start, end + 1, step):
            self.at(second, **said)
        return self

    @property
    def price(self) -> Price:
        """The price of the collateral."""
        return self.evidence.prices.prices[self.collateral]

    @property
    def outcome(self) -> Outcome:
        """What the collateral's price allows on the chain."""
        return self.evidence.outcomes.get((CHAIN, self.collateral), FREE)

    @property
    def acts(self) -> bool:
        """Whether the last evaluation planned a step."""
        return self.decision is not None and self.decision.plan is not None and bool(self.decision.plan.steps)

    @property
    def rejected(self) -> str:
        """Why the steps that were not planned were not."""
        found = self.decision.plan.rejected if self.decision is not None and self.decision.plan else ()
        return "; ".join(found)

    def assessed(self, previous: AccountState | None = None) -> Assessment:
        """The account as it stands now."""
        account = self.evidence.book.account(ACCOUNT)
        assert account is not None
        return self.planning.assess(account, previous, self.evidence.cut(self.tape.now_ms))

    def guards(self) -> Sequence[str]:
        """The guards that act on the collateral's price."""
        return [hold.guard for hold in self.price.holds]

    def _mine(self, *, block: bool) -> None:
        for name, chain in self.world.settings.chains.items():
            status = self.evidence.statuses[name]
            if block or name != CHAIN:
                found = head(name, self._number, timestamp=self.tape.now_ms // 1000)
                status = status.seen(found, self.tape.now_ms, 0)
            self.evidence.statuses[name] = status.aged(chain, self.tape.now_ms)
        self._number += 1

    def _evaluate(self) -> None:
        self.standoffs.look()
        account = self.evidence.book.account(ACCOUNT)
        assert account is not None
        now_ms = self.tape.now_ms
        cut = self.evidence.cut(now_ms)
        self.decision = self.planning.decide(account, self.state, cut, now_ms, ())
        self.state = self.planning.assess(account, self.state, cut).state


def _listing(collateral: str, stable: str) -> dict[str, Any]:
    """Both chains list the stable, the collateral and a market on it."""
    tiers = [{"up_to_value": "100000000", "maintenance_bps": 500, "initial_bps": 1_000}]
    chains = {
        name: {
            "chain_id": chain_id,
            "genesis_hash": "0x" + "9e" * 32,
            "endpoints": [{"url": "http://127.0.0.1:1"}],
            "hub": HUBS[name],
            "tokens": [
                {"address": TOKENS[name][0], "asset": stable, "decimals": 6},
                {"address": TOKENS[name][1], "asset": collateral, "decimals": 18},
            ],
            "markets": [{"market": "ETH-PERP", "hub_id": 0}],
            "debt_asset": stable,
            "native_asset": collateral,
            "stale_after_s": 30.0,
            "unknown_after_s": 60.0,
            # the account is no newcomer of the last blocks
            "unfinal_blocks": 0,
            "signer": "keeper",
        }
        for name, chain_id in CHAINS.items()
    }
    return {"chains": chains, "markets": {"ETH-PERP": {"asset": collateral, "tiers": tiers}}}
