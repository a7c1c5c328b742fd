"""Signers that are configured no more and still have transactions out: nobody looks after those."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from config.settings import Settings
from keeper.runtime.lane_set import Keys
from keeper.state.entries import AlertClosed, AlertOpened, Entry
from keeper.state.live import read_live_senders
from keeper.state.log import StateLog

KIND = "signer_gone"


async def tell_strays(
    settings: Settings, keys: Keys, state_log: StateLog, open_alerts: Sequence[str]
) -> None:
    """Raise an alert for each such signer, and close those that are over. Raises `LogUnavailable`."""
    if not keys:
        return
    names = {chain.chain_id: name for name, chain in settings.chains.items()}
    ours = {(settings.chains[name].chain_id, key.address) for name, its in keys.items() for key in its}
    live = await asyncio.to_thread(read_live_senders, state_log.path)
    found = {
        f"{KIND}/{names.get(chain_id, chain_id)}/{sender}": (chain_id, sender)
        for chain_id, sender in live - ours
    }
    rows: list[Entry] = [
        AlertClosed(key, "it sends again, or has nothing out")
        for key in open_alerts
        if key.startswith(f"{KIND}/") and key not in found
    ]
    rows += [
        _alert(key, names.get(chain_id, str(chain_id)), sender) for key, (chain_id, sender) in found.items()
    ]
    if rows:
        await state_log.write(*rows)


def _alert(key: str, chain: str, sender: str) -> AlertOpened:
    return AlertOpened(
        key,
        "critical",
        "a signer is configured no more, and has transactions out",
        f"{chain}, sender {sender}: they are not bumped, cancelled or followed, and their positions are held",
        "name it among the chain's signers again until they are final",
    )
