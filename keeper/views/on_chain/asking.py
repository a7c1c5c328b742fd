"""Asking the configured nodes about every sender the log knows. A chain that can not be asked is told, not guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chains.client import ChainClient
from chains.errors import ChainError, StopChain
from config.settings import ChainSettings, Finality, Settings
from keeper.views.audit.findings import Finding
from keeper.views.on_chain.claimed import Slot, claimed_by
from keeper.views.on_chain.comparing import Findings, compare, new_findings


@dataclass(slots=True)
class Answer:
    """What the chains said; `unasked` are chains of the log that did not answer, with why."""

    findings: list[Finding]
    unasked: dict[str, str] = field(default_factory=dict)


async def ask_chains(path: Path, settings: Settings) -> Answer:
    """Hold the log at `path` against all its chains."""
    claimed = claimed_by(path)
    findings = new_findings()
    same = Finding("chain_identity", "every chain is the one the log began with")
    answer = Answer([same, *findings.all()])
    for name, pinned in claimed.chains.items():
        chain = settings.chains.get(name)
        if chain is None:
            answer.unasked[name] = "not in the configuration"
            continue
        same.expect(
            f"{name}: another chain than the log's", holds=pinned == (chain.chain_id, chain.genesis_hash)
        )
        senders = {sender: slots for (of, sender), slots in claimed.slots.items() if of == name}
        try:
            await _ask(name, chain, senders, findings)
        except StopChain as error:
            same.fail(f"{name}: {error}")
        except ChainError as error:
            answer.unasked[name] = str(error)
    return answer


async def _ask(
    name: str, settings: ChainSettings, senders: Mapping[str, Mapping[int, Slot]], findings: Findings
) -> None:
    client = ChainClient.from_settings(name, settings)
    try:
        await client.connect()
        final = await _final(client, settings)
        for sender, slots in senders.items():
            await compare(name, sender, slots, client, final, findings)
    finally:
        await client.aclose()


async def _final(client: ChainClient, settings: ChainSettings) -> int:
    """Return the newest block that can not go any more, by the chain's settings."""
    head, tagged = (
        await client.head_and_final() if settings.finality is Finality.TAG else (await client.head(), None)
    )
    by_depth = max(head.number - settings.finality_depth, 0)
    return by_depth if tagged is None else tagged.number
