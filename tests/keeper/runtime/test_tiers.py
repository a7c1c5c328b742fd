"""What prices allow, from everything to nothing: each tier through the running engine, with its line in the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.units import WAD
from keeper.runtime.alerts import Alerts
from keeper.runtime.engine import Engine
from keeper.runtime.patience import Patience
from keeper.state.log import StateLog
from keeper.state.reader import LogReader
from keeper.watch.standoffs import TELL_EVERY_MS
from keeper.watch.status import ChainState
from oracles.estimates.estimates import Estimates
from oracles.policy import Tier
from oracles.price import Hold
from tests.keeper.watch.world import ACCOUNT, NOW_MS, World, body, log_path, opened, price_set

DEBT = 16_500
SMALL_STEP = 4_125
"""A quarter of the debt: half of what the hub's close factor lets through."""
PENALTY_BPS = 100


class Scene:
    """An account in need of one step on one chain. The hub's price is 2,000 USD, and so is the reference."""

    def __init__(self, log: StateLog) -> None:
        ether = body()["assets"]["ETH"] | {"estimates": {"depth": "100000000"}}
        self.world = World(assets={**body()["assets"], "ETH": ether})
        self.evidence = self.world.evidence
        self.evidence.estimates = Estimates(self.world.settings.assets)
        self.evidence.known = {
            name: replace(
                chain,
                tokens={at: replace(token, penalty_bps=PENALTY_BPS) for at, token in chain.tokens.items()},
            )
            for name, chain in self.evidence.known.items()
        }
        self.evidence.hub_prices["alpha"] = {"ETH": 2_000 * WAD, "USDC": WAD}
        self.evidence.stable_held["alpha"] = 10**13
        self.world.mine("alpha", *opened("alpha", eth="10", debt=DEBT))
        self.now_ms, self.log = NOW_MS, log
        clock = lambda: self.now_ms  # noqa: E731 - one line says it
        alerts = Alerts(self.world.settings, self.evidence, log, clock)
        self.engine = Engine(
            self.world.settings, self.world.policy, self.evidence, None, Patience(clock), alerts, log, clock
        )

    def reference(self, value: int) -> None:
        self.evidence.prices = price_set(value)

    def widened(self) -> None:
        prices = self.evidence.prices.prices
        held = replace(prices["ETH"], holds=(Hold("rate", "above its cap", NOW_MS, NOW_MS + 1),))
        self.evidence.prices = replace(self.evidence.prices, prices={**prices, "ETH": held})

    def hub_says(self, value: int) -> None:
        self.evidence.hub_prices["alpha"]["ETH"] = value * WAD

    def hub_said_for_long(self, value: int) -> None:
        self.hub_says(value)
        self.engine._standoffs.look()
        self.now_ms += 12_001

    def stalled(self) -> None:
        its = self.evidence.statuses["alpha"]
        self.evidence.statuses["alpha"] = replace(its, state=ChainState.STALE, reason="no new block for 40 s")


@dataclass(frozen=True)
class Told:
    """What the journal has: whole stable to be repaid, why no more, and the alerts that are open."""

    sizes: list[int]
    rejected: str
    alerts: dict[str, str]


