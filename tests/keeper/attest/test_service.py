"""An attestor at work: durable before it signs, never two digests for one sequence, one hub's owner at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chains.hub.attestation import Action, Attestation
from chains.hub.events import CollateralSet
from chains.hub.signatures import digest, recover
from chains.keys import Key
from config.units import WAD
from keeper.attest import cut as cut_module
from keeper.attest.service import Attestor
from keeper.attest.wire import Answer, Batch, Proposal, RefusalReason, Refused, Signed
from keeper.state.entries import Entry
from keeper.state.errors import LogUnavailable
from keeper.state.log import StateLog
from keeper.state.reader import LogReader
from tests.keeper.attest.proposals import chain_of, cut_of, good, world_for
from tests.keeper.watch.world import ACCOUNT, CHAINS, HUBS, NOW_MS, NOW_S, TOKENS, World, log_path, opened

KEY = Key(bytes([7]) * 32)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut_module, "BOOK_PATIENCE_S", 0.05)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[StateLog]:
    async with StateLog.open(log_path(tmp_path), "attest", lambda: NOW_MS) as log:
        yield log


def attestor(world: World, log: StateLog) -> Attestor:
    own = world.settings.attestor
    assert own is not None
    return Attestor(world.settings, own, world.policy, world.watcher(), KEY, log, lambda: NOW_MS)


def batch(world: World, *attestations: Attestation, chain: str = "") -> Batch:
    proposals = tuple(Proposal(CHAINS[chain or chain_of(Action(each.action))], each) for each in attestations)
    return Batch(cut_of(world), proposals)


def reason(answer: Answer) -> RefusalReason | None:
    return answer.reason if isinstance(answer, Refused) else None


async def test_what_is_right_is_signed_with_the_key_for_the_hub_and_is_in_the_log(log: StateLog) -> None:
    world = world_for(Action.REPAY)
    proposal = good(world, Action.REPAY)

    (answer,) = await attestor(world, log).attest(batch(world, proposal))

    assert isinstance(answer, Signed)
    to_sign = digest(proposal, CHAINS["alpha"], HUBS["alpha"])
    assert KEY.address == recover(to_sign, bytes.fromhex(answer.signature[2:]))
    with LogReader(log.path) as reader:
        rows = reader.select("SELECT digest FROM signed_attestations")
    assert ["0x" + to_sign.hex()] == [row["digest"] for row in rows]


async def test_a_second_digest_for_a_sequence_is_refused_and_the_first_is_signed_again(log: StateLog) -> None:
    world = world_for(Action.REPAY)
    first = good(world, Action.REPAY)
    second = replace(first, max_size=first.max_size - 1)
    service = attestor(world, log)

    assert [None] == [reason(each) for each in await service.attest(batch(world, first))]
    assert [None, RefusalReason.EQUIVOCATION] == [
        reason(each) for each in await service.attest(batch(world, first, second))
    ]


async def test_two_digests_for_a_sequence_in_one_batch_give_one_signature(log: StateLog) -> None:
    world = world_for(Action.REPAY)
    first = good(world, Action.REPAY)
    both = batch(world, first, replace(first, max_size=first.max_size - 1))

    answers = await attestor(world, log).attest(both)

    assert [None, RefusalReason.EQUIVOCATION] == [reason(each) for each in answers]


async def test_nothing_is_signed_that_could_not_be_remembered(
    log: StateLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*entries: Entry) -> int:
        raise LogUnavailable("disk full")

    world = world_for(Action.REPAY)
    monkeypatch.setattr(log, "write", full)

    answers = await attestor(world, log).attest(batch(world, good(world, Action.REPAY)))

    assert [RefusalReason.NOT_READY] == [reason(each) for each in answers]


async def test_it_is_remembered_before_it_is_signed(log: StateLog, monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_for(Action.REPAY)
    known: list[int] = []

    class Watching:
        async def sign_payload(self, its: bytes) -> tuple[int, int, int]:
            with LogReader(log.path) as reader:
                known.append(len(reader.select("SELECT 1 FROM signed_attestations")))
            return await KEY.sign_payload(its)

    service = attestor(world, log)
    monkeypatch.setattr(service, "_key", Watching())

    await service.attest(batch(world, good(world, Action.REPAY)))

    assert [1] == known


async def test_a_refusal_is_in_the_log_with_its_reason(log: StateLog) -> None:
    world = world_for(Action.REPAY)

    await attestor(world, log).attest(batch(world, good(world, Action.REPAY, max_size=0)))

    with LogReader(log.path) as reader:
        (asked,) = reader.attestations(ACCOUNT)
    assert ["refused"] == [answer["outcome"] for answer in asked["answers"]]
    assert asked["answers"][0]["reason"].startswith("size: REPAY of 0, at most")


async def test_before_every_chain_was_read_nothing_is_signed(log: StateLog) -> None:
    world = world_for(Action.REPAY)
    world.evidence.reconciled.discard("beta")

    answers = await attestor(world, log).attest(batch(world, good(world, Action.REPAY)))

    assert [RefusalReason.NOT_READY] == [reason(each) for each in answers]


async def test_a_chain_that_is_not_configured_and_a_cut_that_can_not_be_read_are_refused(
    log: StateLog,
) -> None:
    world = world_for(Action.REPAY)
    good_one = good(world, Action.REPAY)
    service = attestor(world, log)

    foreign = await service.attest(Batch(cut_of(world), (Proposal(1, good_one),)))
    world.nodes["beta"].failing = True
    unread = await service.attest(batch(world, good_one))

    assert [RefusalReason.UNKNOWN_CHAIN] == [reason(each) for each in foreign]
    assert [RefusalReason.CUT] == [reason(each) for each in unread]


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_an_owner_may_take_on_one_hub_is_not_promised_on_another_as_well(
    log: StateLog, restarted: bool
) -> None:
    world = world_for(Action.WITHDRAW)
    here = good(world, Action.WITHDRAW, max_size=9 * WAD)
    there = replace(here, sequence=1_001)
    service = attestor(world, log)

    first = await service.attest(batch(world, here))
    if restarted:
        service = attestor(world, log)
        await service.restore()
    second = await service.attest(batch(world, there, chain="beta"))

    assert [None, RefusalReason.MARGIN] == [reason(each) for each in [*first, *second]]


async def test_two_hubs_in_one_batch_get_one_promise(log: StateLog) -> None:
    world = world_for(Action.BORROW)
    one = good(world, Action.BORROW)
    both = Batch(cut_of(world), (Proposal(CHAINS["alpha"], one), Proposal(CHAINS["beta"], one)))

    answers = await attestor(world, log).attest(both)

    assert [None, RefusalReason.MARGIN] == [reason(each) for each in answers]


async def test_once_the_promise_was_used_the_other_hub_is_judged_by_what_is_left(log: StateLog) -> None:
    world = world_for(Action.WITHDRAW)
    service = attestor(world, log)
    await service.attest(batch(world, good(world, Action.WITHDRAW, max_size=WAD)))
    world.mine("alpha", CollateralSet(ACCOUNT, TOKENS["alpha"][1], 9 * WAD, 2))

    answers = await service.attest(batch(world, good(world, Action.WITHDRAW, sequence=1_001), chain="beta"))

    assert [None] == [reason(each) for each in answers]


async def test_a_promise_is_over_when_it_can_not_be_used_any_more(log: StateLog) -> None:
    world = world_for(Action.WITHDRAW)
    service = attestor(world, log)
    promised = good(world, Action.WITHDRAW)
    await service.attest(batch(world, promised))
    account = world.evidence.book.account(ACCOUNT)
    assert account is not None

    until = promised.deadline
    assert "WITHDRAW on alpha" in service._promises.conflict(account, promised, "beta", until + 30)
    assert "" == service._promises.conflict(account, promised, "beta", until + 31)
    assert {} == service._promises._out


async def test_a_liquidation_waits_for_no_promise(log: StateLog) -> None:
    world = world_for(Action.REPAY)
    service = attestor(world, log)
    owners = replace(good(world, Action.REPAY), action=int(Action.BORROW), deadline=NOW_S + 60)
    service._promises.note(owners, "beta")

    answers = await service.attest(batch(world, good(world, Action.REPAY)))

    assert [None] == [reason(each) for each in answers]


def twice_in_trouble() -> tuple[World, Attestation]:
    """Return a world in which a repayment on either of two hubs would do, and the whole of one of them."""
    world = World()
    for name in ("alpha", "beta"):
        world.mine(name, *opened(name, eth="1", debt=1_700))
    return world, good(world, Action.REPAY)


@pytest.mark.parametrize("restarted", [False, True])
async def test_steps_that_would_each_do_are_not_both_signed(log: StateLog, *, restarted: bool) -> None:
    world, whole = twice_in_trouble()
    part = replace(whole, max_size=whole.max_size * 3 // 4)
    service = attestor(world, log)

    first = await service.attest(batch(world, part, chain="alpha"))
    if restarted:
        service = attestor(world, log)
        await service.restore()
    second = await service.attest(batch(world, part, chain="beta"))

    assert [None, RefusalReason.SIZE] == [reason(each) for each in [*first, *second]]


async def test_the_rest_of_a_plan_is_signed_beside_its_first_step(log: StateLog) -> None:
    world, whole = twice_in_trouble()
    ask = [replace(whole, max_size=size) for size in (whole.max_size * 3 // 4, whole.max_size // 4)]
    both = Batch(cut_of(world), (Proposal(CHAINS["alpha"], ask[0]), Proposal(CHAINS["beta"], ask[1])))

    answers = await attestor(world, log).attest(both)

    assert [None, None] == [reason(each) for each in answers]
