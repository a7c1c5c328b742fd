"""An attestor prices options by its own evidence: it signs no other price, no other series and no risk it does not see covered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chains.hub.attestation import Action, Attestation
from chains.hub.events import CollateralSet, CrossMarginSet, HubEvent, OptionSet
from chains.hub.options import OptionHeld, item_of, market_key, series_id
from chains.keys import Key
from config.units import WAD
from keeper.attest.cut import CutView, read_cut
from keeper.attest.judge import Terms, judge
from keeper.attest.service import Attestor
from keeper.attest.wire import Batch, CutBlock, Proposal, RefusalReason, Refused, Signed
from keeper.domain.account import OptionPosition
from keeper.domain.health import Interval
from keeper.planner.option_marks import mark
from keeper.state.log import StateLog
from keeper.watch.evidence import catalogue
from keeper.watch.venues import venue_facts
from oracles.price import PriceSet
from tests.keeper.attest.proposals import cut_of, good
from tests.keeper.watch.world import (
    ACCOUNT,
    CHAINS,
    DESKS,
    NOW_MS,
    NOW_S,
    TOKENS,
    World,
    log_path,
    opened,
    price,
    price_set,
    with_options,
)

KEY = market_key("ETH-OPTIONS")
EXPIRY_S = NOW_S + 30 * 86_400
SERIES = series_id(KEY, 2_100 * WAD, EXPIRY_S, is_call=True)
ITEM = item_of(SERIES)
TERMS = OptionHeld(SERIES, KEY, True, 2_100 * WAD, EXPIRY_S, 0)
POSITION = OptionPosition("ETH-OPTIONS", SERIES, "ETH", True, 2_100 * WAD, EXPIRY_S, 0)


def held(size: int) -> OptionSet:
    return OptionSet(ACCOUNT, SERIES, KEY, True, 2_100 * WAD, EXPIRY_S, size * WAD, 1)


def prices(eth: int = 2_000, volatility_bps: int = 6_000, half_width_bps: int = 10) -> PriceSet:
    found = price_set(eth, half_width_bps)
    volatility = price("ETHVOL", volatility_bps * WAD // 10_000, 100)
    return replace(found, prices={**found.prices, "ETHVOL": volatility})


def world_with(*events: HubEvent) -> World:
    world = World(**with_options())
    world.evidence.prices = prices()
    world.mine("alpha", *opened("alpha"), *events)
    return world


def own_mark(world: World) -> Interval:
    found = mark(POSITION, world.evidence.prices.prices, world.policy, NOW_S)
    assert found is not None
    return found


def trade(world: World, **changes: Any) -> Attestation:
    asked = replace(
        good(world, Action.TRADE),
        action=int(Action.OPTION_TRADE),
        item=ITEM,
        max_size=WAD,
        price=own_mark(world).mid,
        value=2_000 * WAD,
    )
    return replace(asked, **changes)


def judged(
    world: World, attestation: Attestation, series: Sequence[OptionHeld] = (TERMS,)
) -> RefusalReason | None:
    evidence, own = world.evidence, world.settings.attestor
    account = evidence.book.account(ACCOUNT)
    assert own is not None
    assert account is not None
    view = CutView(
        evidence.cut(NOW_MS),
        {},
        {ACCOUNT: account},
        {},
        {("alpha", item_of(its.series)): its for its in series},
    )
    terms = Terms(
        own,
        world.settings.chains,
        world.policy,
        evidence.prices,
        evidence.facts,
        venue_facts(world.settings, evidence),
        NOW_MS,
        evidence.known,
    )
    refusal = judge(attestation, "alpha", cut_of(world), view, terms)
    return None if refusal is None else refusal.reason


def rich() -> list[HubEvent]:
    return [
        CollateralSet(ACCOUNT, TOKENS["alpha"][0], 50_000 * 10**6, 1),
        CrossMarginSet(ACCOUNT, True, 1),
    ]


def test_a_trade_that_initial_margin_covers_is_signed() -> None:
    world = world_with(*rich())

    assert judged(world, trade(world)) is None


def test_a_series_that_the_account_holds_needs_no_other_word() -> None:
    world = world_with(*rich(), held(-1))

    assert judged(world, trade(world), ()) is None


WRONG: list[tuple[RefusalReason, Callable[[Attestation], Attestation]]] = [
    (RefusalReason.PRICE, lambda a: replace(a, price=a.price * 11 // 10)),
    (RefusalReason.PRICE, lambda a: replace(a, price=a.price * 9 // 10)),
    (RefusalReason.PRICE, lambda a: replace(a, price=0)),
    (RefusalReason.PRICE, lambda a: replace(a, value=2_021 * WAD)),
    (RefusalReason.PRICE, lambda a: replace(a, value=1_979 * WAD)),
    (RefusalReason.ACTION, lambda a: replace(a, item=ITEM + 1)),
    (RefusalReason.ACTION, lambda a: replace(a, action=int(Action.OPTION_CLOSE))),
    (RefusalReason.MARGIN, lambda a: replace(a, max_size=10_000 * WAD)),
    (RefusalReason.VERSION, lambda a: replace(a, version=2)),
]


@pytest.mark.parametrize(("reason", "change"), WRONG)
def test_one_wrong_field_is_refused_by_its_name(
    reason: RefusalReason, change: Callable[[Attestation], Attestation]
) -> None:
    world = world_with(*rich())

    assert reason == judged(world, change(trade(world)))


def test_the_prices_may_be_off_by_the_band_and_no_more() -> None:
    world = world_with(*rich())
    found = own_mark(world)

    assert judged(world, trade(world, price=found.high * 101 // 100)) is None
    assert judged(world, trade(world, price=found.low * 100 // 101 + 1)) is None
    assert RefusalReason.PRICE == judged(world, trade(world, price=found.high * 101 // 100 + 1))
    assert RefusalReason.PRICE == judged(world, trade(world, price=found.low * 100 // 101 - 1))


def test_a_series_that_was_never_opened() -> None:
    world = world_with(*rich())

    assert RefusalReason.ACTION == judged(world, trade(world), ())


def test_a_series_of_a_market_that_is_not_configured() -> None:
    world = world_with(*rich())
    other = market_key("DOGE-OPTIONS")
    series = series_id(other, 2_100 * WAD, EXPIRY_S, is_call=True)
    terms = replace(TERMS, series=series, market=other)

    assert RefusalReason.ACTION == judged(world, trade(world, item=item_of(series)), [terms])


@pytest.mark.parametrize("missing", ["ETH", "ETHVOL"])
def test_without_a_price_of_its_own_nothing_is_signed(missing: str) -> None:
    world = world_with(*rich())
    asked = trade(world)
    left = {name: its for name, its in world.evidence.prices.prices.items() if name != missing}
    world.evidence.prices = replace(world.evidence.prices, prices=left)

    assert RefusalReason.NO_PRICE == judged(world, asked)


def test_an_option_that_has_expired() -> None:
    world = world_with(*rich())
    series = series_id(KEY, 2_100 * WAD, NOW_S, is_call=True)
    terms = replace(TERMS, series=series, expiry_s=NOW_S)

    asked = trade(world, item=item_of(series), price=0)

    assert RefusalReason.ACTION == judged(world, asked, [terms])


def test_the_account_must_be_on_cross_margin() -> None:
    world = World(**with_options())
    world.evidence.prices = prices()
    world.mine(
        "alpha", *opened("alpha", cross=False), CollateralSet(ACCOUNT, TOKENS["alpha"][0], 5 * 10**10, 1)
    )

    assert RefusalReason.MARGIN == judged(world, trade(world))


async def test_the_attestor_reads_the_series_that_an_owner_asks_for(tmp_path: Path) -> None:
    world = world_with(*rich())
    own = world.settings.attestor
    assert own is not None
    asked = trade(world)
    batch = Batch(cut_of(world), (Proposal(CHAINS["alpha"], asked),))
    async with StateLog.open(log_path(tmp_path), "attest", lambda: NOW_MS) as log:
        service = Attestor(
            world.settings, own, world.policy, world.watcher(), Key(bytes([7]) * 32), log, lambda: NOW_MS
        )
        (unopened,) = await service.attest(batch)
        world.series[ITEM] = TERMS
        (opened_since,) = await service.attest(batch)

    assert isinstance(unopened, Refused)
    assert RefusalReason.ACTION == unopened.reason
    assert isinstance(opened_since, Signed)


async def test_a_book_that_has_other_options_than_the_desk_is_not_believed() -> None:
    world = world_with(*rich(), held(-1))
    head = world.mine_unseen("alpha", held(-2))
    cut = [block for block in cut_of(world) if block.chain_id != CHAINS["alpha"]]
    named = [*cut, CutBlock(CHAINS["alpha"], head.number, head.hash)]

    view = await read_cut(world.watcher(), world.evidence.known, named, [ACCOUNT], NOW_MS, 30.0)

    assert ACCOUNT in view.contradicted


def test_a_hub_whose_desk_is_not_the_configured_one_is_not_watched() -> None:
    world = World()
    facts = world.evidence.facts["alpha"]
    other = {**world.evidence.facts, "alpha": replace(facts, option_desk=DESKS["beta"])}

    with pytest.raises(ValueError, match=r"chains\.alpha\.option_desk: the hub has 0x"):
        catalogue(world.settings, other)
