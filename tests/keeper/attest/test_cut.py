"""An attestor reads the cut from its own nodes, and believes it only where its own book says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chains.hub.attestation import Action
from keeper.attest import cut as module
from keeper.attest.cut import CutRefused, CutView, read_cut
from keeper.attest.wire import CutBlock
from keeper.watch.chain_states import ChainState
from tests.keeper.attest.proposals import claim_events, cut_of, world_for
from tests.keeper.watch.world import ACCOUNT, CHAINS, NOW_MS, NOW_S, OTHER, World, opened


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BOOK_PATIENCE_S", 0.05)
    monkeypatch.setattr(module, "BOOK_LOOK_S", 0.001)


async def read(world: World, cut: Sequence[CutBlock] | None = None, now_ms: int = NOW_MS) -> CutView:
    named = cut_of(world) if cut is None else cut
    return await read_cut(world.watcher(), world.evidence.known, named, [ACCOUNT], now_ms, 30.0)


async def test_the_account_is_the_one_on_all_chains_with_its_claims() -> None:
    world = world_for(Action.SEIZE)

    view = await read(world)

    assert world.evidence.book.account(ACCOUNT) == view.accounts[ACCOUNT]
    assert {} == view.contradicted
    assert ["alpha", "beta"] == [point.chain for point in view.points]


async def test_an_account_that_no_hub_knows_is_none() -> None:
    view = await read(World())

    assert ({}, {}) == (view.accounts, view.contradicted)


async def test_a_cut_from_before_a_liquidation_does_not_show_the_account_in_need_of_it_again() -> None:
    world = world_for(Action.REPAY_CROSS)
    before = cut_of(world)
    world.mine("alpha", *claim_events())

    view = await read(world, before)

    assert ACCOUNT not in view.accounts
    assert "sequence 0; in the book version 1, sequence 7" in view.contradicted[ACCOUNT]


async def test_a_book_behind_the_cut_does_not_take_a_debt_for_repaid_whose_claim_it_has_not_seen() -> None:
    world = world_for(Action.REPAY_CROSS)
    head = world.mine_unseen("alpha", *claim_events())
    cut = [replace(block) for block in cut_of(world) if block.chain_id != CHAINS["alpha"]]

    view = await read(world, [*cut, CutBlock(CHAINS["alpha"], head.number, head.hash)])

    assert ACCOUNT in view.contradicted


async def test_a_book_that_is_a_moment_behind_is_waited_for() -> None:
    world = world_for(Action.REPAY_CROSS)
    events = claim_events()
    head = world.mine_unseen("alpha", *events)
    cut = [block for block in cut_of(world) if block.chain_id != CHAINS["alpha"]]
    world.nodes["beta"].on_legs = lambda: world.see(head, *events)

    view = await read(world, [*cut, CutBlock(CHAINS["alpha"], head.number, head.hash)])

    assert {} == view.contradicted
    assert world.evidence.book.account(ACCOUNT) == view.accounts[ACCOUNT]


async def test_a_leg_that_only_the_hub_knows_of_is_a_contradiction() -> None:
    world = world_for(Action.REPAY)
    head = world.mine_unseen("beta", *opened("beta", eth="1"))
    cut = [block for block in cut_of(world) if block.chain_id != CHAINS["beta"]]

    view = await read(world, [*cut, CutBlock(CHAINS["beta"], head.number, head.hash)])

    assert "a leg that the book does not have yet" in view.contradicted[ACCOUNT]


async def test_blocks_that_changed_other_accounts_only_do_not_matter() -> None:
    world = world_for(Action.REPAY)
    before = cut_of(world)
    world.mine("alpha", *opened("alpha", eth="3", account=OTHER))

    assert ACCOUNT in (await read(world, before)).accounts


@pytest.mark.parametrize("names", [["alpha"], ["alpha", "alpha"], ["alpha", "beta", "beta"], []])
async def test_every_chain_is_named_exactly_once(names: list[str]) -> None:
    world = world_for(Action.REPAY)
    by_chain = dict(zip(CHAINS, cut_of(world), strict=True))

    with pytest.raises(CutRefused, match="names chains"):
        await read(world, [by_chain[name] for name in names])


async def test_a_foreign_chain_is_refused() -> None:
    world = world_for(Action.REPAY)
    alpha, beta = cut_of(world)

    with pytest.raises(CutRefused, match="names chains"):
        await read(world, [alpha, replace(beta, chain_id=1)])


async def test_a_number_that_is_not_the_blocks_is_refused() -> None:
    world = world_for(Action.REPAY)
    alpha, beta = cut_of(world)

    with pytest.raises(CutRefused, match="is number"):
        await read(world, [replace(alpha, number=alpha.number + 1), beta])


async def test_an_old_block_is_refused() -> None:
    world = world_for(Action.REPAY)

    with pytest.raises(CutRefused, match="s old"):
        await read(world, now_ms=(NOW_S + 31) * 1000)


async def test_a_block_that_our_node_does_not_have_is_refused() -> None:
    world = world_for(Action.REPAY)
    alpha, beta = cut_of(world)

    with pytest.raises(CutRefused, match="can not read it"):
        await read(world, [replace(alpha, hash="0x" + "99" * 32), beta])


async def test_a_block_of_another_fork_that_our_node_still_has_is_refused() -> None:
    world = world_for(Action.REPAY)
    alpha, beta = cut_of(world)
    world.nodes["alpha"].legs_at.pop(alpha.hash)  # eth_call at it says: not canonical

    with pytest.raises(CutRefused, match="not canonical"):
        await read(world, [alpha, beta])


@pytest.mark.parametrize(
    "state", [ChainState.DISAGREEING, ChainState.MISMATCHED, ChainState.FINALITY_VIOLATED]
)
async def test_nothing_rests_on_a_chain_whose_nodes_word_does_not_count_here(state: ChainState) -> None:
    world = world_for(Action.REPAY)
    status, cut = world.evidence.statuses["alpha"], cut_of(world)
    world.evidence.statuses["alpha"] = replace(status, state=state, reason="two hashes")

    with pytest.raises(CutRefused, match="two hashes"):
        await read(world, list(cut))
