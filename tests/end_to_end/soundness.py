"""What must hold after any scene, whatever was done to the daemon."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable

from chains.hub.events import Liquidated
from keeper.planner.decide import replay
from keeper.state.verify import verify
from keeper.views.audit.whole import audit
from tests.end_to_end.stage import Stage


async def assert_sound(stage: Stage, foreign: Collection[str] = ()) -> None:
    """The log verifies; nothing of ours is on chain that it does not know; no intent was mined twice.

    `foreign` are transactions that the test itself signed with a keeper's key.
    """
    path = stage.settings.state_log
    assert () == (await asyncio.to_thread(verify, path)).findings
    failed = [finding for finding in await asyncio.to_thread(audit, path, replay) if not finding.holds]
    assert [] == [(finding.name, finding.failures) for finding in failed]
    intent_of = {
        row["tx_hash"]: row["intent_id"] for row in stage.rows("SELECT tx_hash, intent_id FROM attempts")
    }
    for chain in stage.chains.values():
        mined = [
            tx["hash"]
            for keeper in stage.keepers
            for tx in await chain.sent_by(keeper.address, stage.first_block[chain.name])
            if tx["hash"] not in foreign
        ]
        assert set() == set(mined) - intent_of.keys()
        twice = [intent for intent, times in Counter(intent_of[tx] for tx in mined).items() if times > 1]
        assert [] == twice


async def liquidated(stage: Stage, accounts: Iterable[str], since: int = 0) -> Counter[str]:
    """How many steps were taken against each of these accounts, on all chains."""
    accounts = list(accounts)
    found: Counter[str] = Counter()
    for chain in stage.chains.values():
        for each in await chain.liquidations(accounts, since):
            assert isinstance(each.event, Liquidated)
            found[each.event.account] += 1
    return found
