"""What a run left open is known to the next one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from keeper.state.entries import ClaimMoved
from keeper.state.live import read_open_claims
from keeper.state.log import StateLog

OPEN = ClaimMoved(
    claim="0x" + "c1" * 32,
    state="open",
    account_id="0x" + "a1" * 32,
    source_chain="beta",
    target_chain="alpha",
    target_token="0x" + "11" * 20,
    value_wad=5 * 10**18,
    beneficiary="0x" + "22" * 20,
    chain="beta",
    block_number=7,
    block_hash="0x" + "b1" * 32,
)


async def test_a_claim_that_was_open_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    paid = replace(OPEN, claim="0x" + "c2" * 32)
    async with StateLog.open(tmp_path / "keeper.db", "live", lambda: 1) as log:
        await log.write(OPEN, paid)
        await log.write(replace(paid, state="paid", chain="alpha"))

        assert {OPEN.account_id: {OPEN.claim: OPEN}} == read_open_claims(log.path)
