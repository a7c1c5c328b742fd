"""A pool of Aave v3.0.2 on a local chain, from its published bytecode."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from eth_utils import to_checksum_address

from chains.devnet.local_chain import OWNER, LocalChain
from chains.devnet.packages import AAVE, unpacked

RAY = 10**27
ZERO = "0x" + "00" * 20
_TREASURY = to_checksum_address("0x" + "77" * 20)
MODE_SOURCE = to_checksum_address("0x" + "e5" * 20)
"""What stands for a dollar in the mode that has a price of its own."""
SEED = to_checksum_address("0x" + "5e" * 20)

_INIT = (
    "initReserves((address,address,address,uint8,address,address,address,address,"
    "string,string,string,string,string,string,bytes)[])"
)


@dataclass(frozen=True, slots=True)
class Listing:
    """An asset as the pool is to list it. Price in 8 decimals, percentages bps."""

    symbol: str
    decimals: int
    price: int
    ltv: int
    threshold: int
    bonus: int
    protocol_fee: int
    mode: int = 0


LISTINGS = (
    Listing("USDC", 6, 99_990_000, 7_700, 8_000, 10_450, 1_000, mode=2),
    Listing("WBTC", 8, 64_123_45678901, 7_300, 7_800, 10_500, 1_000),
    Listing("WETH", 18, 3_001_23456789, 8_050, 8_300, 10_500, 0, mode=1),
    Listing("STETH", 18, 2_998_76543210, 7_000, 7_950, 10_700, 2_000, mode=1),
)

"""Reserves of 6, 8 and 18 decimals, and two modes, one with a price of its own."""


@cache
def artifact(name: str) -> dict[str, Any]:
    """Return a contract's artifact as published. Raises `NpmFailed` if it can not be had."""
    (found,) = (unpacked(AAVE) / "artifacts").glob(f"contracts/**/{name}.sol/{name}.json")
    loaded: dict[str, Any] = json.loads(found.read_text())
    return loaded


