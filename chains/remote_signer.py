"""A key that is not in this process: an external signer over HTTP, with web3signer's API.

``GET /api/v1/eth1/publicKeys`` lists public keys, ``POST /api/v1/eth1/sign/KEY`` signs the
keccak-256 of its ``data`` and answers r, s and v as hex text. What comes back is believed only
if it recovers to our own address: a signer that is confused, or is not ours, signs nothing for us.
The policy is checked here before each request; the signer's own policy comes on top.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Sequence

import coincurve
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from eth_hash.auto import keccak
from eth_utils import to_checksum_address

from chains.errors import KeyRefused, SignerUnavailable
from chains.keys import CURVE_ORDER, Key, load_key, refuse_test_key
from config.json_depth import nests_deeper
from config.secrets import SecretUrl
from config.settings import SignerSettings

ANSWER_LIMIT_BYTES = 256 * 1024
MAX_KEYS = 10_000

_SIGNATURE = re.compile(r"0x([0-9a-fA-F]{64})([0-9a-fA-F]{64})([0-9a-fA-F]{2})")
_PUBLIC_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{128})")


class RemoteSigner:
    """One key of an external signer. `connect` first; close it when done.

    A signature that was asked for and not received in time may have been made all the same. That is
    harmless: it is for a nonce and bytes that were ours to choose, and no one else was given them.
    """

    def __init__(self, url: SecretUrl, address: str, *, timeout_s: float) -> None:
        self._url = url
        self._address = to_checksum_address(address)
        self._identifier = ""
        self._session = ClientSession(
            timeout=ClientTimeout(total=timeout_s), trust_env=False, cookie_jar=DummyCookieJar()
        )

    @property
    def address(self) -> str:
        """The checksummed address."""
        return self._address

    async def connect(self) -> None:
        """Find our key among the signer's. Raises `SignerUnavailable`, or `KeyRefused` if it does not have it."""
        for public_key in _public_keys(await self._exchange("GET", "publicKeys")):
            if _address_of(public_key) == self._address:
                self._identifier = "0x" + public_key.hex()
                return
        raise KeyRefused(f"the signer at {self._url} has no key of {self._address}")

    async def sign_payload(self, payload: bytes) -> tuple[int, int, int]:
        """Return (r, s, recovery id) for the payload's keccak-256, s in the lower half. Raises `SignerUnavailable`."""
        if not self._identifier:
            raise SignerUnavailable("the signer was not connected")
        text = await self._exchange("POST", f"sign/{self._identifier}", {"data": "0x" + payload.hex()})
        found = _SIGNATURE.fullmatch(text.strip())
        if found is None:
            raise SignerUnavailable("the signer's answer is no signature")
        r, s, v = (int(part, 16) for part in found.groups())
        recovery = v - 27 if v >= 27 else v
        if s > CURVE_ORDER // 2:
            # the same signature, in the one form that chains accept
            s, recovery = CURVE_ORDER - s, recovery ^ 1
        if not 0 < r < CURVE_ORDER or s <= 0 or recovery not in {0, 1}:
            raise SignerUnavailable("the signer's answer is out of range")
        if _recovered(keccak(payload), r, s, recovery) != self._address:
            raise SignerUnavailable(f"the signature is not by the key of {self._address}")
        return r, s, recovery

    async def aclose(self) -> None:
        """Close its connections."""
        await self._session.close()

    def __repr__(self) -> str:
        return f"RemoteSigner({self._address})"

    async def _exchange(self, method: str, what: str, body: object = None) -> str:
        url = f"{self._url.reveal().rstrip('/')}/api/v1/eth1/{what}"
        failure = ""
        try:
            async with self._session.request(method, url, json=body, allow_redirects=False) as response:
                raw = await response.content.read(ANSWER_LIMIT_BYTES + 1)
                while len(raw) <= ANSWER_LIMIT_BYTES and not response.content.at_eof():
                    raw += await response.content.read(ANSWER_LIMIT_BYTES + 1 - len(raw))
                if response.status == 200 and len(raw) <= ANSWER_LIMIT_BYTES:
                    return raw.decode()
                failure = f"HTTP {response.status}" if response.status != 200 else "an endless answer"
        except TimeoutError:
            failure = "no answer in time"
        except (ClientError, OSError, UnicodeDecodeError) as error:
            failure = type(error).__name__
        # raised here, not above: the transport's errors hold the URL and must not become a context
        raise SignerUnavailable(f"the signer at {self._url}: {failure}")


async def open_signer(settings: SignerSettings, chain_ids: Iterable[int]) -> Key | RemoteSigner:
    """Return what signs for `settings`, in this process or outside. Whoever opens a `RemoteSigner` closes it.

    Raises `KeyRefused` as `load_key` does, and if the external signer does not have the key now.
    """
    if settings.remote_url is None:
        # a keystore takes seconds of scrypt: off the loop, so that a signal is still heard
        return await asyncio.to_thread(load_key, settings, chain_ids)
    refuse_test_key(settings.address, chain_ids)
    remote = RemoteSigner(settings.remote_url, settings.address, timeout_s=settings.remote_timeout_s)
    try:
        await remote.connect()
    except SignerUnavailable as error:
        await remote.aclose()
        raise KeyRefused(str(error)) from None
    except BaseException:
        await remote.aclose()
        raise
    return remote


def _public_keys(text: str) -> Sequence[bytes]:
    try:
        keys = None if nests_deeper(text.encode(), 8) else json.loads(text)
    except ValueError:
        keys = None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise SignerUnavailable("the signer's answer is no list of keys")
    found = [_PUBLIC_KEY.fullmatch(key) for key in keys if isinstance(key, str)]
    return [bytes.fromhex(match[1]) for match in found if match is not None]


def _address_of(public_key: bytes) -> str:
    return to_checksum_address(keccak(public_key)[12:])


def _recovered(digest: bytes, r: int, s: int, recovery: int) -> str | None:
    signature = r.to_bytes(32) + s.to_bytes(32) + bytes([recovery])
    try:
        public = coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except ValueError:
        return None
    return _address_of(public.format(compressed=False)[1:])
