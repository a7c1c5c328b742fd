"""What is encoded, signed and decoded here is what the deployed hub computes, accepts and logs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chains.client import ChainClient
from chains.devnet.accounts import DesiredAccount, DesiredLeg, LocalHub, open_accounts, owner_keys
from chains.devnet.deploy import set_feed
from chains.devnet.transactor import Transactor
from chains.hub.attestation import Action, Attestation
from chains.hub.codec import ATTESTATION_TYPE, LIQUIDATE, attested_call, decode, selector
from chains.hub.events import CollateralSet, DebtSet, HubEvent, Liquidated
from chains.hub.signatures import assemble, digest, sign, words
from config.units import WAD
from tests.chains.devnet.scene import KEEPER, POLICY, SIGNERS, USDC

pytestmark = pytest.mark.chain

ATTESTATION_DIGEST = selector(f"attestation_digest({ATTESTATION_TYPE})")
ALICE = owner_keys("test", 1)[0].address
SOMETHING = "0x" + "5e" * 32


def repayment(account: DesiredAccount, now_s: int, **changes: Any) -> Attestation:
    """A word that lets the keeper repay 500 dollars for the account's ether at 2,640."""
    attestation = Attestation(
        action=Action.REPAY,
        account=account.account_id,
        version=2,
        sequence=9,
        epoch=1,
        item=1,
        max_size=500 * USDC,
        price=2_640 * WAD,
        health=98 * WAD // 100,
        value=0,
        claim="0x" + "00" * 32,
        target="0x" + "00" * 20,
        beneficiary=KEEPER,
        blocks_root=SOMETHING,
        policy_hash=POLICY,
        price_set=SOMETHING,
        observed_at=now_s,
        deadline=now_s + 60,
    )
    return replace(attestation, **changes)


async def events_of(hub: LocalHub) -> list[HubEvent]:
    """What the hub logged in the newest block."""
    logs = await hub.node.rpc("eth_getLogs", {"address": hub.deployment.hub, "fromBlock": "latest"})
    return [event for event in map(decode, logs) if event is not None]


async def test_the_digest_is_the_hubs_own(hub: LocalHub, chain: ChainClient) -> None:
    account = DesiredAccount(ALICE, 0, ())
    attestation = repayment(account, 1_800_000_000, value=7, target=KEEPER, claim=SOMETHING)
    call = ATTESTATION_DIGEST + words(attestation)

    found = await chain.call(hub.deployment.hub, call, (await chain.head()).hash)

    assert found == digest(attestation, hub.deployment.chain_id, hub.deployment.hub)


async def test_a_liquidation_signed_by_any_two_of_three_goes_through_and_is_read_back(
    hub: LocalHub, chain: ChainClient
) -> None:
    account = DesiredAccount(ALICE, 0, (DesiredLeg("alpha", {"WETH": WAD}, debt=2_200 * USDC),))
    await open_accounts({"alpha": hub}, [account])
    await set_feed(hub.node, hub.deployment, {"ETH": 2_640 * WAD})
    await hub.node.mine()
    transactor = Transactor(hub.node)

    for sequence, signers in ((9, SIGNERS[:2]), (10, SIGNERS[1:])):
        await hub.node.rpc("evm_increaseTime", 2)  # the cooldown
        coming = await hub.node.rpc("eth_getBlockByNumber", "pending", False)
        attestation = repayment(account, int(coming["timestamp"], 16), sequence=sequence)
        to_sign = digest(attestation, hub.deployment.chain_id, hub.deployment.hub)
        signatures = assemble({key.address: sign(key, to_sign) for key in signers}, 2)
        call = attested_call(LIQUIDATE, (), attestation, signatures)
        await transactor.call(KEEPER, hub.deployment.hub, call, "liquidation")
        await transactor.flush()

    weth = hub.deployment.token("WETH").address
    seized = [500 * WAD * 105 // 100 * WAD // (2_640 * WAD) * times for times in (1, 2)]
    assert [
        DebtSet(account.account_id, 1_200 * USDC, 2),
        CollateralSet(account.account_id, weth, WAD - seized[1], 2),
        Liquidated(
            account.account_id,
            action=Action.REPAY,
            item=1,
            size=500 * USDC,
            price_wad=2_640 * WAD,
            value_wad=500 * WAD,
            penalty_wad=25 * WAD,
            health_wad=98 * WAD // 100,
            liquidator=KEEPER,
            sequence=10,
            attestation="0x" + to_sign.hex(),
        ),
    ] == await events_of(hub)
