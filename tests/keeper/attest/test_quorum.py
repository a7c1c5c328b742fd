"""A quorum of real HTTP attestors, some of them down, hung or lying: none is waited for in vain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from chains.hub.attestation import Action, Attestation
from chains.hub.signatures import digest, recover, sign
from chains.keys import Key
from config.settings import AttestationSettings
from keeper.attest.quorum import Quorum, QuorumClient
from keeper.attest.server import application
from keeper.attest.wire import Answer, Batch, Proposal, RefusalReason, Refused, Signed
from tests.chains.nodes import free_port
from tests.keeper.attest.proposals import cut_of, good, world_for
from tests.keeper.watch.world import CHAINS, HUBS

NAMES = ("anna", "boris", "carla")
KEYS = {name: Key(bytes([at + 1]) * 32) for at, name in enumerate(NAMES)}
HUB_BY_ID = {chain_id: HUBS[name] for name, chain_id in CHAINS.items()}

Attest = Callable[[Batch], Awaitable[Sequence[Answer]]]


def signature(key: Key, attestation: Attestation) -> Signed:
    return Signed("0x" + sign(key, digest(attestation, CHAINS["alpha"], HUBS["alpha"])).hex())


def honest(name: str) -> Attest:
    async def attest(batch: Batch) -> list[Answer]:
        return [signature(KEYS[name], each.attestation) for each in batch.proposals]

    return attest


def refusing(*places: int, name: str) -> Attest:
    async def attest(batch: Batch) -> list[Answer]:
        return [
            Refused(RefusalReason.HEALTHY, "1.02 here")
            if at in places
            else signature(KEYS[name], each.attestation)
            for at, each in enumerate(batch.proposals)
        ]

    return attest


async def hung(batch: Batch) -> list[Answer]:
    """Answer only once the test is over, so that its server can be closed."""
    released = asyncio.Event()
    _HUNG.append(released)
    await released.wait()
    return []


_HUNG: list[asyncio.Event] = []


def _release() -> None:
    while _HUNG:
        _HUNG.pop().set()


@asynccontextmanager
async def quorum(
    timeout_s: float = 30.0, **attestors: Attest | web.Application | None
) -> AsyncIterator[QuorumClient]:
    """Serve the named attestors (None is down) and return a client of all three; threshold 2."""
    async with AsyncExitStack() as stack:
        ports = {}
        for name in NAMES:
            ports[name] = free_port()
            its = attestors.get(name, honest(name))
            if its is None:
                continue
            runner = web.AppRunner(
                its if isinstance(its, web.Application) else application(its), shutdown_timeout=0
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", ports[name]).start()
        settings = AttestationSettings.model_validate(
            {
                "threshold": 2,
                "timeout_s": timeout_s,
                "attestors": [
                    {"name": name, "url": f"http://127.0.0.1:{ports[name]}", "address": KEYS[name].address}
                    for name in NAMES
                ],
            }
        )
        stack.callback(_release)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield QuorumClient(settings, HUB_BY_ID, session)


def asked(count: int = 1) -> Batch:
    world = world_for(Action.REPAY)
    one = good(world, Action.REPAY)
    its = tuple(Proposal(CHAINS["alpha"], replace(one, sequence=at + 1)) for at in range(count))
    return Batch(cut_of(world), its)


def refusals(found: Quorum) -> dict[str, RefusalReason]:
    return {name: each.reason for name, each in found.answers.items() if isinstance(each, Refused)}


async def test_two_signatures_come_in_ascending_order_of_their_signers() -> None:
    batch = asked()
    async with quorum() as client:
        (found,) = await client.ask(batch)

    assert found.signatures is not None
    to_sign = digest(batch.proposals[0].attestation, CHAINS["alpha"], HUBS["alpha"])
    signers = [int(recover(to_sign, each), 16) for each in found.signatures]
    assert 2 == len(signers)
    assert sorted(signers) == signers


@pytest.mark.parametrize("silent", [None, hung])
async def test_one_of_three_that_is_down_or_hung_is_not_waited_for(silent: Attest | None) -> None:
    async with asyncio.timeout(10), quorum(carla=silent) as client:
        (found,) = await client.ask(asked())

    assert found.signatures is not None


async def test_an_account_that_attestors_disagree_on_does_not_keep_the_others_waiting() -> None:
    async with quorum(boris=refusing(0, name="boris"), carla=hung) as client:
        settling = client.settle(asked(3))
        async with asyncio.timeout(10):
            first: dict[int, Quorum] = {}
            while len(first) < 2:
                first |= await anext(settling)
        await settling.aclose()

    assert {1, 2} == set(first)
    assert all(each.signatures is not None for each in first.values())


async def test_two_hung_attestors_cost_the_timeout_and_are_named() -> None:
    async with quorum(timeout_s=0.2, boris=hung, carla=hung) as client:
        (found,) = await client.ask(asked())

    assert found.signatures is None
    assert RefusalReason.UNREACHABLE in refusals(found).values()


async def test_a_quorum_that_can_not_be_reached_any_more_is_settled_without_the_last() -> None:
    async with (
        asyncio.timeout(10),
        quorum(anna=refusing(0, name="anna"), boris=refusing(0, name="boris"), carla=hung) as client,
    ):
        (found,) = await client.ask(asked())

    assert found.signatures is None
    assert "anna: healthy (1.02 here); boris: healthy (1.02 here)" == found.shortage


async def _wrong_key(batch: Batch) -> list[Answer]:
    return [signature(KEYS["anna"], each.attestation) for each in batch.proposals]


async def _wrong_digest(batch: Batch) -> list[Answer]:
    return [signature(KEYS["boris"], replace(each.attestation, max_size=1)) for each in batch.proposals]


async def _one_too_many(batch: Batch) -> list[Answer]:
    return [signature(KEYS["boris"], batch.proposals[0].attestation)] * (len(batch.proposals) + 1)


def _answering(body: bytes, status: int = 200) -> web.Application:
    app = web.Application()

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, content_type="application/json")

    app.router.add_post("/v1/attest", handle)
    return app


LIARS: dict[str, Callable[[], Attest | web.Application]] = {
    "another's key": lambda: _wrong_key,
    "another digest": lambda: _wrong_digest,
    "a wrong count": lambda: _one_too_many,
    "a huge answer": lambda: _answering(b'{"answers": [' + b" " * (2 << 20) + b"]}"),
    "not JSON": lambda: _answering(b"<html>"),
    "deep JSON": lambda: _answering(b"[" * 100_000),
    "an error": lambda: _answering(b"{}", 500),
    "a redirect": lambda: _answering(b"", 302),
}


@pytest.mark.parametrize("lie", LIARS)
async def test_what_is_not_this_attestors_signature_of_this_digest_does_not_count(lie: str) -> None:
    async with quorum(anna=None, boris=LIARS[lie]()) as client:
        (found,) = await client.ask(asked())

    assert found.signatures is None
    assert RefusalReason.BAD_ANSWER == refusals(found)["boris"]


async def test_a_url_is_in_no_refusal() -> None:
    async with quorum(anna=None, boris=None) as client:
        (found,) = await client.ask(asked())

    assert "127.0.0.1" not in found.shortage