async def told(scene: Scene) -> Told:
    """Evaluate once, and read the log as a person would."""
    await scene.engine.evaluate()
    with LogReader(scene.log.path) as reader:
        (row,) = reader.decisions(ACCOUNT)
        decision = reader.decision(row["decision_id"])
        alerts = reader.select("SELECT dedupe_key, title FROM alerts WHERE closed_at_ms IS NULL")
    assert decision is not None
    plan = decision["plan"]
    return Told(
        [int(step["size"]) // 10**6 for step in plan["steps"]],
        "; ".join(plan["rejected"]),
        {alert["dedupe_key"]: alert["title"] for alert in alerts},
    )


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        yield Scene(log)


def tiers(scene: Scene) -> tuple[Tier, Tier]:
    """Return what may be done with the asset, and with taking it."""
    outcome, sale = (its.get(("alpha", "ETH")) for its in (scene.evidence.outcomes, scene.evidence.sales))
    return outcome.tier if outcome else Tier.PROCEED, sale.tier if sale else Tier.PROCEED


async def test_where_p_r_and_x_agree_all_that_is_needed_is_taken_in_one_step(scene: Scene) -> None:
    found = await told(scene)

    assert (Tier.PROCEED, Tier.PROCEED) == tiers(scene)
    assert [True] == [SMALL_STEP < size < DEBT // 2 for size in found.sizes]
    assert {} == found.alerts
    assert "only small steps" not in found.rejected


async def test_at_a_widened_reference_steps_are_small(scene: Scene) -> None:
    scene.widened()
    found = await told(scene)

    assert (Tier.PROCEED_SMALL, Tier.PROCEED) == tiers(scene)
    assert [SMALL_STEP] == found.sizes
    assert (
        "only small steps with ETH on alpha: the reference price is widened: rate: above its cap"
        in found.rejected
    )
    assert "only small steps with ETH on alpha" == found.alerts["price_disputed/alpha/ETH"]


async def test_where_most_of_the_penalty_is_lost_in_the_sale_steps_that_take_are_small(scene: Scene) -> None:
    scene.reference(1_990)
    found = await told(scene)

    assert (Tier.PROCEED, Tier.PROCEED_SMALL) == tiers(scene)
    assert [SMALL_STEP] == found.sizes
    assert (
        "only small steps with ETH on alpha: it sells for 1989.9999, less than half of the penalty is left"
        in found.rejected
    )
    assert "ETH is only in small steps taken on alpha" == found.alerts["price_unsold/alpha/ETH"]


async def test_what_would_be_sold_at_a_loss_is_not_taken(scene: Scene) -> None:
    scene.reference(1_980)
    found = await told(scene)

    assert (Tier.PROCEED, Tier.HOLD_NEW) == tiers(scene)
    assert [] == found.sizes
    assert "ETH would not pay: it sells for 1979.9999, and pays only from 1984.1269 on" in found.rejected
    assert "no ETH is taken on alpha" == found.alerts["price_unsold/alpha/ETH"]


async def test_beyond_the_band_nothing_new_is_begun(scene: Scene) -> None:
    scene.hub_says(2_040)
    found = await told(scene)

    assert Tier.HOLD_NEW is tiers(scene)[0]
    assert [] == found.sizes
    assert "the hub's price of ETH is 200 bps off the reference, over the 150 allowed" in found.rejected


async def test_a_disagreement_that_lasts_holds_the_asset(scene: Scene) -> None:
    scene.hub_said_for_long(2_040)
    found = await told(scene)

    assert Tier.HOLD_ASSET is tiers(scene)[0]
    assert [] == found.sizes
    assert "ETH is held: the venue's own price, 2040.0000, is 200 bps above" in found.rejected
    assert "ETH is held on alpha: its price there is not ours" == found.alerts["price_standoff/alpha/ETH"]


async def test_a_chain_that_stands_still_is_held_as_a_whole(scene: Scene) -> None:
    scene.stalled()
    found = await told(scene)

    assert Tier.HOLD_CHAIN is tiers(scene)[0]
    assert [] == found.sizes
    assert "alpha is held: no new block for 40 s" in found.rejected
    assert "alpha is stale" == found.alerts["chain/alpha"]


async def test_each_tier_is_told_in_the_daemon_s_own_log_once_when_it_begins(scene: Scene) -> None:
    arranged: list[Callable[[], None]] = [
        scene.widened,
        lambda: scene.reference(2_000),
        lambda: scene.hub_says(2_040),
        lambda: scene.hub_said_for_long(2_040),
        scene.stalled,
    ]
    with capture_logs() as entries:
        for arrange in arranged:
            scene.now_ms += TELL_EVERY_MS
            arrange()
            await scene.engine.evaluate()
            await scene.engine.evaluate()

    said = [
        entry["tier"] for entry in entries if entry["event"] == "price_outcome" and entry["asset"] == "ETH"
    ]
    assert ["proceed_small", "proceed", "hold_new", "hold_asset", "hold_chain"] == said


async def test_a_tier_that_turns_with_every_price_is_no_storm_and_the_last_one_is_told(scene: Scene) -> None:
    with capture_logs() as entries:
        for number in range(1, 1_000):
            scene.now_ms += 10
            scene.hub_says(2_040 if number % 2 else 2_000)
            scene.engine._standoffs.look()
        scene.now_ms += TELL_EVERY_MS
        scene.engine._standoffs.look()

    said = [
        entry["tier"] for entry in entries if (entry["event"], entry["asset"]) == ("price_outcome", "ETH")
    ]
    assert len(said) <= 11
    assert "hold_new" == said[-1]
