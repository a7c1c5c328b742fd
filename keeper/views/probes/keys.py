"""Does each key open, at hand or at its external signer, and is it that of the address that was configured?"""

from __future__ import annotations

from collections.abc import AsyncIterator

from chains.errors import KeyRefused
from chains.remote_signer import RemoteSigner, open_signer
from config.settings import Settings
from keeper.views.probes.report import Report, ok, problem


async def probe_keys(settings: Settings, *, outside: bool) -> list[Report]:
    """Open every signer's key; a keystore takes seconds. External signers are asked only with `outside`."""
    return [report async for report in _reports(settings, outside=outside)]


async def _reports(settings: Settings, *, outside: bool) -> AsyncIterator[Report]:
    for name, signer in settings.signers.items():
        subject = f"signers.{name}"
        chain_ids = [chain.chain_id for chain in settings.chains.values() if name in chain.senders]
        if settings.attestor is not None and settings.attestor.signer == name:
            chain_ids = [chain.chain_id for chain in settings.chains.values()]
        if signer.remote_url is not None and not outside:
            continue
        try:
            key = await open_signer(signer, chain_ids)
            if isinstance(key, RemoteSigner):
                await key.aclose()
        except KeyRefused as error:
            yield problem(subject, str(error), "mend the key file, or the settings that name it")
        else:
            yield ok(subject, f"the key is that of {key.address}")
