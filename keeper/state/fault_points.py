"""Named points where tests crash, delay or break the process. Each is one dictionary look-up when unarmed.

A test in the same process registers a callback. A test of a whole process sets
``KEEPER_FAULT_POINT=name:n:kill`` (the n-th time the point is passed, SIGKILL); that is
honoured only after `arm_from_environment` was told that every chain in use is a local test chain.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection
from enum import StrEnum

ENVIRONMENT_VARIABLE = "KEEPER_FAULT_POINT"


class FaultPoint(StrEnum):
    """The crash points of a transaction's life, in its order."""

    AFTER_DECISION = "cp1_after_decision_before_intent"
    AFTER_INTENT = "cp2_after_intent_before_slot"
    AFTER_SLOT = "cp3_after_slot_before_sign"
    AFTER_SIGN = "cp4_after_sign_before_commit"
    AFTER_COMMIT = "cp5_after_commit_before_send"
    DURING_SEND = "cp6_during_send"
    AFTER_ANSWER = "cp7_after_answer_before_saving"
    AFTER_MINED = "cp8_after_mined_before_noticing"
    BEFORE_MINED_ROW = "cp9_after_noticing_before_mined_row"
    BEFORE_BUMP_SEND = "cp10_between_bump_sign_and_bump_send"
    DURING_CANCEL = "cp11_during_cancel"
    DURING_ROLLBACK = "cp12_during_reorg_rollback"
    DURING_OBSERVATIONS = "cp13_during_batch_insert"
    DURING_MIGRATION = "cp14_during_migration"


_callbacks: dict[FaultPoint, Callable[[], None]] = {}


def fault_point(point: FaultPoint) -> None:
    """Mark that `point` is passed. Does nothing unless something is registered for it."""
    callback = _callbacks.get(point)
    if callback is not None:
        callback()


def register(point: FaultPoint, callback: Callable[[], None]) -> None:
    """Have `callback` run each time `point` is passed."""
    _callbacks[point] = callback


def clear() -> None:
    """Forget every callback."""
    _callbacks.clear()


def arm_from_environment(chain_ids: Collection[int]) -> bool:
    """Arm the point the environment names, if all `chain_ids` are local test chains'. Return whether it was armed.

    Raises ``ValueError`` for a malformed setting: a fault test that tests nothing must not pass.
    """
    from chains.keys import is_test_chain

    setting = os.environ.get(ENVIRONMENT_VARIABLE)
    if not setting or not chain_ids or not all(map(is_test_chain, chain_ids)):
        return False
    name, times, action = setting.split(":")
    if action != "kill":
        message = f"{ENVIRONMENT_VARIABLE}: the action is kill, not {action!r}"
        raise ValueError(message)
    left = int(times)

    def count_down() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    register(FaultPoint(name), count_down)
    return True
