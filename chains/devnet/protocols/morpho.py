"""Morpho Blue on a local chain, compiled from its published sources: there is no published bytecode.

Compiling takes half a minute, once: what comes of it is kept beside the package.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from eth_utils import to_checksum_address

from chains.devnet.local_chain import OWNER, LocalChain
from chains.devnet.npm import NpmFailed, node_output
from chains.devnet.packages import MORPHO, SOLC, alone, kept, unpacked
from chains.venues.morpho_blue.codec import NO_IRM, market_id
from chains.venues.morpho_blue.state import MarketParameters
from chains.venues.venue import Borrower
from config.units import WAD

LENDER = to_checksum_address("0x" + "1e" * 20)
_FEE_RECIPIENT = to_checksum_address("0x" + "fe" * 20)
_TYPE = "(address,address,address,address,uint256)"
UNLIMITED = 2**255


def compiled() -> Path:
    """Return the file of the compiled contracts, making it first if need be. Raises `NpmFailed`."""
    place = MORPHO.folder.with_name(f"{MORPHO.folder.name}-compiled.json")
    if place.is_file():
        return place
    compiler, sources = unpacked(SOLC), unpacked(MORPHO)
    with alone(), tempfile.TemporaryDirectory(prefix="compile-", dir=kept()) as scratch:
        if place.is_file():  # another process was first
            return place
        script = Path(__file__).with_name("compile_morpho.js")
        text = node_output(Path(scratch), str(script), str(compiler), str(sources))
        if json.loads(text)["errors"]:
            raise NpmFailed("Morpho Blue does not compile")
        part = Path(scratch) / "compiled.json"
        part.write_text(text)
        part.replace(place)
    return place


@cache
def bytecode(name: str) -> str:
    """Return a contract's creation code. Raises `NpmFailed`."""
    code: str = json.loads(compiled().read_text())["bytecode"][name]
    return "0x" + code


@dataclass(frozen=True, slots=True)
class Listing:
    """A market as it is to be, named collateral/loan. `whole_price` is hundredths of the loan for one collateral."""

    name: str
    loan_decimals: int
    collateral_decimals: int
    whole_price: int
    lltv: int
    fee: int = 0
    with_rate: bool = True

    @property
    def price(self) -> int:
        """At the start, as its oracle answers it: raw loan for one raw collateral, scaled by 10**36."""
        scaled: int = self.whole_price * 10 ** (36 + self.loan_decimals - self.collateral_decimals) // 100
        return scaled

    @property
    def pair(self) -> tuple[str, str]:
        """The symbols of collateral and loan."""
        collateral, _, loan = self.name.partition("/")
        return collateral, loan


LISTINGS = (
    Listing("WETH/USDC", 6, 18, 3_001_23, 86 * WAD // 100, fee=WAD // 10),
    Listing("WBTC/USDC", 6, 8, 64_123_45, 77 * WAD // 100),
    Listing("STETH/WETH", 18, 18, 1_17, 945 * WAD // 1000, fee=WAD // 4),
    Listing("WBTC/WETH", 18, 8, 21_33, 625 * WAD // 1000, with_rate=False),
)
"""Markets of several decimals, limits and fees, one without a rate."""


@dataclass
class MorphoMarkets:
    """The contract, and markets by name. Of what `tokens` lacks each market has tokens of its own."""

    chain: LocalChain
    listings: tuple[Listing, ...] = LISTINGS
    tokens: dict[str, str] = field(default_factory=dict)
    morpho: str = ""
    markets: dict[str, MarketParameters] = field(default_factory=dict)

    async def deploy(self) -> None:
        """Deploy and list, with a million of each loan to lend. Raises `AnvilFailed`, `NpmFailed`."""
        self.morpho = await self.chain.deploy(bytecode("Morpho"), ["address"], OWNER)
        irm = await self.chain.deploy(bytecode("IrmMock"))
        for each in (irm, NO_IRM):
            await self._own("enableIrm(address)", each)
        await self._own("setFeeRecipient(address)", _FEE_RECIPIENT)
        for listing in self.listings:
            collateral, loan = [await self._token(symbol) for symbol in listing.pair]
            oracle = await self.chain.deploy(bytecode("OracleMock"))
            rate = irm if listing.with_rate else NO_IRM
            self.markets[listing.name] = MarketParameters(loan, collateral, oracle, rate, listing.lltv)
            await self._open_market(listing, self.markets[listing.name])

    async def set_price(self, name: str, price: int) -> None:
        """Have a market's oracle answer this, scaled by 10**36."""
        await self.chain.send(OWNER, self.markets[name].oracle, "setPrice(uint256)", price)

    def borrower(self, name: str, who: str) -> Borrower:
        """Return somebody in a market, as the venue names them."""
        return Borrower(who, market_id(self.markets[name]))

    async def open(self, name: str, who: str, collateral: int, borrowed: int) -> None:
        """Have somebody put up collateral, which they are given first, and borrow. Raw units."""
        parameters = self.markets[name]
        await self.endow(who, parameters.collateral_asset, collateral)
        supply = f"supplyCollateral({_TYPE},uint256,address,bytes)"
        await self.chain.send(who, self.morpho, supply, row(parameters), collateral, who, b"")
        borrow = f"borrow({_TYPE},uint256,uint256,address,address)"
        await self.chain.send(who, self.morpho, borrow, row(parameters), borrowed, 0, who, who)

    async def accrue(self, name: str) -> None:
        """Have a market's interest booked."""
        await self.chain.send(OWNER, self.morpho, f"accrueInterest({_TYPE})", row(self.markets[name]))

    async def endow(self, who: str, token: str, amount: int) -> None:
        """Give somebody tokens, and the contract leave to take them."""
        give = "mint(address,uint256)" if token in self.tokens.values() else "setBalance(address,uint256)"
        await self.chain.send(OWNER, token, give, who, amount)
        await self.chain.send(who, token, "approve(address,uint256)", self.morpho, UNLIMITED)

    async def _token(self, symbol: str) -> str:
        return self.tokens.get(symbol) or await self.chain.deploy(bytecode("ERC20Mock"))

    async def _open_market(self, listing: Listing, parameters: MarketParameters) -> None:
        await self.set_price(listing.name, listing.price)
        await self._own("enableLltv(uint256)", listing.lltv)
        await self._own(f"createMarket({_TYPE})", row(parameters))
        if listing.fee:
            await self._own(f"setFee({_TYPE},uint256)", row(parameters), listing.fee)
        lent = 10 ** (listing.loan_decimals + 6)
        await self.endow(LENDER, parameters.loan_asset, lent)
        supply = f"supply({_TYPE},uint256,uint256,address,bytes)"
        await self.chain.send(LENDER, self.morpho, supply, row(parameters), lent, 0, LENDER, b"")

    async def _own(self, signature: str, *arguments: object) -> None:
        await self.chain.send(OWNER, self.morpho, signature, *arguments)


def row(parameters: MarketParameters) -> tuple[str, str, str, str, int]:
    """Return a market's parameters as its functions take them."""
    return (
        parameters.loan_asset,
        parameters.collateral_asset,
        parameters.oracle,
        parameters.irm,
        parameters.lltv_wad,
    )
