"""Keys: what each signer names, who uses it, and for what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from config.checks.origins import is_loopback
from config.errors import KeyPath, Remark
from config.settings import ChainSettings, Settings, SignerSettings
from config.shown import key_text

PUBLIC_KEYS = frozenset(
    {
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
        "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
        "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
        "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
        "0x976EA74026E726554dB657fA54763abd0C3a0aa9",
        "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955",
        "0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f",
        "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720",
    }
)
"""The accounts that every local test node starts with. On other chains they are emptied within seconds."""


_KEY_SOURCES = ("key_file", "keystore", "credential", "remote_url")


def check_signers(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with signers, with who names them, and with files that are named twice."""
    yield from _references(settings)
    for name, signer in settings.signers.items():
        yield from _key(("signers", name), signer)
    yield from _shared_addresses(settings)
    yield from _public_keys(settings)
    yield from _shared_files(settings)


def _references(settings: Settings) -> Iterator[Remark]:
    known = ", ".join(settings.signers) or "none yet"
    used: set[str] = set()
    for name, chain in settings.chains.items():
        for path, signer in senders(name, chain):
            used.add(signer)
            if signer not in settings.signers:
                advice = f"add [signers.{signer}], or name one that there is: {known}"
                yield Remark(path, "E606", f"there is no signer {signer}", advice)
        yield from _several(name, chain, settings)
    if settings.attestor is not None:
        used.add(settings.attestor.signer)
        if settings.attestor.signer not in settings.signers:
            advice = f"add [signers.{settings.attestor.signer}], or name one that there is: {known}"
            yield Remark(
                ("attestor", "signer"), "E607", f"there is no signer {settings.attestor.signer}", advice
            )
    for name in settings.signers:
        if name not in used:
            message = f"nothing uses the signer {name}"
            yield Remark(("signers", name), "W608", message, "name it as a chain's signer, or remove it")


def senders(name: str, chain: ChainSettings) -> Iterator[tuple[KeyPath, str]]:
    """Yield the signers that send on a chain, each with the key that names it."""
    if chain.signer is not None:
        yield ("chains", name, "signer"), chain.signer
    for number, signer in enumerate(chain.signers):
        yield ("chains", name, "signers", number), signer


def _several(name: str, chain: ChainSettings, settings: Settings) -> Iterator[Remark]:
    here = ("chains", name)
    if chain.signer is not None and chain.signers:
        message = f"signer names {chain.signer}, and signers {', '.join(chain.signers)}"
        yield Remark((*here, "signers"), "E627", message, "keep one of the two keys")
    seen: dict[str, str] = {}
    for number, signer in enumerate(chain.signers):
        known = settings.signers.get(signer)
        other = seen.setdefault(known.address if known is not None else signer, signer)
        if signer in chain.signers[:number] or other != signer:
            message = f"{signer} is named twice" if other == signer else f"{signer} has the key of {other}"
            advice = "name each key once: two lanes of one key would take each other's nonces"
            yield Remark((*here, "signers", number), "E628", message, advice)


def _key(at: KeyPath, signer: SignerSettings) -> Iterator[Remark]:
    named = [key for key in _KEY_SOURCES if getattr(signer, key) is not None]
    if not named:
        message = "a signer without a key"
        advice = (
            "name one of remote_url, credential, keystore with password_file, or key_file on local chains"
        )
        yield Remark(at, "E601", message, advice)
    if len(named) > 1:
        message = f"a signer with two keys, {named[0]} and {named[1]}"
        yield Remark((*at, named[0]), "E602", message, "keep one of them")
    if signer.keystore is not None and signer.password_file is None:
        message = "a keystore without its password"
        yield Remark((*at, "keystore"), "E603", message, "name the file that holds it: password_file")
    if signer.password_file is not None and signer.keystore is None:
        message = "a password without its keystore"
        yield Remark((*at, "password_file"), "E604", message, "name the keystore it opens, or remove it")


def _shared_addresses(settings: Settings) -> Iterator[Remark]:
    owners: dict[str, str] = {}
    for name, signer in settings.signers.items():
        if (other := owners.setdefault(signer.address, name)) != name:
            message = f"the same key as signer {other}"
            advice = "use one signer in both places, or give each its own key"
            yield Remark(("signers", name, "address"), "W605", message, advice)
    if settings.attestor is None or settings.attestor.signer not in settings.signers:
        return
    attesting = settings.signers[settings.attestor.signer].address
    for name, chain in settings.chains.items():
        names = [sender for sender in chain.senders if sender in settings.signers]
        if any(settings.signers[sender].address == attesting for sender in names):
            message = f"the key that sends transactions on {name} also signs attestations"
            yield Remark(
                ("attestor", "signer"), "E609", message, "a key has one role: make another for attestations"
            )
            return


def _public_keys(settings: Settings) -> Iterator[Remark]:
    distant = next((name for name, chain in settings.chains.items() if not _is_local(chain)), None)
    if distant is None:
        return
    for name, signer in settings.signers.items():
        if signer.address in PUBLIC_KEYS:
            message = f"the key of this address is public (test nodes start with it), and {distant} is no local chain"
            yield Remark(
                ("signers", name, "address"), "E626", message, "make a new key, and send nothing to this one"
            )


def _is_local(chain: ChainSettings) -> bool:
    return all(is_loopback(endpoint.url) for endpoint in chain.endpoints)


def _shared_files(settings: Settings) -> Iterator[Remark]:
    seen: dict[Path, KeyPath] = {}
    for path, file in _files(settings):
        other = seen.setdefault(file, path)
        both_passwords = path[-1] == other[-1] == "password_file"
        if other != path and not both_passwords:
            message = f"the same file as {key_text(other)}"
            yield Remark(path, "E622", message, "each key and each log has a file of its own")


def _files(settings: Settings) -> Iterator[tuple[KeyPath, Path]]:
    yield ("state_log",), settings.state_log
    if settings.attestor is not None:
        yield ("attestor", "state_log"), settings.attestor.state_log
    for name, signer in settings.signers.items():
        for key, file in key_files(signer):
            yield ("signers", name, key), file


def key_files(signer: SignerSettings) -> Iterator[tuple[str, Path]]:
    """Yield the files that a signer names, with the key that names each."""
    for key, file in (
        ("key_file", signer.key_file),
        ("keystore", signer.keystore),
        ("password_file", signer.password_file),
    ):
        if file is not None:
            yield key, file
