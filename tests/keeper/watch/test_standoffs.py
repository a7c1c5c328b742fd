"""A hub's own price against the reference: what is held, told and counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config.units import WAD
from keeper.domain.pause import Pause, Pauses
from keeper.watch.standoffs import Standoffs
from keeper.watch.status import ChainState
from keeper.watch.venues import venue_facts
from oracles.estimates.estimates import Estimates
from oracles.policy import Tier
from oracles.price import FailureKind, Hold, QuoteFailure, QuoteUse
from oracles.sources.sequencer import SequencerState, SequencerStatus
from tests.keeper.watch.world import NOW_MS, World, body, price_set


class Clock:
    now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


class Scene:
    def __init__(self, **changes: Any) -> None:
        feed = {
            "kind": "chainlink",
            "name": "alpha-eth",
            "pair": "ETH/USD",
            "group": "feeds",
            "chain": "alpha",
            "address": "0x" + "fd" * 20,
        }
        self.world = World(sources=[feed], **changes)
        self.clock = Clock()
        self.evidence = self.world.evidence
        self.standoffs = Standoffs(self.world.settings, self.evidence, self.clock)

    def tier(self, eth: int, chain: str = "alpha") -> Tier:
        self.evidence.hub_prices[chain] = {"ETH": eth * WAD}
        self.standoffs.look()
        found = self.evidence.outcomes.get((chain, "ETH"))
        return Tier.PROCEED if found is None else found.tier

    def not_live(self) -> str:
        return venue_facts(self.world.settings, self.evidence)["alpha"].not_live

    def held(self, chain: str = "alpha") -> dict[str, str]:
        return dict(venue_facts(self.world.settings, self.evidence)[chain].held_assets)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_what_agrees_is_free(scene: Scene) -> None:
    assert Tier.PROCEED is scene.tier(2_010)
    assert {} == scene.evidence.outcomes
    assert {} == scene.held()


def test_a_lag_of_a_moment_holds_only_what_is_new(scene: Scene) -> None:
    assert Tier.HOLD_NEW is scene.tier(2_040)
    assert {} == scene.held()


def test_a_disagreement_that_lasts_holds_the_asset_on_its_chain_only(scene: Scene) -> None:
    scene.tier(2_040)
    scene.clock.now_ms += 12_001

    assert Tier.HOLD_ASSET is scene.tier(2_041)
    assert scene.evidence.outcomes["alpha", "ETH"].lasting
    assert ["ETH"] == list(scene.held())
    assert {} == scene.held("beta")
    assert Tier.PROCEED is scene.tier(2_001)
    assert {} == scene.held()


def test_a_hub_s_price_that_repeats_is_hard_wired_once_the_reference_left_it(scene: Scene) -> None:
    assert Tier.PROCEED is scene.tier(2_000)
    scene.clock.now_ms += 86_400_001
    assert Tier.PROCEED is scene.tier(2_000)
    scene.evidence.prices = price_set(1_960)

    assert Tier.HOLD_ASSET is scene.tier(2_000)
    assert "hard-wired" in scene.evidence.outcomes["alpha", "ETH"].reason


def test_a_feed_at_its_bound_is_held_though_it_says_no_price(scene: Scene) -> None:
    failure = QuoteFailure("alpha-eth", "feeds", "ETH/USD", FailureKind.AT_BOUND, "min", NOW_MS)
    eth = replace(
        scene.evidence.prices.prices["ETH"], uses=(QuoteUse(failure, used=False, reason="at_bound"),)
    )
    scene.evidence.prices = replace(
        scene.evidence.prices, prices={**scene.evidence.prices.prices, "ETH": eth}
    )
    scene.standoffs.look()

    assert "held: its feed there is at its own bound" == scene.held()["ETH"]


def test_a_stalled_chain_is_held_as_a_whole(scene: Scene) -> None:
    status = scene.evidence.statuses["alpha"]
    scene.evidence.statuses["alpha"] = replace(status, state=ChainState.STALE, reason="no new block for 40 s")

    assert Tier.HOLD_CHAIN is scene.tier(2_000)
    assert (
        "is held: no new block for 40 s"
        == venue_facts(scene.world.settings, scene.evidence)["alpha"].not_live
    )


@pytest.mark.parametrize("state", [SequencerState.DOWN, SequencerState.IN_GRACE, SequencerState.UNKNOWN])
def test_a_chain_whose_sequencer_is_not_known_to_be_up_is_held_though_blocks_come(
    scene: Scene, state: SequencerState
) -> None:
    scene.evidence.sequencers["alpha"] = SequencerStatus(state, "its sequencer is not up")

    assert Tier.HOLD_CHAIN is scene.tier(2_000)
    assert "is held: its sequencer is not up" == scene.not_live()
    scene.evidence.sequencers["alpha"] = SequencerStatus(SequencerState.UP)
    assert Tier.PROCEED is scene.tier(2_000)
    assert "" == scene.not_live()


def test_at_a_widened_reference_steps_with_that_asset_on_that_chain_are_small(scene: Scene) -> None:
    eth = replace(scene.evidence.prices.prices["ETH"], holds=(Hold("rate", "above", NOW_MS, NOW_MS + 1),))
    scene.evidence.prices = replace(
        scene.evidence.prices, prices={**scene.evidence.prices.prices, "ETH": eth}
    )

    assert Tier.PROCEED_SMALL is scene.tier(2_000)
    facts = venue_facts(scene.world.settings, scene.evidence)
    assert {"ETH": "the reference price is widened: rate: above"} == facts["alpha"].small_assets
    assert {} == facts["beta"].small_assets


def selling(depth: str, eth: int = 2_000, penalty_bps: int = 500, dust: int = 10) -> Scene:
    """A scene in which ether may be sold, so much of it within one percent, and the reference is `eth`."""
    ether = body()["assets"]["ETH"] | {"estimates": {"depth": depth}}
    scene = Scene(assets={**body()["assets"], "ETH": ether})
    evidence = scene.evidence
    evidence.estimates = Estimates(scene.world.settings.assets)
    evidence.prices = price_set(eth)
    facts = evidence.facts["alpha"]
    evidence.facts["alpha"] = replace(facts, limits=replace(facts.limits, dust_value=dust * WAD))
    known = evidence.known["alpha"]
    tokens = {at: replace(token, penalty_bps=penalty_bps) for at, token in known.tokens.items()}
    evidence.known = {**evidence.known, "alpha": replace(known, tokens=tokens)}
    scene.tier(2_000)
    return scene


def sale(scene: Scene, asset: str = "ETH") -> Tier:
    found = scene.evidence.sales.get(("alpha", asset))
    return Tier.PROCEED if found is None else found.tier


@pytest.mark.parametrize(
    ("eth", "tier"),
    [(2_000, Tier.PROCEED), (1_993, Tier.PROCEED), (1_991, Tier.PROCEED_SMALL), (1_984, Tier.HOLD_NEW)],
)
def test_what_taking_an_asset_brings_is_its_reference_and_no_more(eth: int, tier: Tier) -> None:
    # of a penalty of 100 bps the insurance keeps a fifth
    assert tier is sale(selling("1000000000", eth, penalty_bps=100))


@pytest.mark.parametrize(
    ("depth", "tier"), [("1000", Tier.PROCEED), ("250", Tier.PROCEED_SMALL), ("100", Tier.HOLD_NEW)]
)
def test_even_the_smallest_step_brings_less_where_little_can_be_sold(depth: str, tier: Tier) -> None:
    assert tier is sale(selling(depth, dust=1_000))


def test_depth_that_was_seen_to_shrink_counts() -> None:
    scene = selling("1000", dust=1_000)
    scene.evidence.estimates.observe(price_set(2_000, half_width_bps=100))
    scene.tier(2_000)

    assert Tier.HOLD_NEW is sale(scene)
    assert {"ETH"} == set(venue_facts(scene.world.settings, scene.evidence)["alpha"].held_sales)


def test_of_what_is_not_sold_or_is_what_debts_are_in_nothing_is_said(scene: Scene) -> None:
    scene.evidence.prices = price_set(1_900)
    scene.tier(1_900)
    assert {} == scene.evidence.sales
    poor = selling("100", dust=1_000)
    poor.evidence.hub_prices["alpha"]["USDC"] = 2 * WAD
    poor.standoffs.look()

    assert [("alpha", "ETH")] == list(poor.evidence.sales)


def test_a_person_s_pause_is_what_is_said_where_both_hold(scene: Scene) -> None:
    scene.tier(9_000)
    alone = scene.held()["ETH"]
    scene.evidence.pauses = Pauses((Pause("asset:ETH", NOW_MS, "anna", "looks odd"),))

    assert alone.startswith("held: the venue's own price, 9000.0000, is 35000 bps above")
    assert "paused by anna: looks odd" == scene.held()["ETH"]
