"""Accounts of a scene: what each is to have on which chain, opened by transactions of its owner.

Owners' keys come from a seed, so that a scene is the same every time and anybody can act as an
owner afterwards. They are for local chains only: whoever knows the seed has the keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TypeAlias

from eth_hash.auto import keccak

from chains.devnet.anvil import Anvil
from chains.devnet.deploy import APPROVE, MINT, OWNER, UNLIMITED, Deployment, address_word
from chains.devnet.transactor import Transactor
from chains.hub.attestation import Action, Attestation
from chains.hub.codec import (
    BORROW,
    CHANGE_POSITION,
    DEPOSIT,
    SET_CROSS_MARGIN,
    TRADE_OPTION,
    attested_call,
    selector,
    word,
)
from chains.hub.options import item_of, market_key, series_id
from chains.keys import Key

VAULT_MINT = selector("mint(uint256,address)")
OPEN_SERIES = selector("open_series(bytes32,bool,uint256,uint256)")


@dataclass(frozen=True, slots=True)
class LocalHub:
    """A local chain under our control, and what is deployed on it."""

    node: Anvil
    deployment: Deployment


@dataclass(frozen=True, slots=True)
class DesiredOption:
    """An option that is to be traded: its series, the signed wad of contracts, and the USD wad for one."""

    market: str
    is_call: bool
    strike_wad: int
    expiry_s: int
    size_wad: int
    price_wad: int

    @property
    def series(self) -> str:
        """The series' id, the same on every chain."""
        return series_id(market_key(self.market), self.strike_wad, self.expiry_s, is_call=self.is_call)


@dataclass(frozen=True, slots=True)
class DesiredLeg:
    """What an account is to have on one chain.

    `collateral` is raw units by token symbol, `debt` raw stable, `positions` signed wad of the base
    asset by market. With `cross_margin` the debt and the positions need a quorum's word. `options` need
    cross margin, and are traded last.
    """

    chain: str
    collateral: Mapping[str, int] = field(default_factory=dict)
    debt: int = 0
    positions: Mapping[str, int] = field(default_factory=dict)
    cross_margin: bool = False
    options: tuple[DesiredOption, ...] = ()


@dataclass(frozen=True, slots=True)
class DesiredAccount:
    """An owner's subaccount over all chains."""

    owner: str
    subaccount: int
    legs: tuple[DesiredLeg, ...]

    @property
    def account_id(self) -> str:
        """Its id, the same on every chain."""
        return account_id(self.owner, self.subaccount)


@dataclass(frozen=True, slots=True)
class RiskRequest:
    """An own action that adds risk to an account with cross margin. Fields as in an `Attestation`.

    Of an option `price_wad` is what it is to be traded at, and `asset` what it is on.
    """

    chain: str
    account: str
    action: Action
    item: int
    size: int
    price_wad: int = 0
    asset: str = ""


Attested: TypeAlias = tuple[Attestation, Sequence[bytes]]
Attest: TypeAlias = Callable[[Sequence[RiskRequest]], Awaitable[Sequence[Attested]]]
"""Asks a quorum for its word on each request, in order. What went before is mined when it is called."""


def account_id(owner: str, subaccount: int) -> str:
    """Return the id of an owner's subaccount: keccak of both as ABI words."""
    return "0x" + keccak(address_word(owner) + word(subaccount)).hex()


def owner_keys(seed: str, count: int) -> tuple[Key, ...]:
    """Return the first `count` owners of a seed. Local chains only: the seed is no secret."""
    return tuple(Key(keccak(f"owner {number} of {seed}".encode())) for number in range(count))


async def open_accounts(
    hubs: Mapping[str, LocalHub], accounts: Sequence[DesiredAccount], attest: Attest | None = None
) -> None:
    """Open accounts over all chains; `hubs` are by the chain's name.

    First what needs nobody's word: deposits, cross margin, local borrowing and trading. Then the
    rest in rounds of at most one action per account, so that each is judged with all others of its
    account in place. Raises ``ValueError`` if `attest` is needed and not given, and `AnvilFailed` with the
    hub's reason when an action is refused.
    """
    rounds = list(_rounds(accounts, hubs))
    if rounds and attest is None:
        raise ValueError("risk on a leg with cross margin needs a quorum's attestation")
    openings = {
        name: _Opening(
            hub, [(account, leg) for account in accounts for leg in account.legs if leg.chain == name]
        )
        for name, hub in hubs.items()
    }
    await _together(opening.prepare() for opening in openings.values())
    for requested in rounds:
        attested = await attest([step.request for step in requested]) if attest else ()
        for step, (attestation, signatures) in zip(requested, attested, strict=True):
            await openings[step.request.chain].act(step, attestation, signatures)
        await _together(opening.flush() for opening in openings.values())


@dataclass(frozen=True, slots=True)
class _Step:
    """One risky action: the hub's function, its leading arguments, and what a quorum is asked for it."""

    account: DesiredAccount
    request: RiskRequest
    function: bytes
    leading: tuple[int, ...]


