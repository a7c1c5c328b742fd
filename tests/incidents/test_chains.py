"""Chains that stood still: nothing is done, and nothing from before is acted on after."""

from __future__ import annotations

import pytest

from keeper.domain.health import AccountState
from keeper.watch.venues import venue_facts
from oracles.policy import Liveness, Protocol, Rules, Tier, judge
from tests.incidents.scene import CHAIN, Scene
from tests.oracles.tape import venues

NAMES = ("coinbase", "kraken", "bitstamp")
ROWS = {
    "14_arbitrum_2023_12_15": 78 * 60,
    "21_base_2025_08_05": 33 * 60,
    "31_base_2026_06_25": 116 * 60,
    "32_linea_2025_09_10": 40 * 60,
}


def stalled(minutes_s: int, step: int = 60) -> Scene:
    """A crash in the middle of a stall, that is over again before the chain goes on."""
    scene = Scene("ETH", venues("ETH/USD", *NAMES), units="1", debt=1_500)
    scene.all_at(0, "2000", hub={"ETH": "2000"})
    acted = []
    for second in range(step, minutes_s, step):
        value = "1500" if minutes_s // 3 < second < 2 * minutes_s // 3 else "2000"
        scene.all_at(second, value, block=False)
        acted.append((scene.acts, scene.state, scene.outcome.tier))
    assert {False} == {acts for acts, _, _ in acted}
    assert {AccountState.UNKNOWN, AccountState.AT_RISK} >= {state for _, state, _ in acted[1:]}
    assert {Tier.HOLD_CHAIN} == {tier for _, _, tier in acted}
    return scene


@pytest.mark.parametrize("row", ROWS)
def test_14_21_31_32_a_stalled_chain_is_held_and_what_is_over_is_not_acted_on(row: str) -> None:
    scene = stalled(ROWS[row])
    assert venue_facts(scene.world.settings, scene.evidence)[CHAIN].not_live.startswith(
        "is held: no new block for"
    )
    scene.all_at(ROWS[row], "2000")

    assert (False, Tier.PROCEED) == (scene.acts, scene.outcome.tier)
    assert scene.state in {AccountState.HEALTHY, AccountState.MARGIN_CALL}


def test_14_after_a_stall_a_crash_that_stayed_is_acted_on_once_the_hub_s_own_feed_has_it() -> None:
    scene = stalled(78 * 60)
    scene.all_at(78 * 60, "1600")
    waiting = scene.acts, scene.outcome.tier, scene.state
    scene.all_at(78 * 60 + 2, "1600", hub={"ETH": "1600"})

    assert (False, Tier.HOLD_ASSET, AccountState.LIQUIDATABLE) == waiting
    assert scene.acts


def test_14_a_sequencer_that_is_down_holds_its_chain_though_blocks_come() -> None:
    said = judge(Protocol(1), None, None, Liveness(live=True, sequencer_up=False), 150, 0, Rules())

    assert Tier.HOLD_CHAIN is said.tier


def test_21_the_other_chain_s_accounts_go_on() -> None:
    scene = stalled(33 * 60)

    assert Tier.HOLD_CHAIN is scene.outcome.tier
    assert "" == venue_facts(scene.world.settings, scene.evidence)["beta"].not_live
