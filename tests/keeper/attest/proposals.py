"""Good proposals of every action on a world where each is right, and how an attestor judges them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chains.hub.attestation import Action, Attestation
from chains.hub.events import ClaimOpened, DebtSet, HubEvent, Liquidated
from chains.hub.signatures import blocks_root
from config.units import WAD
from keeper.attest.cut import CutView
from keeper.attest.judge import Terms, judge
from keeper.attest.wire import CutBlock, RefusalReason
from keeper.margin.health import evaluate
from keeper.planner.bounds import bounds
from keeper.watch.venues import venue_facts
from tests.keeper.watch.world import ACCOUNT, CHAINS, KEEPER, NOW_MS, NOW_S, TOKENS, World, opened

CLAIM = "0x" + "c1" * 32
ZERO = "0x" + "00" * 32
NOBODY = "0x" + "00" * 20


def claim_events(value: int = 200, sequence: int = 7, debt: int = 1_500) -> list[HubEvent]:
    """Return what a REPAY_CROSS on alpha logs, for ether on beta."""
    return [
        DebtSet(ACCOUNT, debt * 10**6, 1),
        ClaimOpened(ACCOUNT, CLAIM, CHAINS["beta"], TOKENS["beta"][1], value * WAD, KEEPER),
        Liquidated(
            ACCOUNT, int(Action.REPAY_CROSS), 0, value, WAD, value * WAD, 0, WAD // 2, KEEPER, sequence, ZERO
        ),
    ]


def world_for(action: Action) -> World:
    """Return a world in which this action is right on alpha (a SEIZE on beta)."""
    world = World()
    match action:
        case Action.CLOSE:
            world.mine("alpha", *opened("alpha", eth="1", debt=1_300, size=4))
        case Action.REPAY:
            world.mine("alpha", *opened("alpha", eth="1", debt=1_700))
        case Action.REPAY_CROSS:
            world.mine("alpha", *opened("alpha", debt=1_700))
            world.mine("beta", *opened("beta", eth="1"))
        case Action.SEIZE:
            world.mine("alpha", *opened("alpha", debt=1_700))
            world.mine("beta", *opened("beta", eth="2"))
            world.mine("alpha", *claim_events())
            world.mine("alpha")
        case Action.WRITE_OFF:
            world.mine("alpha", *opened("alpha", debt=1_700))
        case _:
            world.mine("alpha", *opened("alpha", eth="10", debt=500))
            world.mine("beta", *opened("beta", eth="10", debt=500))
    return world


def cut_of(world: World) -> tuple[CutBlock, ...]:
    return tuple(
        CutBlock(CHAINS[point.chain], point.number, point.hash) for point in world.evidence.cut(NOW_MS)
    )


def good(world: World, action: Action, **changes: Any) -> Attestation:
    """Return an attestation that is right in every field."""
    evidence = world.evidence
    account = evidence.book.account(ACCOUNT)
    assert account is not None
    prices = evidence.prices
    health = evaluate(account, prices.prices, evidence.cut(NOW_MS), world.policy, price_set=prices.id)
    item = {Action.CLOSE: 0, Action.TRADE: 0, Action.REPAY: 1, Action.SEIZE: 1, Action.WITHDRAW: 1}.get(
        action, 0
    )
    on_ether = action in {Action.CLOSE, Action.TRADE, Action.REPAY, Action.SEIZE, Action.WITHDRAW}
    allowed = bounds(account, health, prices.prices, world.policy, venue_facts(world.settings, evidence))
    size = {Action.WITHDRAW: WAD, Action.BORROW: 10**8, Action.TRADE: WAD, Action.UNLINK: 0}.get(action)
    if size is None:
        size = next((most for key, most in allowed.items() if key.action is action), 1)
    attestation = Attestation(
        action=int(action),
        account=ACCOUNT,
        version=1,
        sequence=1_000,
        epoch=1,
        item=item,
        max_size=size,
        price=2_000 * WAD if on_ether else WAD,
        health=2 * WAD if health.health is None else max(health.health.high, 0),
        value={Action.REPAY_CROSS: CHAINS["beta"], Action.SEIZE: 200 * WAD}.get(action, 0),
        claim=CLAIM if action is Action.SEIZE else ZERO,
        target=TOKENS["beta"][1] if action is Action.REPAY_CROSS else NOBODY,
        beneficiary=KEEPER,
        blocks_root=blocks_root((b.chain_id, b.number, b.hash) for b in cut_of(world)),
        policy_hash=world.policy_hash,
        price_set=prices.id,
        observed_at=NOW_S,
        deadline=NOW_S + 60,
    )
    return replace(attestation, **changes)


def chain_of(action: Action) -> str:
    return "beta" if action is Action.SEIZE else "alpha"


def judged(
    world: World, attestation: Attestation, chain: str = "", contradicted: str = ""
) -> RefusalReason | None:
    """Return what an attestor that sees this world says."""
    evidence, own = world.evidence, world.settings.attestor
    assert own is not None
    account = evidence.book.account(attestation.account)
    view = CutView(
        evidence.cut(NOW_MS),
        {},
        {} if account is None else {attestation.account: account},
        {attestation.account: contradicted} if contradicted else {},
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
    at = chain or chain_of(Action(attestation.action) if attestation.action in set(Action) else Action.CLOSE)
    refusal = judge(attestation, at, cut_of(world), view, terms)
    return None if refusal is None else refusal.reason
