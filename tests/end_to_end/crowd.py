"""Accounts on a local chain: many subaccounts of one impersonated owner, opened in few blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from eth_hash.auto import keccak

from chains.devnet.deploy import APPROVE, MINT, OWNER, UNLIMITED, address_word
from chains.hub.attestation import Action, Attestation
from chains.hub.codec import BORROW, DEPOSIT, REPAY, SET_CROSS_MARGIN, WITHDRAW, attested_call, word
from chains.hub.signatures import assemble, digest, sign
from chains.keys import Key
from config.units import WAD
from tests.end_to_end.chains import TestChain

HOLDER = "0x000000000000000000000000000000000000A11E"
"""Owns every account, each by a subaccount number."""
NO_HASH = "0x" + "00" * 32
NO_ADDRESS = "0x" + "00" * 20
WETH = 1
USDC_UNIT = 10**6


@dataclass(frozen=True, slots=True)
class Plan:
    """One account: ether deposited, dollars borrowed against it."""

    subaccount: int
    ether: str = "1"
    debt: str = "0"


def account_id(subaccount: int) -> str:
    """The account's id, the same on every chain."""
    return "0x" + keccak(address_word(HOLDER) + word(subaccount)).hex()


def ids(plans: Sequence[Plan]) -> list[str]:
    """The accounts' ids, in order."""
    return [account_id(plan.subaccount) for plan in plans]


def owing(first: int, count: int, debt: float, step: float = 1.0) -> list[Plan]:
    """`count` accounts with one ether each, owing `debt` dollars and `step` more from one to the next."""
    return [Plan(first + at, debt=f"{debt + at * step:.2f}") for at in range(count)]


class Crowd:
    """Opens accounts on one chain by local margin."""

    def __init__(self, chain: TestChain) -> None:
        self._chain = chain
        self._ready = False

    async def open(self, plans: Sequence[Plan]) -> list[str]:
        """Open the accounts and return their ids once all of it is mined."""
        await self._prepare()
        for plan in plans:
            if Decimal(plan.ether):
                amount = int(Decimal(plan.ether) * WAD)
                data = DEPOSIT + word(plan.subaccount) + word(WETH) + word(amount)
                await self._call(data, f"deposit of {plan.subaccount}")
        for plan in plans:
            if Decimal(plan.debt):
                amount = int(Decimal(plan.debt) * USDC_UNIT)
                await self._call(
                    attested_call(BORROW, (plan.subaccount, amount), None, ()), f"debt of {plan.subaccount}"
                )
        await self._chain.transactor.flush()
        return ids(plans)

    async def change_debt(self, subaccount: int, dollars: int) -> None:
        """Owe more, or less if `dollars` is negative, paid from what was borrowed."""
        await self._prepare()
        data = attested_call(BORROW, (subaccount, dollars * USDC_UNIT), None, ())
        if dollars < 0:
            data = REPAY + bytes.fromhex(account_id(subaccount)[2:]) + word(-dollars * USDC_UNIT)
        await self._call(data, f"debt of {subaccount}")
        await self._chain.transactor.flush()

    async def withdraw(self, subaccount: int, ether: str) -> None:
        """Take ether out again, by local margin."""
        await self._prepare()
        amount = int(Decimal(ether) * WAD)
        await self._call(
            attested_call(WITHDRAW, (subaccount, WETH, amount), None, ()), f"withdrawal of {subaccount}"
        )
        await self._chain.transactor.flush()

    async def link(self, subaccounts: Sequence[int]) -> None:
        """Let the accounts' collateral here back what they owe on other chains."""
        await self._prepare()
        for subaccount in subaccounts:
            await self._call(attested_call(SET_CROSS_MARGIN, (subaccount, 1), None, ()), f"link {subaccount}")
        await self._chain.transactor.flush()

    async def borrow_attested(
        self, subaccount: int, dollars: str, version: int, keys: Sequence[Key], policy_hash: str
    ) -> None:
        """Borrow against collateral elsewhere: the test's own attestor keys say that there is enough."""
        await self._prepare()
        amount = int(Decimal(dollars) * USDC_UNIT)
        deployment = self._chain.deployment
        now_s = int((await self._chain.node.rpc("eth_getBlockByNumber", "latest", False))["timestamp"], 16)
        attestation = Attestation(
            action=int(Action.BORROW),
            account=account_id(subaccount),
            version=version,
            sequence=now_s * 1000,
            epoch=1,
            item=0,
            max_size=amount,
            price=WAD,
            health=2 * WAD,
            value=0,
            claim=NO_HASH,
            target=NO_ADDRESS,
            beneficiary=HOLDER,
            blocks_root=NO_HASH,
            policy_hash=policy_hash,
            price_set=NO_HASH,
            observed_at=now_s,
            deadline=now_s + 60,
        )
        to_sign = digest(attestation, deployment.chain_id, deployment.hub)
        signatures = assemble({key.address: sign(key, to_sign) for key in keys}, 2)
        data = attested_call(BORROW, (subaccount, amount), attestation, signatures)
        await self._call(data, f"attested debt of {subaccount}")
        await self._chain.transactor.flush()

    async def _prepare(self) -> None:
        if self._ready:
            return
        self._ready = True
        transactor, deployment = self._chain.transactor, self._chain.deployment
        weth, usdc = deployment.token("WETH").address, deployment.token("USDC").address
        await transactor.enrich(HOLDER)
        await transactor.call(
            OWNER, weth, MINT + address_word(HOLDER) + word(10**6 * WAD), "the holder's ether"
        )
        for token in (weth, usdc):
            allow = APPROVE + address_word(deployment.hub) + word(UNLIMITED)
            await transactor.call(HOLDER, token, allow, "approval")
        await transactor.flush()

    async def _call(self, data: bytes, label: str) -> None:
        await self._chain.transactor.call(HOLDER, self._chain.deployment.hub, data, label)
