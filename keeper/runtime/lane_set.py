"""All lanes of a daemon: each chain's signers opened, one lane for each, their limits shared chain by chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from chains.blocks import Head
from chains.remote_signer import RemoteSigner, open_signer
from chains.transactions import Signer
from config.settings import L1Fee, Mode, Settings
from keeper.domain.intent import Intent, IntentState
from keeper.execution.data_fees import DataFees
from keeper.execution.lane import Lane
from keeper.execution.purse import Purse
from keeper.execution.terms import NoKey, lane_terms
from keeper.runtime.chain_lanes import ChainLanes
from keeper.runtime.clock import now_ms
from keeper.runtime.lane_driver import LaneDriver
from keeper.state.log import StateLog
from keeper.watch.evidence import Evidence
from keeper.watch.watcher import Watcher

Keys: TypeAlias = "Mapping[str, Sequence[Signer]]"
"""Each chain's signers, in the order in which they are preferred."""


async def open_keys(settings: Settings) -> Keys:
    """Return each chain's signers. Only a live daemon reads a key; a rehearsal has an address."""
    keys: dict[str, list[Signer]] = {}
    for name, chain in settings.chains.items():
        for sender in chain.senders if settings.mode is not Mode.OBSERVE else ():
            signer = settings.signers[sender]
            live = settings.mode is Mode.LIVE
            key = await open_signer(signer, [chain.chain_id]) if live else NoKey(signer.address)
            keys.setdefault(name, []).append(key)
    return keys


async def close_keys(keys: Keys) -> None:
    """Close the connections to external signers."""
    for its in keys.values():
        for key in its:
            if isinstance(key, RemoteSigner):
                await key.aclose()


def build_lanes(
    settings: Settings,
    watcher: Watcher,
    keys: Keys,
    state_log: StateLog,
    told: Callable[[Intent, IntentState, str], None],
) -> dict[str, ChainLanes]:
    """Return the lanes of every chain that has a signer."""
    lanes: dict[str, ChainLanes] = {}
    for name, its in keys.items():
        chain, client = settings.chains[name], watcher.clients[name]
        terms = lane_terms(name, chain, settings.spending, rehearse=settings.mode is not Mode.LIVE)
        purse = Purse(terms.limits, now_ms)
        fees = DataFees(chain.l1_fee, client)
        live = partial(watcher.evidence.live, name)
        drivers = [
            LaneDriver(
                name, Lane(terms, client, key, state_log, now_ms, told, purse=purse, data_fees=fees), live
            )
            for key in its
        ]
        lanes[name] = ChainLanes(name, drivers)
    return lanes


def watch_data_fees(settings: Settings, watcher: Watcher) -> None:
    """Let plans reckon with what each rollup charges for data, also where nothing is sent."""
    for name, chain in settings.chains.items():
        if chain.l1_fee is not L1Fee.NONE:
            fees = DataFees(chain.l1_fee, watcher.clients[name])
            watcher.chains[name].listeners.append(partial(_note_data_fee, watcher.evidence, fees, chain.hub))


async def _note_data_fee(
    evidence: Evidence, fees: DataFees, hub: str, head: Head, _removed: tuple[str, ...]
) -> None:
    await fees.refresh(head, hub)
    evidence.data_charges[head.chain] = fees.typical
