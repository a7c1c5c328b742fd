"""A signer that is taken out of the configuration with transactions out is told of, once, until that is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keeper.domain.intent import IntentState
from keeper.execution.terms import NoKey
from keeper.runtime.lane_set import Keys
from keeper.runtime.process import open_alert_keys
from keeper.runtime.strays import tell_strays
from keeper.state.entries import IntentMoved, IntentSigned
from keeper.state.log import StateLog
from keeper.state.reader import LogReader
from tests.keeper.state import samples
from tests.keeper.watch.world import NOW_MS, log_path, settings

OTHER = "0x" + "77" * 20


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[StateLog]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        yield log


async def told(log: StateLog, keys: Keys) -> list[str]:
    """Start with these keys and return the alerts that are open then."""
    await tell_strays(settings(), keys, log, open_alert_keys(log))
    with LogReader(log.path) as reader:
        return [row["dedupe_key"] for row in reader.alerts()]


async def test_transactions_of_a_signer_that_is_gone_are_told_until_it_is_back_or_they_ended(
    log: StateLog,
) -> None:
    await log.write(IntentSigned(samples.intent(), samples.attempt()))
    gone: Keys = {"alpha": [NoKey(OTHER)]}
    alert = f"signer_gone/alpha/{samples.SENDER}"

    assert [] == await told(log, {})
    assert [alert] == await told(log, gone)
    assert [alert] == await told(log, gone)

    moved = IntentMoved(samples.intent().intent_id, IntentState.FINAL_LOST_NONCE, None, False, "", 9)
    await log.write(moved)
    assert [] == await told(log, gone)


async def test_a_signer_that_is_configured_is_no_stray(log: StateLog) -> None:
    its = settings()
    await log.write(IntentSigned(samples.intent(), samples.attempt()))
    chains = {
        name: chain.model_copy(update={"chain_id": samples.CHAIN_ID}) for name, chain in its.chains.items()
    }
    same = its.model_copy(update={"chains": {"alpha": chains["alpha"]}})

    await tell_strays(same, {"alpha": [NoKey(OTHER), NoKey(samples.SENDER)]}, log, [])

    with LogReader(log.path) as reader:
        assert [] == reader.alerts()
