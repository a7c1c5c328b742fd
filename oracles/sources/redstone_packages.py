"""RedStone's signed data packages: what was signed, by whom, and what enough signers agree on. Pure.

What is signed is the keccak-256 of these bytes: for each data point, in the order of its feed, 32
bytes of feed id (its name in ASCII, padded with zeros) and 32 bytes of value; then 6 bytes of timestamp (ms), 4 of
the size of a value and 3 of the number of points. A signature is r, s and v (27 or 28), 65 bytes. Values come
as JSON numbers and are signed as integers of 10**-8, or as many places as the point says, rounded as
JavaScript's ``toFixed`` does (redstone-finance/redstone-oracles-monorepo, packages/protocol).

Of each signer only the newest package counts, and one that signed two values for one time counts not at
all. The result is the middle of what the signers say; of an even number the floor of the mean of the
two middle ones, as sure as they are apart.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import coincurve
from eth_hash.auto import keccak
from eth_utils import to_checksum_address

from config.units import WAD
from oracles.aggregate import MAX_VALUE_WAD
from oracles.price import FailureKind
from oracles.sources.json_answer import NumberText, price_wad, shown, time_ms
from oracles.sources.origin import BadAnswer

SIGNATURE_BYTES = 65
MAX_POINTS = 256
MAX_PACKAGES = 64
MAX_DECIMALS = 18
DEFAULT_DECIMALS = 8
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@dataclass(frozen=True, slots=True)
class Window:
    """The times that packages may be signed for, as of now; both ends count."""

    max_delay_ms: int
    max_ahead_ms: int

    def holds(self, timestamp_ms: int, now_ms: int) -> bool:
        """Return whether a package of this time may be used."""
        return -self.max_delay_ms <= timestamp_ms - now_ms <= self.max_ahead_ms


@dataclass(frozen=True, slots=True)
class Package:
    """One verified package: who signed it, for which time, and the value of the feed asked for."""

    signer: str
    timestamp_ms: int
    value_wad: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """What enough signers say: `confidence_wad` is half of what the two middle ones are apart."""

    value_wad: int
    confidence_wad: int
    oldest_ms: int


def agree(
    packages: object, feed: str, signers: Collection[str], threshold: int, window: Window, now_ms: int
) -> Agreement:
    """Return what `threshold` of `signers` agree on for `feed`. Raises `BadAnswer` with why there is nothing."""
    if not isinstance(packages, list) or len(packages) > MAX_PACKAGES:
        raise BadAnswer(FailureKind.MALFORMED, "no list of packages, or too many")
    refused: list[str] = []
    verified: list[Package] = []
    for packed in packages:
        try:
            package = verify(packed, feed)
        except BadAnswer as bad:
            refused.append(bad.detail)
            continue
        if package.signer not in signers:
            refused.append(f"signed by {package.signer}")
        elif not window.holds(package.timestamp_ms, now_ms):
            refused.append(f"signed for {package.timestamp_ms} ms")
        else:
            verified.append(package)
    counted = _one_of_each(verified)
    if len(counted) < threshold:
        why = f"; not counted: {refused[0]}" if refused else ""
        detail = f"{len(counted)} of {threshold} signers{why}"
        raise BadAnswer(FailureKind.REFUSED, detail)
    value_wad, confidence_wad = middle(sorted(package.value_wad for package in counted))
    return Agreement(value_wad, confidence_wad, min(package.timestamp_ms for package in counted))


def middle(ordered: Sequence[int]) -> tuple[int, int]:
    """Return the middle of at least one ordered value, and half of how far the two middle ones are apart, rounded up."""
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half], 0
    low, high = ordered[half - 1], ordered[half]
    return (low + high) // 2, -((low - high) // 2)


def verify(packed: object, feed: str) -> Package:
    """Return what is signed of `feed` in one package, and by whom. Raises `BadAnswer`."""
    if not isinstance(packed, Mapping):
        raise _malformed("a package is no object")
    points = packed.get("dataPoints")
    if not isinstance(points, list) or not 0 < len(points) <= MAX_POINTS:
        raise _malformed("a package without points, or with too many")
    timestamp = packed.get("timestampMilliseconds")
    if not isinstance(timestamp, NumberText):
        raise _malformed(f"not a timestamp: {shown(timestamp)}")
    timestamp_ms = time_ms(timestamp, "ms")
    values = _points(points)
    if feed not in values:
        raise _malformed("a package without the feed")
    payload = b"".join(
        _feed_id(name) + signed.to_bytes(32, "big")
        for name, (signed, _) in sorted(values.items(), key=_by_id)
    )
    payload += timestamp_ms.to_bytes(6, "big") + (32).to_bytes(4, "big") + len(values).to_bytes(3, "big")
    signer = _recover(keccak(payload), packed.get("signature"))
    signed, decimals = values[feed]
    value_wad = signed * WAD // 10**decimals
    if not 0 < value_wad <= MAX_VALUE_WAD:
        raise BadAnswer(FailureKind.NOT_A_PRICE, f"a signed value of {signed}")
    return Package(signer, timestamp_ms, value_wad)


def _one_of_each(packages: Iterable[Package]) -> list[Package]:
    newest: dict[str, Package | None] = {}
    times: dict[str, int] = {}
    for package in packages:
        known_ms = times.get(package.signer, -1)
        if package.timestamp_ms > known_ms:
            newest[package.signer], times[package.signer] = package, package.timestamp_ms
        elif package.timestamp_ms == known_ms and newest[package.signer] != package:
            newest[package.signer] = None
    return [package for package in newest.values() if package is not None]


def _points(points: Sequence[object]) -> dict[str, tuple[int, int]]:
    """Return each feed's signed integer and its decimals."""
    values: dict[str, tuple[int, int]] = {}
    for point in points:
        if not isinstance(point, Mapping):
            raise _malformed("a data point is no object")
        name, value, decimals = point.get("dataFeedId"), point.get("value"), point.get("decimals")
        if not isinstance(name, str) or not 0 < len(name) <= 31 or not name.isascii() or name in values:
            raise _malformed("a data point without a name of its own")
        if not isinstance(value, NumberText):
            raise _malformed(f"not a number: {shown(value)}")
        places = DEFAULT_DECIMALS if decimals is None else _places(decimals)
        values[name] = _fixed(value, places), places
    return values


