"""What an attestor makes of changes that are not final: they protect an account, and back no new risk elsewhere."""

from __future__ import annotations

from typing import Any

from chains.hub.attestation import Action
from chains.hub.events import CollateralSet, DebtSet
from config.units import WAD
from keeper.attest.wire import RefusalReason
from keeper.domain.health import AccountState
from keeper.margin.health import evaluate
from keeper.margin.states import next_state
from tests.keeper.attest.proposals import good, judged
from tests.keeper.watch.world import ACCOUNT, NOW_MS, TOKENS, World, body, opened


def world(unfinal_blocks: int = 2) -> World:
    chains: dict[str, Any] = body()["chains"]
    return World(chains={name: its | {"unfinal_blocks": unfinal_blocks} for name, its in chains.items()})


def settle(scene: World, *chains: str) -> None:
    """Let what was changed become final."""
    for chain in chains:
        for _ in range(2):
            scene.mine(chain)


def state_of(scene: World) -> AccountState:
    account = scene.evidence.book.account(ACCOUNT)
    assert account is not None
    found = evaluate(account, scene.evidence.prices.prices, scene.evidence.cut(NOW_MS), scene.policy)
    return next_state(None, found, scene.policy)


def test_a_withdrawal_is_no_reason_to_liquidate_until_it_is_final() -> None:
    scene = world()
    scene.mine("alpha", *opened("alpha", eth="2", debt=1_700))
    settle(scene, "alpha")
    scene.mine("alpha", CollateralSet(ACCOUNT, TOKENS["alpha"][1], WAD, 1))

    assert RefusalReason.HEALTHY is judged(scene, good(scene, Action.REPAY))

    settle(scene, "alpha")
    assert judged(scene, good(scene, Action.REPAY)) is None


def test_a_top_up_on_another_chain_protects_at_once() -> None:
    scene = world()
    scene.mine("alpha", *opened("alpha", eth="1", debt=1_700))
    settle(scene, "alpha", "beta")
    asked = good(scene, Action.REPAY)
    assert judged(scene, asked) is None

    scene.mine("beta", *opened("beta", eth="1"))

    assert AccountState.AT_RISK is state_of(scene)
    assert RefusalReason.HEALTHY is judged(scene, good(scene, Action.REPAY, health=asked.health))


def test_after_a_step_that_is_not_final_the_next_may_follow() -> None:
    scene = world()
    scene.mine("alpha", *opened("alpha", eth="1", debt=1_900))
    settle(scene, "alpha")
    scene.mine(
        "alpha", DebtSet(ACCOUNT, 1_750 * 10**6, 1), CollateralSet(ACCOUNT, TOKENS["alpha"][1], 9 * 10**17, 1)
    )

    assert AccountState.LIQUIDATABLE is state_of(scene)
    assert judged(scene, good(scene, Action.REPAY)) is None


def test_a_deposit_backs_a_loan_on_another_chain_only_once_it_is_final() -> None:
    scene = world()
    scene.mine("alpha", *opened("alpha"))
    scene.mine("beta", *opened("beta", eth="1"))
    settle(scene, "alpha")
    loan = good(scene, Action.BORROW, max_size=10**9)

    assert RefusalReason.MARGIN is judged(scene, loan)

    settle(scene, "beta")
    assert judged(scene, good(scene, Action.BORROW, max_size=10**9)) is None


def test_a_deposit_backs_a_loan_on_its_own_chain_at_once() -> None:
    scene = world()
    scene.mine("alpha", *opened("alpha", eth="1"))

    assert judged(scene, good(scene, Action.BORROW, max_size=10**9)) is None


def test_how_many_blocks_count_is_the_attestor_s_own_setting() -> None:
    scene = world(unfinal_blocks=0)
    scene.mine("alpha", *opened("alpha", eth="2", debt=1_700))
    scene.mine("alpha", CollateralSet(ACCOUNT, TOKENS["alpha"][1], WAD, 1))

    assert judged(scene, good(scene, Action.REPAY)) is None
