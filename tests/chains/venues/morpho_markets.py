"""Morpho Blue on a local chain, compiled from its published sources: markets of several decimals and limits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

import pytest

from chains.venues.morpho_blue.codec import market_id
from chains.venues.morpho_blue.state import MarketParameters
from chains.venues.venue import Borrower
from tests.chains.venues.local import OWNER, LocalChain, person
from tests.chains.venues.npm_packages import MORPHO, SOLC, unpacked

WAD = 10**18
LENDER = person(500)
LIQUIDATOR = person(999)
_TYPE = "(address,address,address,address,uint256)"
UNLIMITED = 2**255


@cache
def bytecode(name: str) -> str:
    """Return a contract's creation code; the first time it is compiled, which takes half a minute."""
    kept = MORPHO.folder.with_name(f"{MORPHO.folder.name}-compiled.json")
    if not kept.is_file():
        node = shutil.which("node")
        if node is None:
            pytest.skip("no node on PATH to run the compiler with")
        script = Path(__file__).with_name("compile_morpho.js")
        command = [node, str(script), str(unpacked(SOLC)), str(unpacked(MORPHO))]
        run = subprocess.run(command, capture_output=True, text=True, timeout=110, check=True)
        assert json.loads(run.stdout)["errors"] == []
        part = kept.with_name(f"{kept.name}.{os.getpid()}")
        part.write_text(run.stdout)
        part.replace(kept)
    code: str = json.loads(kept.read_text())["bytecode"][name]
    return "0x" + code


@dataclass(frozen=True, slots=True)
class Listing:
    """A market as it is to be: prices are 10**36 scaled raw units of the loan for one of the collateral."""

    name: str
    loan_decimals: int
    collateral_decimals: int
    whole_price: int
    lltv: int
    fee: int = 0
    with_rate: bool = True

    @property
    def price(self) -> int:
        """At the start. `whole_price` is hundredths of the loan for one whole collateral."""
        scaled: int = self.whole_price * 10 ** (36 + self.loan_decimals - self.collateral_decimals) // 100
        return scaled


LISTINGS = (
    Listing("WETH/USDC", 6, 18, 3_001_23, 86 * WAD // 100, fee=WAD // 10),
    Listing("WBTC/USDC", 6, 8, 64_123_45, 77 * WAD // 100),
    Listing("STETH/WETH", 18, 18, 1_17, 945 * WAD // 1000, fee=WAD // 4),
    Listing("WBTC/WETH", 18, 8, 21_33, 625 * WAD // 1000, with_rate=False),
)


@dataclass
class MorphoMarkets:
    """The contract, and markets by name."""

    chain: LocalChain
    morpho: str = ""
    markets: dict[str, MarketParameters] = field(default_factory=dict)

    async def deploy(self) -> None:
        self.morpho = await self.chain.deploy(bytecode("Morpho"), ["address"], OWNER)
        irm = await self.chain.deploy(bytecode("IrmMock"))
        none = "0x" + "00" * 20
        for each in (irm, none):
            await self._own("enableIrm(address)", each)
        await self._own("setFeeRecipient(address)", person(600))
        for listing in LISTINGS:
            loan = await self.chain.deploy(bytecode("ERC20Mock"))
            collateral = await self.chain.deploy(bytecode("ERC20Mock"))
            oracle = await self.chain.deploy(bytecode("OracleMock"))
            parameters = MarketParameters(
                loan, collateral, oracle, irm if listing.with_rate else none, listing.lltv
            )
            self.markets[listing.name] = parameters
            await self.set_price(listing.name, listing.price)
            await self._own("enableLltv(uint256)", listing.lltv)
            await self._own(f"createMarket({_TYPE})", row(parameters))
            if listing.fee:
                await self._own(f"setFee({_TYPE},uint256)", row(parameters), listing.fee)
            for who in (LENDER, LIQUIDATOR):
                await self._endow(who, loan, 10 ** (listing.loan_decimals + 7))
            lent = 10 ** (listing.loan_decimals + 6)
            supply = f"supply({_TYPE},uint256,uint256,address,bytes)"
            await self.chain.send(LENDER, self.morpho, supply, row(parameters), lent, 0, LENDER, b"")

    async def set_price(self, name: str, price: int) -> None:
        await self.chain.send(OWNER, self.markets[name].oracle, "setPrice(uint256)", price)

    def borrower(self, name: str, who: str) -> Borrower:
        return Borrower(who, market_id(self.markets[name]))

    async def open(self, name: str, who: str, collateral: int, borrowed: int) -> None:
        parameters = self.markets[name]
        await self._endow(who, parameters.collateral_asset, collateral)
        supply = f"supplyCollateral({_TYPE},uint256,address,bytes)"
        await self.chain.send(who, self.morpho, supply, row(parameters), collateral, who, b"")
        borrow = f"borrow({_TYPE},uint256,uint256,address,address)"
        await self.chain.send(who, self.morpho, borrow, row(parameters), borrowed, 0, who, who)

    async def accrue(self, name: str) -> None:
        await self.chain.send(OWNER, self.morpho, f"accrueInterest({_TYPE})", row(self.markets[name]))

    async def seat(self, count: int, seed: int = 7) -> list[Borrower]:
        """Open positions near their limits, the same for the same seed."""
        random = Random(seed)
        crowd = []
        for index in range(count):
            listing = LISTINGS[index % len(LISTINGS)]
            collateral = random.randint(
                10 ** (listing.collateral_decimals - 2), 10**listing.collateral_decimals * 4
            )
            limit = collateral * listing.price // 10**36 * listing.lltv // WAD
            await self.open(listing.name, person(index), collateral, limit * random.randint(900, 999) // 1000)
            crowd.append(self.borrower(listing.name, person(index)))
        return crowd

    async def _endow(self, who: str, token: str, amount: int) -> None:
        await self.chain.send(OWNER, token, "setBalance(address,uint256)", who, amount)
        await self.chain.send(who, token, "approve(address,uint256)", self.morpho, UNLIMITED)

    async def _own(self, signature: str, *arguments: object) -> None:
        await self.chain.send(OWNER, self.morpho, signature, *arguments)


def row(parameters: MarketParameters) -> tuple[str, str, str, str, int]:
    return (
        parameters.loan_asset,
        parameters.collateral_asset,
        parameters.oracle,
        parameters.irm,
        parameters.lltv_wad,
    )
