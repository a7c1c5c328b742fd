"""Tokens that lie, take a fee, say nothing or call back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boa
import pytest

from tests.contracts.scene import NO_ATTESTATION, USDC, Scene, refused

DOUBLES = Path(__file__).parent / "doubles"
HONEST, RETURNS_FALSE, DOES_NOTHING, TAKES_A_FEE, CALLS_BACK = range(5)
NOBODY = "0x" + "00" * 20
HOSTILE = 3


def list_token(scene: Scene, token: Any) -> None:
    scene.hub.add_token(
        token.address, scene.stable_feed.address, 6, False, 9_000, 9_500, 100, 0, sender=scene.owner
    )
    token.mint(scene.trader, 1_000 * USDC)


@pytest.fixture
def token(scene: Scene) -> Any:
    token = boa.load(DOUBLES / "HostileToken.vy")
    list_token(scene, token)
    return token


@pytest.mark.parametrize("mode", [RETURNS_FALSE, DOES_NOTHING, TAKES_A_FEE])
def test_a_deposit_that_did_not_come_in_full(scene: Scene, token: Any, mode: int) -> None:
    token.behave(mode, NOBODY, b"")

    with refused(scene.hub, "transfer"):
        scene.deposit(scene.trader, HOSTILE, 100 * USDC)


def test_a_withdrawal_that_is_refused(scene: Scene, token: Any) -> None:
    scene.deposit(scene.trader, HOSTILE, 100 * USDC)
    token.behave(RETURNS_FALSE, NOBODY, b"")

    with refused(scene.hub, "transfer"):
        scene.hub.withdraw(0, HOSTILE, 100 * USDC, NO_ATTESTATION, [], sender=scene.trader)
    assert 100 * USDC == scene.leg(scene.trader).collateral[HOSTILE]


def test_a_token_whose_transfers_return_nothing(scene: Scene) -> None:
    token = boa.load(DOUBLES / "SilentToken.vy")
    list_token(scene, token)

    scene.deposit(scene.trader, HOSTILE, 100 * USDC)
    scene.hub.withdraw(0, HOSTILE, 40 * USDC, NO_ATTESTATION, [], sender=scene.trader)

    assert (60 * USDC, 940 * USDC) == (token.balanceOf(scene.hub.address), token.balanceOf(scene.trader))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("deposit", (0, HOSTILE, 1)),
        ("withdraw", (0, HOSTILE, 1, NO_ATTESTATION, [])),
        ("borrow", (0, 1, NO_ATTESTATION, [])),
        ("repay", (b"\x00" * 32, 1)),
        ("change_position", (0, 0, 1, 2**255, NO_ATTESTATION, [])),
        ("set_cross_margin", (0, True, NO_ATTESTATION, [])),
        ("liquidate", (NO_ATTESTATION, [])),
        ("seize", (NO_ATTESTATION, [])),
        ("write_off", (NO_ATTESTATION, [])),
        ("fund_pool", (0,)),
        ("fund_insurance", (0,)),
        ("withdraw_pool", (0,)),
        ("withdraw_insurance", (0, 0)),
    ],
)
def test_no_way_back_in_while_a_token_moves(
    scene: Scene, token: Any, function: str, arguments: tuple[object, ...]
) -> None:
    token.behave(CALLS_BACK, scene.hub.address, getattr(scene.hub, function).prepare_calldata(*arguments))

    scene.deposit(scene.trader, HOSTILE, 100 * USDC)

    # Not for a reason of the function itself: the lock is met first, and gives none.
    assert (False, b"") == (token.callback_succeeded(), token.callback_answer())
    assert 100 * USDC == scene.leg(scene.trader).collateral[HOSTILE]


def test_the_callback_of_the_tests_does_call(scene: Scene, token: Any) -> None:
    token.behave(CALLS_BACK, scene.hub.address, scene.hub.pool_cash.prepare_calldata())

    scene.deposit(scene.trader, HOSTILE, 100 * USDC)

    assert token.callback_succeeded()
