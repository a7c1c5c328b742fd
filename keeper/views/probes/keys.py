"""Does each key file open, and is it the key of the address that was configured?"""

from __future__ import annotations

from collections.abc import Iterator

from chains.errors import KeyRefused
from chains.keys import load_key
from config.settings import Settings
from keeper.views.probes.report import Report, ok, problem


def probe_keys(settings: Settings) -> Iterator[Report]:
    """Open every signer's key. Reads files only; a keystore takes seconds."""
    for name, signer in settings.signers.items():
        subject = f"signers.{name}"
        chain_ids = [chain.chain_id for chain in settings.chains.values() if chain.signer == name]
        if settings.attestor is not None and settings.attestor.signer == name:
            chain_ids = [chain.chain_id for chain in settings.chains.values()]
        try:
            key = load_key(signer, chain_ids)
        except KeyRefused as error:
            yield problem(subject, str(error), "mend the key file, or the settings that name it")
        else:
            yield ok(subject, f"the key is that of {key.address}")
