"""Keys: read strictly from files only their owner can read, used for signing, never shown.

Everything that can be wrong with a key is found when it is loaded, and said without
saying the key. Test keys that everybody knows are refused anywhere but on test chains.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import coincurve
from eth_hash.auto import keccak
from eth_utils import to_checksum_address

from chains.dev_keys import DEV_ADDRESSES
from chains.errors import KeyRefused
from config.settings import SignerSettings

CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
MAX_FILE_BYTES = 64 * 1024
MAX_SCRYPT_WORK = 2**22
"""Bound of n x r: scrypt then uses at most half a gigabyte."""
MAX_SCRYPT_LANES = 16
MAX_PBKDF2_ROUNDS = 10_000_000

_HEX_KEY = re.compile(rb"[0-9a-fA-F]{64}\n?")


class Key:
    """A private key that can sign and can not be read, printed, copied or pickled."""

    __slots__ = ("_address", "_sign")

    def __init__(self, secret: bytes) -> None:
        """Take 32 bytes. Raises `KeyRefused` if they are no key of the curve."""
        if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < CURVE_ORDER:
            raise KeyRefused("the key is not a number between 1 and the curve's order")
        private = coincurve.PrivateKey(secret)
        self._address = to_checksum_address(keccak(private.public_key.format(compressed=False)[1:])[12:])
        self._sign = private.sign_recoverable

    @property
    def address(self) -> str:
        """The checksummed address."""
        return self._address

    def sign(self, digest: bytes) -> tuple[int, int, int]:
        """Return (r, s, recovery id) for a 32-byte digest; deterministic (RFC 6979), s in the lower half."""
        if len(digest) != 32:
            raise ValueError("a digest has 32 bytes")
        signature: bytes = self._sign(digest, hasher=None)
        return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]

    async def sign_payload(self, payload: bytes) -> tuple[int, int, int]:
        """Return (r, s, recovery id) for the payload's keccak-256: the one form that external signers have too."""
        return self.sign(keccak(payload))

    def __repr__(self) -> str:
        return f"Key({self._address})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a key is never pickled or copied")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a key's state is never handed out")


def load_key(settings: SignerSettings, chain_ids: Iterable[int]) -> Key:
    """Return the key that `settings` refers to, for use on `chain_ids`.

    Raises `KeyRefused` if the file is not a plain file for its owner alone, holds anything but
    one key, gives another address than configured, or is a known test key while a chain id is
    not a known test chain's. A keystore takes seconds to open: call this before the loop starts,
    or in a thread. A key of an external signer is `chains.remote_signer`'s.
    """
    match (settings.key_file, settings.keystore, settings.credential):
        case (Path() as path, None, None):
            key = Key(_hex_key(path))
        case (None, Path() as path, None):
            if settings.password_file is None:
                raise KeyRefused("a keystore needs a password_file")
            key = Key(_open_keystore(path, settings.password_file))
        case (None, None, str() as name):
            key = Key(_hex_key(_credential(name)))
        case _:
            raise KeyRefused("name exactly one of key_file, keystore and credential")
    if key.address.lower() != settings.address.lower():
        raise KeyRefused(f"the key's address is {key.address}, but {settings.address} is configured")
    refuse_test_key(key.address, chain_ids)
    return key


def refuse_test_key(address: str, chain_ids: Iterable[int]) -> None:
    """Raise `KeyRefused` if everybody knows the key of `address` and a chain is not a test chain."""
    strange = [chain_id for chain_id in chain_ids if not is_test_chain(chain_id)]
    if strange and address in DEV_ADDRESSES:
        raise KeyRefused(f"{address} is a test key that everybody knows; it is refused on chain {strange[0]}")


def is_test_chain(chain_id: int) -> bool:
    """Whether the id is one that only local test chains use."""
    return chain_id in {1337, 31337} or 31100 <= chain_id <= 31199


def _credential(name: str) -> Path:
    """Return the file of a credential that systemd handed to this service (``LoadCredentialEncrypted=``)."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise KeyRefused(
            f"no credential {name}: systemd hands credentials to services only (see LoadCredential=)"
        )
    return Path(directory) / name


def _hex_key(path: Path) -> bytes:
    content = _read_private(path)
    if not _HEX_KEY.fullmatch(content):
        raise KeyRefused(f"{path} must hold exactly 64 hex digits (no 0x, no spaces)")
    return bytes.fromhex(content[:64].decode())


def _open_keystore(path: Path, password_file: Path) -> bytes:
    password = _read_private(password_file)
    if password.endswith(b"\n"):
        password = password[:-1].removesuffix(b"\r")
    keystore = _checked_keystore(path)
    # costs half a second, and only keystores need it
    from eth_account import Account

    failure = ""
    try:
        return bytes(Account.decrypt(keystore, password.decode()))
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        failure = type(error).__name__
    raise KeyRefused(f"{path} could not be opened with the password in {password_file} ({failure})")


def _checked_keystore(path: Path) -> dict[str, Any]:
    try:
        keystore = json.loads(_read_private(path))
        version, crypto = keystore["version"], keystore.get("crypto") or keystore["Crypto"]
        kdf, params = crypto["kdf"], crypto["kdfparams"]
        within = version == 3 and _is_within_bounds(kdf, params)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        within, keystore = False, {}
    if not within:
        raise KeyRefused(f"{path} is not a version 3 keystore with bounded scrypt or pbkdf2 parameters")
    return dict(keystore)


def _is_within_bounds(kdf: str, params: dict[str, Any]) -> bool:
    if params["dklen"] != 32:
        return False
    if kdf == "scrypt":
        n, r, p = (_positive(params[name]) for name in "nrp")
        return n >= 2 and n & (n - 1) == 0 and n * r <= MAX_SCRYPT_WORK and p <= MAX_SCRYPT_LANES
    return kdf == "pbkdf2" and _positive(params["c"]) <= MAX_PBKDF2_ROUNDS


def _positive(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ValueError("not a positive integer")


def _read_private(path: Path) -> bytes:
    """Return the content of a plain file that only its owner may touch. Checked on the opened file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        problem = "is a symbolic link" if path.is_symlink() else f"can not be read ({error.strerror})"
        raise KeyRefused(f"{path} {problem}") from None
    try:
        problem = _what_is_wrong(os.fstat(descriptor))
        if problem:
            raise KeyRefused(f"{path} {problem}")
        content = os.read(descriptor, MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_FILE_BYTES:
        raise KeyRefused(f"{path} is too large to hold a key")
    return content


def _what_is_wrong(status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "is not a plain file"
    if status.st_mode & 0o077:
        return f"can be touched by others: chmod 600 (its mode is {status.st_mode & 0o777:o})"
    if status.st_uid not in {os.geteuid(), 0}:
        return "belongs to another user"
    return ""