def _risky(account: DesiredAccount, leg: DesiredLeg, deployment: Deployment) -> Iterator[_Step]:
    """Return what the leg's debt, positions and options take, in order."""
    if leg.debt:
        request = RiskRequest(leg.chain, account.account_id, Action.BORROW, 0, leg.debt)
        yield _Step(account, request, BORROW, (account.subaccount, leg.debt))
    for market, size in leg.positions.items():
        hub_id = deployment.markets[market]
        request = RiskRequest(leg.chain, account.account_id, Action.TRADE, hub_id, abs(size))
        any_price = UNLIMITED if size > 0 else 0
        yield _Step(account, request, CHANGE_POSITION, (account.subaccount, hub_id, size, any_price))
    for option in leg.options:
        item, asset = item_of(option.series), deployment.option_markets[option.market]
        size = option.size_wad
        request = RiskRequest(
            leg.chain, account.account_id, Action.OPTION_TRADE, item, abs(size), option.price_wad, asset
        )
        leading = (account.subaccount, int(option.series, 16), size, UNLIMITED if size > 0 else 0)
        yield _Step(account, request, TRADE_OPTION, leading)


def _rounds(accounts: Sequence[DesiredAccount], hubs: Mapping[str, LocalHub]) -> Iterator[list[_Step]]:
    """Return the n-th action that needs a quorum of every account that has so many, for each n."""
    each = [
        [
            step
            for leg in account.legs
            if leg.cross_margin
            for step in _risky(account, leg, hubs[leg.chain].deployment)
        ]
        for account in accounts
    ]
    for steps in zip_longest(*each):
        yield [step for step in steps if step is not None]


class _Opening:
    """The accounts of one chain while they are opened."""

    def __init__(self, hub: LocalHub, legs: Sequence[tuple[DesiredAccount, DesiredLeg]]) -> None:
        self._deployment = hub.deployment
        self._transactor = Transactor(hub.node)
        self._legs = legs

    async def prepare(self) -> None:
        """Give the owners what they deposit, and do all that needs no attestation."""
        await self._transactor.enrich(OWNER, *{account.owner for account, _ in self._legs})
        needed: dict[tuple[str, str], int] = {}
        for account, leg in self._legs:
            for symbol, amount in leg.collateral.items():
                needed[account.owner, symbol] = needed.get((account.owner, symbol), 0) + amount
        await self._endow(needed)
        for owner, symbol in needed:
            approve = APPROVE + address_word(self._deployment.hub) + word(UNLIMITED)
            await self._call(owner, self._deployment.token(symbol).address, approve, f"approve {symbol}")
        for series in {option.series: option for _, leg in self._legs for option in leg.options}.values():
            await self._open_series(series)
        for account, leg in self._legs:
            await self._open(account, leg)
        await self.flush()

    async def act(
        self, step: _Step, attestation: Attestation | None = None, signatures: Sequence[bytes] = ()
    ) -> None:
        """Queue a risky action."""
        data = attested_call(step.function, step.leading, attestation, signatures)
        what = f"{step.request.action.name} of {step.request.account[:10]} on {self._deployment.chain}"
        await self._call(step.account.owner, self._deployment.hub, data, what)

    async def flush(self) -> None:
        """Have all that waits mined."""
        await self._transactor.flush()

    async def _endow(self, needed: Mapping[tuple[str, str], int]) -> None:
        """Have owners get tokens: minted, or as shares that the contracts' owner pays for."""
        shares = {
            (owner, symbol): amount
            for (owner, symbol), amount in needed.items()
            if self._deployment.token(symbol).is_vault
        }
        # A share is worth more than one of its underlying, but by the hub's cap far less than two.
        underlying = MINT + address_word(OWNER) + word(2 * sum(shares.values()))
        if shares:
            weth = self._deployment.token("WETH").address
            await self._call(OWNER, weth, underlying, "what shares are made of")
        for (owner, symbol), amount in needed.items():
            token = self._deployment.token(symbol).address
            if (owner, symbol) in shares:
                data = VAULT_MINT + word(amount) + address_word(owner)
            else:
                data = MINT + address_word(owner) + word(amount)
            await self._call(OWNER, token, data, f"{symbol} for {owner}")
        # Transactions of different senders have no order within a block.
        await self.flush()

    async def _open_series(self, option: DesiredOption) -> None:
        desk = self._deployment.option_desk
        if desk is None:
            raise ValueError(f"{self._deployment.chain} has no option desk")
        market = bytes.fromhex(market_key(option.market)[2:])
        terms = word(option.is_call) + word(option.strike_wad) + word(option.expiry_s)
        await self._call(OWNER, desk, OPEN_SERIES + market + terms, f"series of {option.market}")

    async def _open(self, account: DesiredAccount, leg: DesiredLeg) -> None:
        hub, what = self._deployment.hub, f"{account.account_id[:10]} on {self._deployment.chain}"
        for symbol, amount in leg.collateral.items():
            token_id = self._deployment.token(symbol).token_id
            data = DEPOSIT + word(account.subaccount) + word(token_id) + word(amount)
            await self._call(account.owner, hub, data, f"deposit of {what}")
        if leg.cross_margin:
            data = attested_call(SET_CROSS_MARGIN, (account.subaccount, 1), None, ())
            await self._call(account.owner, hub, data, f"cross margin of {what}")
            return
        for step in _risky(account, leg, self._deployment):
            await self.act(step)

    async def _call(self, sender: str, to: str, data: bytes, label: str) -> None:
        await self._transactor.call(sender, to, data, label)


async def _together(work: Iterator[Awaitable[None]]) -> None:
    """Wait for all; the first failure is told as it is."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
