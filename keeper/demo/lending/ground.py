"""The protocols of the scene on its chains, from what they published, and their part of the keeper's file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from chains.devnet import packages
from chains.devnet.local_chain import LocalChain
from chains.devnet.protocols.aave import SEED as LENDER
from chains.devnet.protocols.aave import AavePool
from chains.devnet.protocols.aave import Listing as AaveListing
from chains.devnet.protocols.morpho import Listing as MorphoListing
from chains.devnet.protocols.morpho import MorphoMarkets, compiled
from chains.devnet.protocols.uniswap import set_price, swap_pool
from chains.venues.aave_v3.venue import AaveV3
from chains.venues.executor.build import ARTIFACT
from chains.venues.morpho_blue.codec import market_id
from chains.venues.morpho_blue.venue import MorphoBlue
from chains.venues.venue import Outcome
from config.units import WAD
from keeper.demo.cast import BEFORE
from keeper.demo.lending.cast import Owner, Protocol, scaled
from keeper.demo.stage import Stage

FEED_DECIMALS = 8
_LISTINGS = (
    AaveListing("USDC", 6, 10**8, 7_700, 8_000, 10_450, 1_000),
    AaveListing("WETH", 18, scaled(BEFORE["ETH"], FEED_DECIMALS), 8_050, 8_300, 10_500, 0),
    AaveListing("WBTC", 8, scaled(BEFORE["BTC"], FEED_DECIMALS), 7_300, 7_800, 10_500, 1_000),
)
MARKET = "WETH/USDC"
_MARKETS = (MorphoListing(MARKET, 6, 18, int(BEFORE["ETH"] * 100), 86 * WAD // 100),)
_LENT = {"USDC": 10**13, "WETH": 10**22, "WBTC": 10**11}
_DEPTH = 5 * 10**17
"""Liquidity of the swap pools: about ten thousand ether to either side."""
INVENTORY = 60_000 * 10**6
"""Raw USDC on beta that the executor may spend: enough where no pool swaps, not for all."""


def fetch() -> None:
    """Get what was published, and compile what was only published as source. Raises `NpmFailed`."""
    packages.fetch(packages.AAVE, packages.UNISWAP, packages.MORPHO, packages.SOLC)
    compiled()


@dataclass(frozen=True, slots=True)
class Ground:
    """What stands: Aave on beta, Morpho on gamma, and on both a pool to swap by and an executor."""

    chains: Mapping[str, LocalChain]
    aave: AavePool
    morpho: MorphoMarkets
    pools: Mapping[str, str]
    executors: Mapping[str, str]

    async def set_prices(self, prices: Mapping[str, Fraction]) -> None:
        """Have both protocols and both pools take everything for what it is worth."""
        await self.set_aave_ether(prices["ETH"])
        await self.aave.set_price("WBTC", scaled(prices["BTC"], FEED_DECIMALS))
        await self.morpho.set_price(MARKET, int(prices["ETH"] * 10**24))
        for name, pool in self.pools.items():
            rate = (10**18, int(prices["ETH"] * 10**6))
            await set_price(self.chains[name], pool, rate, *self._pair(name))

    async def set_aave_ether(self, price: Fraction) -> None:
        """Have Aave alone take ether for this."""
        await self.aave.set_price("WETH", scaled(price, FEED_DECIMALS))

    async def open(self, owner: Owner) -> None:
        """Open an owner's loans."""
        for loan in owner.loans:
            if loan.protocol is Protocol.AAVE:
                await self.aave.supply(owner.address, loan.symbol, loan.amount)
                await self.aave.borrow(owner.address, "USDC", loan.debt)
            else:
                await self.morpho.open(MARKET, owner.address, loan.amount, loan.debt)

    async def outcomes(self) -> list[tuple[str, str, Outcome]]:
        """Return every liquidation that the protocols' own logs tell of, as (chain, protocol, outcome)."""
        found: list[tuple[str, str, Outcome]] = []
        for protocol, address in ((Protocol.AAVE, self.aave.pool), (Protocol.MORPHO, self.morpho.morpho)):
            chain = self.chains[protocol.chain]
            client = await chain.client()
            try:
                logs = await client.logs_range(0, (await client.head()).number, address)
            finally:
                await client.aclose()
            markets = tuple(self.morpho.markets.values())
            venue = (
                AaveV3(client, address) if protocol is Protocol.AAVE else MorphoBlue(client, address, markets)
            )
            found += [(protocol.chain, str(protocol), each) for each in venue.outcomes(logs)]
        return found

    def toml(self) -> str:
        """Return the lines that tell the keeper of it."""
        ids = ", ".join(f'"{market_id(each)}"' for each in self.morpho.markets.values())
        parts = [
            f'[chains.beta.venues.aave]\nkind = "aave_v3"\naddress = "{self.aave.pool}"',
            f'[chains.gamma.venues.morpho]\nkind = "morpho_blue"\naddress = "{self.morpho.morpho}"\nmarket_ids = [{ids}]',
        ]
        for name, executor in self.executors.items():
            weth, usdc = self._pair(name)
            parts.append(
                f'[chains.{name}.executor]\naddress = "{executor}"\nleast_profit = "1"\npatience_blocks = 6'
            )
            parts.append(
                f'[[chains.{name}.executor.pools]]\naddress = "{self.pools[name]}"\n'
                f'base_token = "{weth}"\nquote_token = "{usdc}"'
            )
        usdc = self._pair("beta")[1]
        parts.append(f'[[chains.beta.executor.inventory]]\ntoken = "{usdc}"\nlow_funds = "1000"')
        return "\n" + "\n\n".join(parts) + "\n"

    def _pair(self, chain: str) -> tuple[str, str]:
        tokens = self.aave.tokens if chain == "beta" else self.morpho.tokens
        return tokens["WETH"], tokens["USDC"]


async def prepare(standing: Stage, keeper: str, owners: Iterable[Owner]) -> Ground:
    """Deploy, lend, open everybody's loans, and add it to the keeper's file, which was not read yet.

    The hub's own tokens are used. Raises `AnvilFailed`, `NpmFailed`.
    """
    names = {protocol.chain for protocol in Protocol}
    hubs = {name: hub for name, hub in standing.hubs.items() if name in names}
    chains = {name: LocalChain(hub.node, free=False) for name, hub in hubs.items()}
    tokens = {
        name: {token.symbol: token.address for token in hub.deployment.tokens if not token.is_vault}
        for name, hub in hubs.items()
    }
    aave = AavePool(chains["beta"], _LISTINGS, tokens=tokens["beta"])
    morpho = MorphoMarkets(chains["gamma"], _MARKETS, tokens=tokens["gamma"])
    await aave.deploy()
    for symbol, amount in _LENT.items():
        await aave.supply(LENDER, symbol, amount)
    await morpho.deploy()
    pools, executors = {}, {}
    for name, chain in chains.items():
        weth, usdc = tokens[name]["WETH"], tokens[name]["USDC"]
        pools[name] = await swap_pool(chain, (10**18, int(BEFORE["ETH"] * 10**6)), weth, usdc, _DEPTH)
        executors[name] = await chain.deploy_artifact(ARTIFACT.read_text(), keeper)
    approve = "approve(address,uint256)"
    await chains["beta"].send(keeper, tokens["beta"]["USDC"], approve, executors["beta"], INVENTORY)
    ground = Ground(chains, aave, morpho, pools, executors)
    for owner in owners:
        await ground.open(owner)
    with standing.keeper_file.open("a") as file:
        file.write(ground.toml())
    return ground
