"""An attestor signs what is right in every field and refuses, with the field's own reason, what is wrong in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chains.hub.attestation import Action, Attestation
from chains.hub.events import CrossMarginSet
from config.units import WAD
from keeper.attest.wire import RefusalReason
from keeper.watch.status import ChainState
from oracles.price import Price, PriceSet, PriceStatus
from tests.keeper.attest.proposals import chain_of, good, judged, world_for
from tests.keeper.watch.world import NOW_MS, NOW_S, World, hub_facts, opened, price_set

OWN = (Action.WITHDRAW, Action.BORROW, Action.TRADE, Action.UNLINK)
ON_OPTIONS = (Action.OPTION_TRADE, Action.OPTION_CLOSE)
STEPS = tuple(set(Action) - {*OWN, *ON_OPTIONS})


@pytest.mark.parametrize("action", [*OWN, *STEPS])
def test_what_is_right_in_every_field_is_signed(action: Action) -> None:
    world = world_for(action)

    assert judged(world, good(world, action)) is None


def _without_price(world: World) -> None:
    missing = Price("ETH", PriceStatus.UNAVAILABLE, "no quorum", None, None, None, None, ())
    prices = dict(world.evidence.prices.prices) | {"ETH": missing}
    world.evidence.prices = PriceSet("0x" + "00" * 32, NOW_MS, prices)


WRONG_FIELDS: list[tuple[RefusalReason, Callable[[Attestation], Attestation]]] = [
    (RefusalReason.POLICY, lambda a: replace(a, policy_hash="0x" + "99" * 32)),
    (RefusalReason.EPOCH, lambda a: replace(a, epoch=2)),
    (RefusalReason.TIME, lambda a: replace(a, observed_at=NOW_S - 31)),
    (RefusalReason.TIME, lambda a: replace(a, observed_at=NOW_S + 31)),
    (RefusalReason.TIME, lambda a: replace(a, deadline=NOW_S)),
    (RefusalReason.TIME, lambda a: replace(a, deadline=NOW_S + 601)),
    (RefusalReason.CUT, lambda a: replace(a, blocks_root="0x" + "99" * 32)),
    (RefusalReason.ACTION, lambda a: replace(a, action=12)),
    (RefusalReason.ACTION, lambda a: replace(a, item=5)),
    (RefusalReason.VERSION, lambda a: replace(a, version=0)),
    (RefusalReason.VERSION, lambda a: replace(a, version=2)),
    (RefusalReason.SEQUENCE, lambda a: replace(a, sequence=0)),
    (RefusalReason.PRICE, lambda a: replace(a, price=a.price * 102 // 100)),
    (RefusalReason.PRICE, lambda a: replace(a, price=a.price * 98 // 100)),
    (RefusalReason.PRICE, lambda a: replace(a, price=0)),
    (RefusalReason.HEALTH_FIGURE, lambda a: replace(a, health=WAD)),
    (RefusalReason.HEALTH_FIGURE, lambda a: replace(a, health=0)),
    (RefusalReason.SIZE, lambda a: replace(a, max_size=0)),
    (RefusalReason.SIZE, lambda a: replace(a, max_size=a.max_size * 106 // 100)),
    (RefusalReason.UNKNOWN_ACCOUNT, lambda a: replace(a, account="0x" + "99" * 32)),
]


@pytest.mark.parametrize(("reason", "change"), WRONG_FIELDS)
def test_one_wrong_field_is_refused_by_its_name(
    reason: RefusalReason, change: Callable[[Attestation], Attestation]
) -> None:
    world = world_for(Action.REPAY)

    assert reason == judged(world, change(good(world, Action.REPAY)), "alpha")


WRONG_WORLDS: list[tuple[RefusalReason, Callable[[World], None]]] = [
    (RefusalReason.NO_PRICE, _without_price),
    (RefusalReason.HEALTHY, lambda world: setattr(world.evidence, "prices", price_set(2_400))),
    (
        RefusalReason.HEALTHY,  # not certain: the high end is above one
        lambda world: setattr(world.evidence, "prices", price_set(2_000, 800)),
    ),
    (
        RefusalReason.POLICY,
        lambda world: world.evidence.facts.update(alpha=hub_facts("alpha", "0x" + "99" * 32)),
    ),
    (
        RefusalReason.SIZE,  # a paused hub takes no step
        lambda world: world.evidence.facts.update(alpha=hub_facts("alpha", world.policy_hash, paused=True)),
    ),
    (
        RefusalReason.SIZE,  # nor does a chain that this attestor has stopped
        lambda world: world.evidence.statuses.update(
            alpha=replace(world.evidence.statuses["alpha"], state=ChainState.STOPPED, reason="forked")
        ),
    ),
]


@pytest.mark.parametrize(("reason", "change"), WRONG_WORLDS)
def test_what_this_attestor_does_not_see_itself_is_refused(
    reason: RefusalReason, change: Callable[[World], None]
) -> None:
    world = world_for(Action.REPAY)
    proposal = good(world, Action.REPAY)
    change(world)
    proposal = replace(
        proposal, price=proposal.price * 12 // 10 if _eth(world) > 2_100 * WAD else 2_000 * WAD
    )

    assert reason == judged(world, proposal)


def _eth(world: World) -> int:
    return world.evidence.prices.prices["ETH"].mid_wad or 0


@pytest.mark.parametrize("action", STEPS)
def test_a_healthy_account_is_never_to_be_liquidated_whatever_the_step(action: Action) -> None:
    world = world_for(Action.WITHDRAW)
    proposal = good(world, action)

    expected = RefusalReason.CLAIM if action is Action.SEIZE else RefusalReason.HEALTHY
    assert expected == judged(world, replace(proposal, max_size=1, health=WAD // 2), "alpha")


def test_an_account_of_which_a_leg_is_not_known_is_not_liquidated() -> None:
    world = world_for(Action.REPAY)
    world.mine("beta", *opened("beta", eth="5"))
    status = world.evidence.statuses["beta"]
    world.evidence.statuses["beta"] = replace(status, received_at_ms=NOW_MS - 61_000)

    assert RefusalReason.UNKNOWN_HEALTH == judged(
        world, good(world, Action.REPAY, health=WAD // 2, max_size=1)
    )


def test_where_cut_and_book_contradict_each_other_nothing_is_signed() -> None:
    world = world_for(Action.REPAY)

    assert RefusalReason.CUT == judged(
        world, good(world, Action.REPAY), contradicted="alpha: sequence 7, not 3"
    )


def test_a_figure_below_the_range_seen_here_does_not_open_the_way_to_a_full_close() -> None:
    world = world_for(Action.REPAY)
    proposal = good(world, Action.REPAY, health=WAD // 10)

    assert RefusalReason.HEALTH_FIGURE == judged(world, proposal)


SEIZURES: list[tuple[RefusalReason, Callable[[Attestation], Attestation]]] = [
    (RefusalReason.CLAIM, lambda a: replace(a, claim="0x" + "99" * 32)),
    (RefusalReason.CLAIM, lambda a: replace(a, item=0, price=WAD)),
    (RefusalReason.CLAIM, lambda a: replace(a, value=201 * WAD)),
    (RefusalReason.CLAIM, lambda a: replace(a, beneficiary="0x" + "99" * 20)),
    (RefusalReason.SIZE, lambda a: replace(a, max_size=2 * WAD)),
    (RefusalReason.SIZE, lambda a: replace(a, max_size=0)),
    (RefusalReason.PRICE, lambda a: replace(a, price=a.price // 2)),
]


@pytest.mark.parametrize(("reason", "change"), SEIZURES)
def test_a_seizure_is_of_its_claim_and_no_larger(
    reason: RefusalReason, change: Callable[[Attestation], Attestation]
) -> None:
    world = world_for(Action.SEIZE)

    assert reason == judged(world, change(good(world, Action.SEIZE)))


def test_a_claim_is_not_paid_before_its_opening_is_deep_enough() -> None:
    deep = world_for(Action.SEIZE)
    proposal = good(deep, Action.SEIZE)
    needed = deep.settings.chains["alpha"].claim_confirmations
    more = deep.settings.model_copy(
        update={
            "chains": dict(deep.settings.chains)
            | {"alpha": deep.settings.chains["alpha"].model_copy(update={"claim_confirmations": needed + 1})}
        }
    )
    shallow = world_for(Action.SEIZE)
    shallow.settings = more

    assert judged(deep, proposal) is None
    assert RefusalReason.CLAIM == judged(shallow, proposal)


def test_a_leg_that_backs_no_other_chain_is_not_seized_from() -> None:
    world = world_for(Action.SEIZE)
    proposal = good(world, Action.SEIZE, version=2)
    world.mine("beta", CrossMarginSet(proposal.account, enabled=False, version=2))
    proposal = replace(good(world, Action.SEIZE, version=2), max_size=proposal.max_size)

    assert RefusalReason.SIZE == judged(world, proposal)


@pytest.mark.parametrize(
    ("action", "size"),
    [(Action.WITHDRAW, 10 * WAD), (Action.BORROW, 40_000 * 10**6), (Action.TRADE, 200 * WAD)],
)
def test_an_owner_may_not_take_out_what_backs_the_whole(action: Action, size: int) -> None:
    world = world_for(action)
    world.mine("beta", *opened("beta", eth="1", debt=15_000))

    assert RefusalReason.MARGIN == judged(world, good(world, action, max_size=size))


def test_a_leg_that_others_need_is_not_unlinked() -> None:
    world = world_for(Action.UNLINK)
    world.mine("beta", *opened("beta", eth="1", debt=15_000))

    assert RefusalReason.MARGIN == judged(world, good(world, Action.UNLINK))


@pytest.mark.parametrize("action", STEPS)
def test_the_chain_is_the_one_the_step_is_for(action: Action) -> None:
    world = world_for(action)
    other = "alpha" if chain_of(action) == "beta" else "beta"

    assert judged(world, good(world, action), other) is not None
