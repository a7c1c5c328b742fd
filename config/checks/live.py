"""What must be said before money can be spent, and what is unwise then."""

from __future__ import annotations

from collections.abc import Iterator

from config.checks.origins import is_loopback
from config.errors import Remark
from config.settings import Mode, Settings


def check_live(settings: Settings) -> Iterator[Remark]:
    """Yield what mode live needs and does not find."""
    if settings.mode is not Mode.LIVE:
        return
    for name, chain in settings.chains.items():
        here = ("chains", name)
        if not chain.senders:
            advice = f'name the key that sends on {name}: signer = "NAME" of [signers.NAME]'
            yield Remark((*here, "signer"), "E610", f"mode is live, and {name} has no signer", advice)
        if chain.confirm_chain_id is None:
            message = f"mode is live, and {name} is not confirmed"
            advice = f"repeat its id, confirm_chain_id = {chain.chain_id}, if money may be spent there"
            yield Remark((*here, "confirm_chain_id"), "E613", message, advice)
        local = all(is_loopback(endpoint.url) for endpoint in chain.endpoints)
        if len(chain.endpoints) == 1 and not local:
            message = f"{name} has one node: when it fails, accounts there can not be helped"
            yield Remark((*here, "endpoints"), "W325", message, "add a second one of another provider")
        if chain.finality_depth == 0 and not local:
            message = f"0: every reorg of {name} would count as a break of finality"
            yield Remark(
                (*here, "finality_depth"), "W330", message, "set how many blocks deep a reorg may reach"
            )
    if settings.attestation is None:
        message = "mode is live, and no attestors are named: the hubs take nothing without their signatures"
        advice = "add [attestation] with threshold and [[attestation.attestors]]"
        yield Remark(("attestation",), "E620", message, advice)
