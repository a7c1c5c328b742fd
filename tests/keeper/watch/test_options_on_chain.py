"""Options on a real chain: opened, followed into the book, compared with the desk, and liquidated there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chains.blocks import ChainUpdate
from chains.client import ChainClient
from chains.devnet.accounts import (
    DesiredAccount,
    DesiredLeg,
    DesiredOption,
    LocalHub,
    open_accounts,
    owner_keys,
)
from chains.devnet.anvil import Anvil
from chains.devnet.quorum import BlindQuorum
from chains.devnet.transactor import Transactor
from chains.heads import HeadFollower
from chains.hub.attestation import Action, Attestation
from chains.hub.codec import LIQUIDATE, attested_call, decode
from chains.hub.desk import DeskReader
from chains.hub.options import item_of, market_key
from chains.hub.reader import HubReader
from chains.hub.signatures import assemble, digest, sign
from config.units import WAD
from keeper.book.book import Book
from keeper.book.catalogue import KnownChain, KnownMarket, KnownOptionMarket, KnownToken
from keeper.domain.account import Leg, OptionPosition, StepTaken
from keeper.watch.rows import LegReader
from tests.chains.devnet.scene import KEEPER, POLICY, SIGNERS, USDC, connected, local_hubs

pytestmark = pytest.mark.chain

ALICE = owner_keys("test", 1)[0].address
NOTHING = "0x" + "00" * 32


@pytest.fixture
async def hub() -> AsyncIterator[LocalHub]:
    async with local_hubs(Anvil(31_111, block_time_s=0), with_options=True) as hubs:
        yield hubs["alpha"]


@pytest.fixture
async def client(hub: LocalHub) -> AsyncIterator[ChainClient]:
    async with connected(hub) as client:
        yield client


def spread(now_s: int) -> DesiredAccount:
    """A put spread: one sold at 2,800, one bought at 2,400."""
    expiry_s = now_s + 30 * 86_400
    sold = DesiredOption("ETH-OPTIONS", False, 2_800 * WAD, expiry_s, -10 * WAD, 90 * WAD)
    bought = DesiredOption("ETH-OPTIONS", False, 2_400 * WAD, expiry_s, 10 * WAD, 30 * WAD)
    leg = DesiredLeg("alpha", {"USDC": 5_000 * USDC}, cross_margin=True, options=(sold, bought))
    return DesiredAccount(ALICE, 0, (leg,))


def book_of(hub: LocalHub) -> Book:
    deployment = hub.deployment
    tokens = {
        token.address: KnownToken(token.token_id, token.address, token.asset, token.decimals, 100)
        for token in deployment.tokens
    }
    markets = {number: KnownMarket(number, name, name[:3]) for name, number in deployment.markets.items()}
    options = {
        market_key(name): KnownOptionMarket(name, asset) for name, asset in deployment.option_markets.items()
    }
    known = KnownChain("alpha", deployment.chain_id, 12, tokens, markets, options)
    return Book({"alpha": known})


async def follow(hub: LocalHub, client: ChainClient, book: Book) -> None:
    """Let the book read everything there is."""

    async def take(update: ChainUpdate) -> None:
        book.apply(update)

    desk = hub.deployment.option_desk
    assert desk is not None
    cursor = book.cursor("alpha")
    follower = HeadFollower(
        client,
        address=(hub.deployment.hub, desk),
        start=0 if cursor is None else [cursor],
        decode=decode,
        on_update=take,
        now_ms=lambda: 0,
        finality_depth=12,
        poll_interval_s=0.1,
    )
    head = await client.head()
    while (cursor := book.cursor("alpha")) is None or cursor.hash != head.hash:
        await follower.poll()


def reader(hub: LocalHub, client: ChainClient) -> LegReader:
    assert hub.deployment.option_desk is not None
    return LegReader(HubReader(client, hub.deployment.hub), DeskReader(client, hub.deployment.option_desk))


async def test_what_was_traded_is_in_the_book_and_on_the_desk(hub: LocalHub, client: ChainClient) -> None:
    desired = spread((await client.head()).timestamp)
    await open_accounts({"alpha": hub}, [desired], BlindQuorum({"alpha": hub}, SIGNERS))
    book = book_of(hub)
    await follow(hub, client, book)
    head = await client.head()

    account = book.account(desired.account_id)
    assert account is not None
    options = desired.legs[0].options
    assert {
        OptionPosition(
            "ETH-OPTIONS", its.series, "ETH", its.is_call, its.strike_wad, its.expiry_s, its.size_wad
        )
        for its in options
    } == {*account.legs[0].options}
    premium = 10 * (90 - 30) * USDC - 2 * 10 * 900_000  # the spread: three basis points of 3,000 each
    assert 5_000 * USDC + premium == account.legs[0].collateral[0].amount
    rows = await reader(hub, client).rows([desired.account_id, NOTHING], head.hash)
    assert () == book.reconcile("alpha", head.hash, rows)
    assert 2 == len(rows[0].options)


async def test_a_hub_tells_its_desk_and_what_it_lists(hub: LocalHub, client: ChainClient) -> None:
    head = await client.head()

    facts = await HubReader(client, hub.deployment.hub).facts(
        head.hash, ["ETH-OPTIONS", "DOGE", "BTC-OPTIONS"]
    )

    assert hub.deployment.option_desk == facts.option_desk
    assert [("ETH-OPTIONS", 20), ("BTC-OPTIONS", 20)] == [
        (market.market, market.penalty_bps) for market in facts.option_markets
    ]
    assert hub.deployment.feeds["BTC"] == facts.option_markets[1].feed


async def test_a_liquidation_is_seen_by_the_book(hub: LocalHub, client: ChainClient) -> None:
    desired = spread((await client.head()).timestamp)
    await open_accounts({"alpha": hub}, [desired], BlindQuorum({"alpha": hub}, SIGNERS))
    book = book_of(hub)
    await follow(hub, client, book)
    sold = desired.legs[0].options[0]
    now_s = (await client.head()).timestamp
    attestation = Attestation(
        action=Action.OPTION_CLOSE,
        account=desired.account_id,
        version=book_leg(book, desired).version,
        sequence=9,
        epoch=1,
        item=item_of(sold.series),
        max_size=4 * WAD,
        price=95 * WAD,
        health=98 * WAD // 100,
        value=3_010 * WAD,
        claim=NOTHING,
        target="0x" + "00" * 20,
        beneficiary=KEEPER,
        blocks_root=NOTHING,
        policy_hash=POLICY,
        price_set=NOTHING,
        observed_at=now_s,
        deadline=now_s + 60,
    )
    deployment = hub.deployment
    to_sign = digest(attestation, deployment.chain_id, deployment.hub)
    signatures = assemble({key.address: sign(key, to_sign) for key in SIGNERS}, 2)
    transactor = Transactor(hub.node)
    call = attested_call(LIQUIDATE, (), attestation, signatures)
    await transactor.call(KEEPER, deployment.hub, call, "close")
    await transactor.flush()
    await follow(hub, client, book)

    leg = book_leg(book, desired)
    assert -6 * WAD == next(held.size_wad for held in leg.options if held.series == sold.series)
    assert 9 == leg.last_sequence
    (step,) = leg.steps_taken
    assert StepTaken(int(Action.OPTION_CLOSE), item_of(sold.series), step.at_s) == step


def book_leg(book: Book, desired: DesiredAccount) -> Leg:
    account = book.account(desired.account_id)
    assert account is not None
    return account.legs[0]
