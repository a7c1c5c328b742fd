"""What stands on a local chain once it is deployed: what was asked for, funded, and the same every time."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from chains.client import ChainClient
from chains.devnet.accounts import LocalHub
from chains.devnet.anvil import Anvil
from chains.devnet.deploy import deploy, set_feed
from chains.errors import Reverted
from chains.hub.codec import selector, word
from chains.hub.reader import HubLimits, HubReader, balance_call
from config.units import WAD
from tests.chains.devnet.scene import KEEPER, POLICY, PRICES, TERMS, USDC, as_words

pytestmark = pytest.mark.chain

TOKEN_PRICE = selector("token_price(uint256)")
MARKET_PRICE = selector("market_price(uint256)")
INSURANCE = selector("insurance(uint256)")
SIGNERS = selector("signers()")


async def numbers(chain: ChainClient, *calls: tuple[str, bytes]) -> list[int]:
    answers = await chain.call_many(calls, (await chain.head()).hash)
    return [int.from_bytes(answer) for answer in answers if not isinstance(answer, Reverted)]


async def test_the_hub_lists_what_the_deployment_says_under_the_terms_given(
    hub: LocalHub, chain: ChainClient
) -> None:
    deployment = hub.deployment
    facts = await HubReader(chain, deployment.hub).facts((await chain.head()).hash)

    assert [
        (token.token_id, token.address, token.decimals, token.is_vault) for token in deployment.tokens
    ] == [(token.token_id, token.token, token.decimals, token.is_vault) for token in facts.tokens]
    assert ["USDC", "WETH", "WBTC", "sETH"] == [token.symbol for token in deployment.tokens]
    assert [deployment.feeds[asset] for asset in ("USDC", "ETH", "BTC", "ETH")] == [
        token.feed for token in facts.tokens
    ]
    assert [deployment.feeds[asset] for asset in ("ETH", "BTC")] == [market.feed for market in facts.markets]
    assert HubLimits(*astuple(TERMS)[3:]) == facts.limits
    assert (1, 2, POLICY, False) == (facts.epoch, facts.threshold, facts.policy_hash, facts.paused)


async def test_the_signers_are_those_named_in_ascending_order(hub: LocalHub, chain: ChainClient) -> None:
    _, count, *signers = as_words(await chain.call(hub.deployment.hub, SIGNERS, (await chain.head()).hash))

    assert count == 3
    assert sorted(int(address, 16) for address in TERMS.signers) == signers


async def test_prices_are_the_feeds_and_a_share_is_worth_what_it_earned(
    hub: LocalHub, chain: ChainClient
) -> None:
    at = hub.deployment.hub
    calls = [(at, TOKEN_PRICE + word(number)) for number in range(4)]
    calls += [(at, MARKET_PRICE + word(number)) for number in range(2)]

    usdc, ether, bitcoin, share, *markets = await numbers(chain, *calls)

    assert [PRICES["USDC"], PRICES["ETH"], PRICES["BTC"]] == [usdc, ether, bitcoin]
    assert [PRICES["ETH"], PRICES["BTC"]] == markets
    assert share == pytest.approx(105 * PRICES["ETH"] // 100, rel=1e-12)


async def test_the_pool_the_insurance_and_the_keeper_are_funded_and_every_token_is_accounted_for(
    hub: LocalHub, chain: ChainClient
) -> None:
    at, usdc = hub.deployment.hub, hub.deployment.token("USDC").address
    allowance = selector("allowance(address,address)")
    holders = b"".join(bytes.fromhex(each[2:]).rjust(32, b"\x00") for each in (KEEPER, at))
    held, pool, insurance, inventory, approved = await numbers(
        chain,
        balance_call(usdc, at),
        (at, selector("pool_cash()")),
        (at, INSURANCE + word(0)),
        balance_call(usdc, KEEPER),
        (usdc, allowance + holders),
    )

    assert held == pool + insurance
    assert min(pool, insurance, inventory) >= 500_000 * USDC
    assert approved >= inventory
    assert await chain.balance(KEEPER) > WAD


async def test_a_feed_that_is_set_is_the_hubs_price_from_the_next_block_on(
    hub: LocalHub, chain: ChainClient
) -> None:
    call = (hub.deployment.hub, MARKET_PRICE + word(0))
    await set_feed(hub.node, hub.deployment, {"ETH": 2_640 * WAD, "BTC": 52_800 * WAD})

    assert [3_000 * WAD] == await numbers(chain, call)

    await hub.node.mine()

    assert [2_640 * WAD] == await numbers(chain, call)


async def test_another_chain_with_another_way_to_mine_gets_the_same_addresses_in_few_blocks(
    hub: LocalHub,
) -> None:
    for pace in (None, 1.0):
        async with Anvil(31_112, block_time_s=pace) as node:
            other = await deploy(node, "beta", PRICES, TERMS, KEEPER)
            blocks = int(await node.rpc("eth_blockNumber"), 16)

            assert hub.deployment == replace(
                other, chain="alpha", chain_id=31_111, genesis_hash=hub.deployment.genesis_hash
            )
            assert blocks < 60


async def test_the_multicall_answers_as_multicall3_does(hub: LocalHub, chain: ChainClient) -> None:
    from eth_abi.abi import decode, encode

    usdc = hub.deployment.token("USDC").address
    calls = [(usdc, False, selector("decimals()")), (usdc, True, selector("nothing()"))]
    data = selector("aggregate3((address,bool,bytes)[])") + encode(["(address,bool,bytes)[]"], [calls])
    answer = await chain.call(hub.deployment.multicall, data, (await chain.head()).hash)

    assert [(True, word(6)), (False, b"")] == list(decode(["(bool,bytes)[]"], answer)[0])
