"""Accounts are opened as desired over several chains, and only with a quorum's word where one is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from chains.devnet.accounts import (
    Attested,
    DesiredAccount,
    DesiredLeg,
    LocalHub,
    RiskRequest,
    account_id,
    open_accounts,
    owner_keys,
)
from chains.devnet.anvil import Anvil, AnvilFailed
from chains.devnet.quorum import BlindQuorum
from chains.hub.attestation import Action
from chains.hub.codec import selector, word
from chains.hub.reader import HubReader
from config.units import WAD
from tests.chains.devnet.scene import BITCOIN, SIGNERS, USDC, connected, local_hubs

pytestmark = pytest.mark.chain

ALICE, BOB, CAROL = (key.address for key in owner_keys("test", 3))


@pytest.fixture
async def hubs() -> AsyncIterator[dict[str, LocalHub]]:
    async with local_hubs(Anvil(31_111, block_time_s=1), Anvil(31_112)) as hubs:
        yield hubs


async def rows(hub: LocalHub, accounts: Sequence[str]) -> list[tuple[int, ...]]:
    async with connected(hub) as client:
        return await HubReader(client, hub.deployment.hub).legs(accounts, (await client.head()).hash)


def signed(value: int) -> int:
    return value - 2**256 if value >> 255 else value


async def test_accounts_have_on_each_chain_what_was_desired(hubs: dict[str, LocalHub]) -> None:
    alone = DesiredAccount(
        ALICE,
        5,
        (
            DesiredLeg(
                "alpha", {"WETH": 10 * WAD, "USDC": 500 * USDC}, 1_000 * USDC, {"BTC-PERP": -WAD // 10}
            ),
        ),
    )
    spread = DesiredAccount(
        BOB,
        0,
        (
            DesiredLeg("alpha", {"sETH": 3_000 * WAD, "WBTC": BITCOIN // 2}, cross_margin=True),
            DesiredLeg(
                "beta", debt=2_000 * USDC, positions={"ETH-PERP": WAD, "BTC-PERP": -WAD}, cross_margin=True
            ),
        ),
    )
    again = DesiredAccount(ALICE, 0, (DesiredLeg("alpha", {"WETH": WAD}),))
    ids = [account.account_id for account in (alone, spread, again)]

    await open_accounts(hubs, [alone, spread, again], BlindQuorum(hubs, SIGNERS))

    on_alpha = await rows(hubs["alpha"], ids)
    on_beta = await rows(hubs["beta"], ids)
    assert [(0, 1_000 * USDC), (1, 0), (0, 0)] == [(row[1], row[2]) for row in on_alpha]
    assert [
        (500 * USDC, 10 * WAD, 0, 0),
        (0, 0, BITCOIN // 2, 3_000 * WAD),
        (0, WAD, 0, 0),
    ] == [row[6:10] for row in on_alpha]
    assert (0, -WAD // 10, 60_000 * WAD) == (on_alpha[0][12], signed(on_alpha[0][14]), on_alpha[0][15])
    assert [(0,) * 20, (0,) * 20] == [on_beta[0], on_beta[2]]
    assert (1, 2_000 * USDC, 0) == on_beta[1][1:4]
    assert (WAD, 3_000 * WAD, -WAD, 60_000 * WAD) == tuple(map(signed, on_beta[1][12:16]))


async def test_a_quorum_is_asked_in_rounds_of_one_action_per_account(hubs: dict[str, LocalHub]) -> None:
    asked: list[list[tuple[str, str, Action, int, int]]] = []
    quorum = BlindQuorum(hubs, SIGNERS)

    async def attest(requests: Sequence[RiskRequest]) -> Sequence[Attested]:
        asked.append([(r.chain, r.account, r.action, r.item, r.size) for r in requests])
        return await quorum(requests)

    bob, carol = account_id(BOB, 0), account_id(CAROL, 0)
    here = DesiredLeg("alpha", {"WETH": 9 * WAD}, debt=100 * USDC, cross_margin=True)
    there = DesiredLeg("beta", debt=200 * USDC, positions={"BTC-PERP": -WAD}, cross_margin=True)
    await open_accounts(
        hubs, [DesiredAccount(BOB, 0, (here, there)), DesiredAccount(CAROL, 0, (there,))], attest
    )

    assert [
        [("alpha", bob, Action.BORROW, 0, 100 * USDC), ("beta", carol, Action.BORROW, 0, 200 * USDC)],
        [("beta", bob, Action.BORROW, 0, 200 * USDC), ("beta", carol, Action.TRADE, 1, WAD)],
        [("beta", bob, Action.TRADE, 1, WAD)],
    ] == asked


async def test_risk_with_cross_margin_is_not_even_started_without_a_quorum(hubs: dict[str, LocalHub]) -> None:
    leg = DesiredLeg("alpha", {"WETH": 10 * WAD}, debt=USDC, cross_margin=True)

    with pytest.raises(ValueError, match="needs a quorum"):
        await open_accounts(hubs, [DesiredAccount(ALICE, 0, (leg,))])
    assert [(0,) * 20] == await rows(hubs["alpha"], [account_id(ALICE, 0)])


async def test_what_the_hub_refuses_is_told_with_its_reason(hubs: dict[str, LocalHub]) -> None:
    leg = DesiredLeg("alpha", {"WETH": WAD}, debt=2_900 * USDC)

    with pytest.raises(AnvilFailed, match=r"BORROW of 0x\w{8} on alpha reverted: .*margin"):
        await open_accounts(hubs, [DesiredAccount(ALICE, 0, (leg,))])


async def test_keys_that_are_no_quorum_can_not_vouch(hubs: dict[str, LocalHub]) -> None:
    leg = DesiredLeg("alpha", debt=USDC, cross_margin=True)
    account = DesiredAccount(ALICE, 0, (leg,))

    with pytest.raises(ValueError, match="2 are needed"):
        await open_accounts(hubs, [account], BlindQuorum(hubs, SIGNERS[:1]))
    with pytest.raises(AnvilFailed, match="signatures"):
        await open_accounts(
            hubs, [DesiredAccount(BOB, 0, (leg,))], BlindQuorum(hubs, owner_keys("strangers", 2))
        )


async def test_an_accounts_id_is_the_hubs_and_its_owner_is_the_seeds(hubs: dict[str, LocalHub]) -> None:
    call = selector("account_id_of(address,uint256)") + bytes.fromhex(BOB[2:]).rjust(32, b"\x00") + word(7)
    async with connected(hubs["alpha"]) as client:
        found = await client.call(hubs["alpha"].deployment.hub, call, (await client.head()).hash)

    assert "0x" + found.hex() == account_id(BOB, 7)
    assert [ALICE, BOB] == [key.address for key in owner_keys("test", 2)]
    assert ALICE != owner_keys("another", 1)[0].address
