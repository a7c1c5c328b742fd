"""What a person says of prices: to resume an asset ends its holds; and what is estimated of it reaches the plans."""

from __future__ import annotations

from pathlib import Path

from config.asset_settings import AssetSettings
from config.units import WAD
from keeper.runtime.orders import Orders
from keeper.runtime.planning import Planning
from keeper.state.log import StateLog
from keeper.state.orders import Order, give
from oracles.estimates.estimates import Estimates
from tests.keeper.watch.world import NOW_MS, World, log_path, price_set


async def test_to_resume_an_asset_ends_what_its_guards_hold(tmp_path: Path) -> None:
    released: list[str] = []
    path = log_path(tmp_path)
    async with StateLog.open(path, "live", lambda: NOW_MS) as log:
        orders = Orders(World().evidence, log, released.append)
        for number, (action, scope) in enumerate(
            [("paused", "asset:BTC"), ("resumed", "chain:alpha"), ("resumed", "asset:ETH")]
        ):
            give(path, Order(action, scope, "anna", "looked at it"), number)
        await orders.restore()

    assert ["ETH"] == released


def test_depth_that_is_configured_reaches_the_inventory_as_it_is_estimated() -> None:
    world = World()
    settings = AssetSettings.model_validate({"estimates": {"depth": "1000", "quiet_width_bps": 10}})
    world.evidence.estimates = Estimates({"ETH": settings, "USDC": AssetSettings()})
    planning = Planning(world.settings, world.policy, world.evidence)
    world.evidence.estimates.observe(price_set(2_000, half_width_bps=10))

    assert {"ETH": 500 * WAD} == planning.inventory().depths_wad
