"""RedStone packages signed by keys of the tests."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence

import coincurve
from eth_hash.auto import keccak
from eth_utils import to_checksum_address

KEYS = tuple(coincurve.PrivateKey(bytes([number]) * 32) for number in range(1, 6))


def address_of(key: coincurve.PrivateKey) -> str:
    return to_checksum_address(keccak(key.public_key.format(compressed=False)[1:])[-20:])


SIGNERS = tuple(address_of(key) for key in KEYS)


def payload(points: Sequence[tuple[str, int]], timestamp_ms: int) -> bytes:
    """What is signed, laid out by hand from the documentation of the format."""
    packed = b""
    for feed, value in sorted(points, key=lambda point: point[0].encode().ljust(32, b"\0")):
        packed += feed.encode().ljust(32, b"\0") + value.to_bytes(32, "big")
    return packed + timestamp_ms.to_bytes(6, "big") + (32).to_bytes(4, "big") + len(points).to_bytes(3, "big")


def signature(key: coincurve.PrivateKey, points: Sequence[tuple[str, int]], timestamp_ms: int) -> str:
    signed = key.sign_recoverable(keccak(payload(points, timestamp_ms)), hasher=None)
    return b64encode(signed[:64] + bytes([27 + signed[64]])).decode()


def package(
    key: coincurve.PrivateKey, feed: str, value: str, timestamp_ms: int, *, signed: int | None = None
) -> str:
    """One package as a gateway sends it. `signed` is the integer under the signature, if not that of `value`."""
    number = round(float(value) * 10**8) if signed is None else signed
    name = json.dumps(feed)
    point = f'{{"dataFeedId":{name},"value":{value}}}'
    written = signature(key, [(feed, number)], timestamp_ms)
    return (
        f'{{"timestampMilliseconds":{timestamp_ms},"signature":"{written}","dataPoints":[{point}],'
        f'"dataServiceId":"redstone-primary-prod","dataFeedId":{name},"dataPackageId":{name}}}'
    )