@dataclass
class AavePool:
    """The pool's contracts, tokens and feeds by symbol. Of what `tokens` lacks a token is deployed."""

    chain: LocalChain
    listings: tuple[Listing, ...] = LISTINGS
    provider: str = ""
    pool: str = ""
    configurator: str = ""
    oracle: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    feeds: dict[str, str] = field(default_factory=dict)
    sequencer: str = ""
    _libraries: dict[str, str] = field(default_factory=dict)

    async def deploy(self) -> None:
        """Deploy all of it. Raises `AnvilFailed`, and `NpmFailed` if the package can not be had."""
        self.provider = await self._contract("PoolAddressesProvider", "local", OWNER)
        await self._provide("setACLAdmin(address)", OWNER)
        roles = await self._contract("ACLManager", self.provider)
        await self._provide("setACLManager(address)", roles)
        for role in ("addPoolAdmin(address)", "addEmergencyAdmin(address)"):
            await self.chain.send(OWNER, roles, role, OWNER)
        await self._provide("setPoolImpl(address)", await self._contract("Pool", self.provider))
        await self._provide("setPoolConfiguratorImpl(address)", await self._contract("PoolConfigurator"))
        self.pool = await self._provided("getPool()")
        self.configurator = await self._provided("getPoolConfigurator()")
        await self._list()
        await self._modes()

    async def set_price(self, symbol: str, price: int) -> None:
        """Have the pool's feed of an asset answer this, in 8 decimals."""
        await self.chain.set_feed(self.feeds[symbol], price)

    async def configure(self, signature: str, *arguments: object) -> None:
        """Have the configurator do something."""
        await self.chain.send(OWNER, self.configurator, signature, *arguments)

    async def supply(self, who: str, symbol: str, amount: int) -> None:
        """Have somebody supply, raw units; they are given them first."""
        await self.endow(who, symbol, amount)
        signature = "supply(address,uint256,address,uint16)"
        await self.chain.send(who, self.pool, signature, self.tokens[symbol], amount, who, 0)

    async def borrow(self, who: str, symbol: str, amount: int, *, fixed_rate: bool = False) -> None:
        """Have somebody borrow, raw units."""
        signature, mode = "borrow(address,uint256,uint256,uint16,address)", 1 if fixed_rate else 2
        await self.chain.send(who, self.pool, signature, self.tokens[symbol], amount, mode, 0, who)

    async def endow(self, who: str, symbol: str, amount: int) -> None:
        """Give somebody tokens, and the pool leave to take them."""
        token = self.tokens[symbol]
        await self.chain.send(OWNER, token, "mint(address,uint256)", who, amount)
        await self.chain.send(who, token, "approve(address,uint256)", self.pool, 2**256 - 1)

    async def account_data(self, who: str) -> tuple[int, ...]:
        """Return what the pool says of an account; the last is its health, wad."""
        return await self.chain.view(self.pool, "getUserAccountData(address)", ["uint256"] * 6, who)

    async def install_sentinel(self, grace_s: int) -> None:
        """Have liquidations wait for a sequencer and its grace."""
        self.sequencer = await self._contract("SequencerOracle", OWNER)
        await self.sequencer_is(down=False, since_s=0)
        sentinel = await self._contract("PriceOracleSentinel", self.provider, self.sequencer, grace_s)
        await self._provide("setPriceOracleSentinel(address)", sentinel)

    async def sequencer_is(self, *, down: bool, since_s: int) -> None:
        """Have the sequencer be up or down since a time."""
        await self.chain.send(OWNER, self.sequencer, "setAnswer(bool,uint256)", down, since_s)

    async def _list(self) -> None:
        for each in self.listings:
            if each.symbol not in self.tokens:
                names = (each.symbol, each.symbol)
                self.tokens[each.symbol] = await self._contract("MintableERC20", *names, each.decimals)
            self.feeds[each.symbol] = await self.chain.feed(each.price)
        self.feeds["MODE"] = await self.chain.feed(100_000_000)
        assets = [*(self.tokens[each.symbol] for each in self.listings), MODE_SOURCE]
        feeds = list(self.feeds.values())
        unit = 10**8
        self.oracle = await self._contract("AaveOracle", self.provider, assets, feeds, ZERO, ZERO, unit)
        await self._provide("setPriceOracle(address)", self.oracle)
        rates = (80 * RAY // 100, RAY // 100, 6 * RAY // 100, 90 * RAY // 100)
        fixed = (RAY // 200, 75 * RAY // 100, RAY // 100, 8 * RAY // 100, RAY // 5)
        strategy = await self._contract("DefaultReserveInterestRateStrategy", self.provider, *rates, *fixed)
        kinds = ("AToken", "StableDebtToken", "VariableDebtToken")
        implementations = [await self._contract(kind, self.pool) for kind in kinds]
        rows = [
            (
                *implementations,
                each.decimals,
                strategy,
                self.tokens[each.symbol],
                _TREASURY,
                ZERO,
                *["x"] * 6,
                b"",
            )
            for each in self.listings
        ]
        await self.configure(_INIT, rows)
        for each in self.listings:
            token = self.tokens[each.symbol]
            terms = (token, each.ltv, each.threshold, each.bonus)
            await self.configure("configureReserveAsCollateral(address,uint256,uint256,uint256)", *terms)
            await self.configure("setReserveBorrowing(address,bool)", token, True)
            await self.configure("setReserveStableRateBorrowing(address,bool)", token, True)
            await self.configure("setReserveFactor(address,uint256)", token, 1_000)
            await self.configure("setLiquidationProtocolFee(address,uint256)", token, each.protocol_fee)

    async def _modes(self) -> None:
        signature = "setEModeCategory(uint8,uint16,uint16,uint16,address,string)"
        await self.configure(signature, 1, 9_000, 9_300, 10_100, ZERO, "ETH")
        await self.configure(signature, 2, 9_300, 9_500, 10_150, MODE_SOURCE, "USD")
        for each in self.listings:
            if each.mode:
                await self.configure(
                    "setAssetEModeCategory(address,uint8)", self.tokens[each.symbol], each.mode
                )

    async def _contract(self, name: str, *arguments: object) -> str:
        code = await self._linked(artifact(name))
        types = [
            argument["type"]
            for entry in artifact(name)["abi"]
            if entry["type"] == "constructor"
            for argument in entry["inputs"]
        ]
        return await self.chain.deploy(code, types, *arguments)

    async def _linked(self, found: dict[str, Any]) -> str:
        code: str = found["bytecode"]
        for libraries in found["linkReferences"].values():
            for library, places in libraries.items():
                if library not in self._libraries:
                    self._libraries[library] = await self._contract(library)
                for place in places:
                    at = 2 + 2 * place["start"]
                    code = code[:at] + self._libraries[library][2:].lower() + code[at + 40 :]
        return code

    async def _provide(self, signature: str, address: str) -> None:
        await self.chain.send(OWNER, self.provider, signature, address)

    async def _provided(self, signature: str) -> str:
        (found,) = await self.chain.view(self.provider, signature, ["address"])
        return to_checksum_address(found)
