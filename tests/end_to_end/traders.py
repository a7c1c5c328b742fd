"""Owners who trade options on one chain, by the word of the test's own attestor keys."""

from __future__ import annotations

from collections.abc import Sequence

from chains.devnet.accounts import (
    Attested,
    DesiredAccount,
    DesiredLeg,
    DesiredOption,
    LocalHub,
    RiskRequest,
    open_accounts,
)
from chains.hub.attestation import Action, Attestation
from chains.hub.codec import legs_call, read_legs, selector, word
from chains.hub.desk import legs_call as options_call
from chains.hub.desk import read_legs as read_options
from chains.hub.signatures import assemble, digest, sign
from config.units import WAD
from tests.end_to_end.crowd import HOLDER, NO_ADDRESS, NO_HASH, USDC_UNIT
from tests.end_to_end.stage import Stage

MARKET = "ETH-OPTIONS"
CASH = 10_000
UNDERLYING = 2_000


def option(strike: int, size: int, expiry_s: int, *, is_call: bool) -> DesiredOption:
    """An option as it is to be traded: at what exercise would give now."""
    worth = max(UNDERLYING - strike if is_call else strike - UNDERLYING, 0)
    return DesiredOption(MARKET, is_call, strike * WAD, expiry_s, size * WAD, worth * WAD)


def priced_by_the_stable(text: str) -> str:
    """Let the stable's price stand for the volatility: no venue of a stage tells of one."""
    text = text.replace("[assets.ETHVOL]\nmin_sources = 3\nmin_groups = 3\n", "")
    return text.replace('volatility = "ETHVOL"', 'volatility = "USDC"')


class Traders:
    """Accounts with ten thousand dollars and options, on the stage's first chain."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._chain = stage.chain
        self._deployment = stage.chain.deployment

    async def now_s(self) -> int:
        """Return the chain's newest time."""
        head = await self._chain.node.rpc("eth_getBlockByNumber", "latest", False)
        return int(head["timestamp"], 16)

    async def open(self, *books: Sequence[DesiredOption]) -> list[str]:
        """Open an account for each book and return their ids."""
        cash = {"USDC": CASH * USDC_UNIT}
        accounts = [
            DesiredAccount(
                HOLDER,
                number,
                (DesiredLeg(self._chain.name, cash, cross_margin=True, options=tuple(book)),),
            )
            for number, book in enumerate(books, 1)
        ]
        hubs = {self._chain.name: LocalHub(self._chain.node, self._deployment)}
        await open_accounts(hubs, accounts, self._attest)
        return [account.account_id for account in accounts]

    async def dollars(self, accounts: Sequence[str]) -> list[int]:
        """Return what each account has in the stable, less what it owes, raw units."""
        return [row[6] - row[2] for row in await self._legs(accounts)]

    async def held(self, accounts: Sequence[str]) -> int:
        """Return how many options the accounts hold together."""
        answer = await self._call(self._deployment.option_desk or "", options_call(accounts))
        return sum(len(its) for its in read_options(answer, len(accounts)))

    async def pool(self) -> int:
        """Return the pool's cash, raw units."""
        return int.from_bytes(await self._call(self._deployment.hub, selector("pool_cash()")))

    async def settlement(self, expiry_s: int) -> int:
        """Return what the market came to at an expiry, USD wad; 0 until it is fixed."""
        key = MARKET.encode().ljust(32, b"\0")
        call = selector("settlement_price(bytes32,uint256)") + key + word(expiry_s)
        return int.from_bytes(await self._call(self._deployment.option_desk or "", call))

    async def pass_time(self, until_s: int) -> None:
        """Let the chain's clock be there with its next block."""
        ahead_s = until_s - await self.now_s()
        if ahead_s > 0:
            await self._chain.node.rpc("evm_increaseTime", ahead_s)

    async def _attest(self, requests: Sequence[RiskRequest]) -> list[Attested]:
        rows = await self._legs([request.account for request in requests])
        now_s = await self.now_s()
        return [
            self._attested(request, row[0], now_s * 1000 + number, now_s)
            for number, (request, row) in enumerate(zip(requests, rows, strict=True))
        ]

    def _attested(self, request: RiskRequest, version: int, sequence: int, now_s: int) -> Attested:
        attestation = Attestation(
            action=int(Action.OPTION_TRADE),
            account=request.account,
            version=version,
            sequence=sequence,
            epoch=1,
            item=request.item,
            max_size=request.size,
            price=request.price_wad,
            health=2 * WAD,
            value=UNDERLYING * WAD,
            claim=NO_HASH,
            target=NO_ADDRESS,
            beneficiary=NO_ADDRESS,
            blocks_root=NO_HASH,
            policy_hash=self._stage.policy_hash,
            price_set=NO_HASH,
            observed_at=now_s,
            deadline=now_s + 60,
        )
        to_sign = digest(attestation, self._deployment.chain_id, self._deployment.hub)
        keys = self._stage.attestor_keys.values()
        return attestation, assemble({key.address: sign(key, to_sign) for key in keys}, 2)

    async def _legs(self, accounts: Sequence[str]) -> list[tuple[int, ...]]:
        return read_legs(await self._call(self._deployment.hub, legs_call(accounts)), len(accounts))

    async def _call(self, to: str, data: bytes) -> bytes:
        answer = await self._chain.node.rpc("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")
        return bytes.fromhex(answer[2:])
