from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from coincurve import PrivateKey
from eth_account import Account
from eth_hash.auto import keccak

from chains.errors import KeyRefused, SignerUnavailable
from chains.keys import CURVE_ORDER, Key
from chains.remote_signer import ANSWER_LIMIT_BYTES, RemoteSigner, open_signer
from chains.transactions import TransactionPolicy, TransactionRequest, sign_transaction
from config.secrets import SecretUrl
from config.settings import SignerSettings

SECRET = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
KEY = Key(SECRET)
PUBLIC = "0x" + PrivateKey(SECRET).public_key.format(compressed=False)[1:].hex()
OTHER = PrivateKey(b"\x09" * 32)
HUB = "0x" + "ab" * 20
REQUEST = TransactionRequest(1, 7, 10**9, 30 * 10**9, 100_000, HUB, bytes.fromhex("deadbeef") + bytes(64))
POLICY = TransactionPolicy(1, frozenset({(HUB, bytes.fromhex("deadbeef"))}), 10**6, 10**12, 10**18)
TOKEN = "s3cr3t-t0ken"


class SignerHost:
    """What web3signer answers, by its own API: keys as hex, a signature as r, s, v in hex text."""

    def __init__(self) -> None:
        self.keys: object = [PUBLIC]
        self.signed: list[bytes] = []
        self.answer: Callable[[bytes], Awaitable[web.StreamResponse]] | None = None

    async def public_keys(self, _: web.Request) -> web.Response:
        return web.json_response(self.keys)

    async def sign(self, request: web.Request) -> web.StreamResponse:
        data = bytes.fromhex((await request.json())["data"][2:])
        if request.match_info["identifier"] != PUBLIC:
            raise web.HTTPNotFound
        self.signed.append(data)
        return web.Response(text=signature(data)) if self.answer is None else await self.answer(data)


def signature(data: bytes, key: PrivateKey | None = None) -> str:
    made = (key or PrivateKey(SECRET)).sign_recoverable(keccak(data), hasher=None)
    return "0x" + (made[:64] + bytes([27 + made[64]])).hex()


@pytest.fixture
async def host() -> AsyncIterator[tuple[SignerHost, SignerSettings]]:
    app, its = web.Application(), SignerHost()
    app.router.add_get(f"/{TOKEN}/api/v1/eth1/publicKeys", its.public_keys)
    app.router.add_post(f"/{TOKEN}/api/v1/eth1/sign/{{identifier}}", its.sign)
    async with TestServer(app) as server:
        yield its, settings(str(server.make_url(f"/{TOKEN}")))


def settings(url: str, address: str = KEY.address) -> SignerSettings:
    return SignerSettings.model_validate({"address": address, "remote_url": url, "remote_timeout_s": 0.5})


async def opened(of: SignerSettings) -> RemoteSigner:
    signer = await open_signer(of, [1])
    assert isinstance(signer, RemoteSigner)
    return signer


async def test_a_remote_key_signs_the_same_bytes_as_one_at_hand(
    host: tuple[SignerHost, SignerSettings],
) -> None:
    signer = await opened(host[1])

    ours = await sign_transaction(REQUEST, KEY, POLICY)
    its = await sign_transaction(REQUEST, signer, POLICY)
    await signer.aclose()

    assert ours == its
    assert KEY.address == Account.recover_transaction(its.raw)


async def test_a_signature_in_the_upper_half_is_turned_into_the_one_that_chains_accept(
    host: tuple[SignerHost, SignerSettings],
) -> None:
    async def upper(data: bytes) -> web.Response:
        low = bytes.fromhex(signature(data)[2:])
        s = CURVE_ORDER - int.from_bytes(low[32:64])
        return web.Response(text="0x" + (low[:32] + s.to_bytes(32) + bytes([55 - low[64]])).hex())

    signer = await opened(host[1])
    host[0].answer = upper

    assert await KEY.sign_payload(b"its") == await signer.sign_payload(b"its")
    await signer.aclose()


@pytest.mark.parametrize("keys", [[], ["0x" + "11" * 64], {"0": PUBLIC}, ["[" * 100], [PUBLIC[:-2]]])
async def test_a_signer_without_our_key_is_refused_at_the_start(
    host: tuple[SignerHost, SignerSettings], keys: object
) -> None:
    host[0].keys = keys
    with pytest.raises(KeyRefused) as caught:
        await open_signer(host[1], [1])
    assert TOKEN not in str(caught.value)


async def garbage(_: bytes) -> web.Response:
    return web.Response(text="0x" + "00" * 65)


async def html(_: bytes) -> web.Response:
    return web.Response(text="<html>")


async def refusal(_: bytes) -> web.Response:
    return web.Response(status=500, text="no")


async def redirect(_: bytes) -> web.Response:
    raise web.HTTPTemporaryRedirect("/elsewhere")


async def endless(_: bytes) -> web.Response:
    return web.Response(body=b"0" * (ANSWER_LIMIT_BYTES + 1))


async def silence(_: bytes) -> web.Response:
    await asyncio.sleep(5)
    return web.Response()


async def of_another_key(data: bytes) -> web.Response:
    return web.Response(text=signature(data, OTHER))


async def of_other_bytes(data: bytes) -> web.Response:
    return web.Response(text=signature(data + b"!"))


@pytest.mark.parametrize(
    "answer", [garbage, html, refusal, redirect, endless, silence, of_another_key, of_other_bytes]
)
async def test_what_is_not_our_signature_of_these_bytes_is_none(
    host: tuple[SignerHost, SignerSettings], answer: Callable[[bytes], Awaitable[web.Response]]
) -> None:
    signer = await opened(host[1])
    host[0].answer = answer
    with pytest.raises(SignerUnavailable) as caught:
        await sign_transaction(REQUEST, signer, POLICY)
    await signer.aclose()

    assert TOKEN not in str(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert 1 == len(host[0].signed)


async def test_what_the_policy_forbids_never_reaches_the_signer(
    host: tuple[SignerHost, SignerSettings],
) -> None:
    signer = await opened(host[1])
    strict = TransactionPolicy(1, frozenset(), 10**6, 10**12, 10**18)
    with pytest.raises(Exception, match="allow-list"):
        await sign_transaction(REQUEST, signer, strict)
    await signer.aclose()

    assert [] == host[0].signed


async def test_a_signer_that_is_not_there_is_said_so_without_its_url() -> None:
    with pytest.raises(KeyRefused) as caught:
        await open_signer(settings(f"http://127.0.0.1:9/{TOKEN}"), [1])
    assert TOKEN not in str(caught.value)


async def test_a_known_test_key_is_refused_behind_http_too() -> None:
    known = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    with pytest.raises(KeyRefused, match="test key"):
        await open_signer(settings("http://127.0.0.1:9", known), [1])


async def test_a_signer_that_was_never_connected_signs_nothing() -> None:
    signer = RemoteSigner(SecretUrl("http://127.0.0.1:9"), KEY.address, timeout_s=1)
    with pytest.raises(SignerUnavailable):
        await signer.sign_payload(b"its")
    assert KEY.address in repr(signer)
    await signer.aclose()
