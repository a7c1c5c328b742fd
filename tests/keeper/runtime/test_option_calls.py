"""What is asked and sent for closing an option: at its mark, with its underlying's price beside it."""

from __future__ import annotations

from dataclasses import replace

from chains.hub.attestation import Action
from chains.hub.codec import LIQUIDATE
from chains.hub.events import OptionSet
from chains.hub.options import item_of, market_key, series_id
from config.units import WAD
from keeper.domain.plan import Step
from keeper.runtime.calls import Calls, Task, step_of
from tests.keeper.state.samples import decision as sample_decision
from tests.keeper.watch.world import ACCOUNT, HUBS, NOW_MS, NOW_S, World, opened, with_options

KEY = market_key("ETH-OPTIONS")
SERIES = series_id(KEY, 2_100 * WAD, NOW_S + 9_999, is_call=True)
STEP = Step(Action.OPTION_CLOSE, "alpha", item_of(SERIES), "ETH", 3 * WAD, 80 * WAD, 240 * WAD, 5 * WAD)


def world() -> World:
    found = World(**with_options())
    sold = OptionSet(ACCOUNT, SERIES, KEY, True, 2_100 * WAD, NOW_S + 9_999, -4 * WAD, 1)
    found.mine("alpha", *opened("alpha"), sold)
    return found


def calls(found: World) -> Calls:
    return Calls(found.settings, found.evidence, lambda: NOW_MS, found.policy_hash)


DECISION = replace(sample_decision(), account_id=ACCOUNT)


def test_the_attestation_names_the_option_and_both_prices() -> None:
    asked = calls(world()).attestation(DECISION, STEP, "0x" + "b1" * 32)

    assert asked is not None
    assert (Action.OPTION_CLOSE, item_of(SERIES), 3 * WAD, 80 * WAD, 2_000 * WAD) == (
        asked.action,
        asked.item,
        asked.max_size,
        asked.price,
        asked.value,
    )


def test_the_underlying_is_at_the_hubs_own_price_where_that_was_read() -> None:
    found = world()
    found.evidence.hub_prices["alpha"] = {"ETH": 2_004 * WAD}

    asked = calls(found).attestation(DECISION, STEP, "0x" + "b1" * 32)

    assert asked is not None
    assert 2_004 * WAD == asked.value


def test_an_option_that_is_gone_is_not_asked_for() -> None:
    found = world()
    found.mine("alpha", OptionSet(ACCOUNT, SERIES, KEY, True, 2_100 * WAD, NOW_S + 9_999, 0, 1))

    assert calls(found).attestation(DECISION, STEP, "0x" + "b1" * 32) is None


def test_the_hub_is_called_and_the_step_is_read_back_from_the_call() -> None:
    found = world()
    makes = calls(found)
    asked = makes.attestation(DECISION, STEP, "0x" + "b1" * 32)
    assert asked is not None

    intent = makes.intent(Task(DECISION, STEP, asked, 31_101), [b"\x01" * 65])

    assert (HUBS["alpha"], "0x" + LIQUIDATE.hex()) == (intent.contract, intent.calldata[:10])
    assert f"option_close/{item_of(SERIES)}" == intent.position_key
    read = step_of(intent, found.evidence.known)
    assert (STEP.action, STEP.item, STEP.size, STEP.price_wad) == (
        read.action,
        read.item,
        read.size,
        read.price_wad,
    )
