"""A daemon with two keys on every chain: both are used, claims go to who opened them, and one alone goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from chains.devnet.deploy import APPROVE, address_word
from chains.hub.codec import word
from chains.hub.events import ClaimOpened, ClaimPaid
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.rounds import Rounds, steady_prices
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage, until

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rounds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rounds]:
    directory = tmp_path_factory.mktemp("signers")
    async with Stage(directory, ChainPlan("gamma", 31_157), text=steady_prices, keepers=2) as stage:
        yield Rounds(stage, failing=6)


async def test_a_signer_without_coins_is_left_out_and_the_other_does_it_all(rounds: Rounds) -> None:
    stage, chain = rounds.stage, rounds.stage.chain
    first, second = (key.address for key in stage.keepers)
    await chain.node.rpc("anvil_setBalance", first, "0x1")
    played = await rounds.opened()
    async with Daemon(stage.config):
        await stage.known(played.all)
        await rounds.crash()
        await rounds.over(played, 90)
        assert {f"sender_funds/gamma/{first}"} == open_alerts(stage)
        await chain.node.rpc("anvil_setBalance", first, hex(10**21))
        await chain.mine(6)
        await until(lambda: not open_alerts(stage), "the alert is closed")

    assert {second} == senders(stage, played.bad)
    assert rounds.steps_expected(played) == await rounds.steps_taken(played)
    await assert_sound(stage)


async def test_a_key_that_is_used_elsewhere_is_left_out_and_the_other_does_it_all(rounds: Rounds) -> None:
    stage, chain = rounds.stage, rounds.stage.chain
    first, second = (key.address for key in stage.keepers)
    played = await rounds.opened()
    async with Daemon(stage.config):
        await stage.known(played.all)
        data = APPROVE + address_word(chain.deployment.hub) + word(10**18)
        call = {"from": second, "to": chain.deployment.tokens[0].address, "data": "0x" + data.hex()}
        await chain.node.rpc("eth_sendTransaction", call)
        await chain.mine()
        stage.first_block["gamma"] = await chain.height() + 1
        await until(lambda: open_alerts(stage), "the alert is raised")
        await rounds.crash()
        await rounds.over(played, 90)

    assert {f"foreign_nonce/gamma/{second}"} == {"/".join(key.split("/")[:3]) for key in open_alerts(stage)}
    assert {first} == senders(stage, played.bad)
    assert rounds.steps_expected(played) == await rounds.steps_taken(played)
    await assert_sound(stage)


@pytest.mark.slow
async def test_both_keys_open_claims_and_each_takes_its_own(tmp_path: Path) -> None:
    plans = (ChainPlan("alpha", 31_158), ChainPlan("gamma", 31_159))
    async with Stage(tmp_path, *plans, text=steady_prices, keepers=2) as stage:
        rounds = Rounds(stage, failing=6)
        played = await rounds.opened()
        async with Daemon(stage.config):
            await stage.known(played.all)
            await rounds.crash()
            await rounds.over(played, 90)

        opened, paid = await claims(stage, ClaimOpened), await claims(stage, ClaimPaid)
        assert len(played.bad) == len(opened)
        assert opened == paid
        assert Counter({key.address: 3 for key in stage.keepers}) == Counter(opened.values())
        assert rounds.steps_expected(played) == await rounds.steps_taken(played)
        await assert_sound(stage)


async def claims(stage: Stage, kind: type[ClaimOpened | ClaimPaid]) -> dict[str, str]:
    """Who sent what opened or paid each claim."""
    found: dict[str, str] = {}
    for chain in stage.chains.values():
        for each in await chain.happened():
            if isinstance(each.event, kind):
                sent = await chain.node.rpc("eth_getTransactionByHash", each.tx_hash)
                found[each.event.claim] = next(
                    key.address for key in stage.keepers if key.address.lower() == sent["from"]
                )
    return found


def senders(stage: Stage, accounts: list[str]) -> set[str]:
    rows = stage.rows("SELECT DISTINCT account_id, sender FROM intents WHERE sender IS NOT NULL")
    return {row["sender"] for row in rows if row["account_id"] in accounts}


def open_alerts(stage: Stage) -> set[str]:
    """The open alerts of what may be wrong with a signer."""
    rows = stage.rows("SELECT dedupe_key FROM alerts WHERE closed_at_ms IS NULL")
    return {
        row["dedupe_key"] for row in rows if row["dedupe_key"].startswith(("sender_funds/", "foreign_nonce/"))
    }