def _places(decimals: object) -> int:
    if isinstance(decimals, NumberText) and decimals.isdigit() and int(decimals[:3]) <= MAX_DECIMALS:
        return int(decimals[:3])
    raise _malformed(f"not a number of decimals: {shown(decimals)}")


def _fixed(value: NumberText, places: int) -> int:
    """Return a JSON number as the signers scale it.

    They hold it as a double and write it with `places` digits: of the double's exact value, the nearest, ties up.
    A float is only how the number was meant; whether it was meant so, the signature decides.
    """
    if value.startswith("-") or price_wad(value) == 0:
        raise BadAnswer(FailureKind.NOT_A_PRICE, f"not above zero: {shown(value)}")
    return int(Fraction(float(value)) * 10**places + Fraction(1, 2))


def _feed_id(name: str) -> bytes:
    return name.encode("ascii").ljust(32, b"\0")


def _by_id(item: tuple[str, tuple[int, int]]) -> bytes:
    return _feed_id(item[0])


def _recover(digest: bytes, signature: object) -> str:
    """Return who signed. Strict: 65 bytes, s in the lower half, v 27 or 28, or it is nobody's signature."""
    try:
        packed = b64decode(signature, validate=True) if isinstance(signature, str) else b""
    except (ValueError, binascii.Error):
        packed = b""
    if len(packed) != SIGNATURE_BYTES or packed[64] not in {27, 28}:
        raise _malformed("not a signature of 65 bytes")
    if int.from_bytes(packed[32:64], "big") > _HALF_ORDER:
        raise _malformed("a signature with high s")
    try:
        recoverable = packed[:64] + bytes([packed[64] - 27])
        key = coincurve.PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except ValueError:
        raise _malformed("no key gives this signature") from None
    return to_checksum_address(keccak(key.format(compressed=False)[1:])[-20:])


def _malformed(detail: str) -> BadAnswer:
    return BadAnswer(FailureKind.MALFORMED, detail)
