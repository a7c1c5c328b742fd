"""Aave v3, Morpho Blue, a pool to swap by and the executor, on a chain of a stage, and the lines that configure them."""

from __future__ import annotations

from dataclasses import dataclass, field

from chains.devnet.local_chain import LocalChain
from chains.devnet.protocols.aave import AavePool
from chains.devnet.protocols.aave import Listing as AaveListing
from chains.devnet.protocols.morpho import Listing as MorphoListing
from chains.devnet.protocols.morpho import MorphoMarkets
from chains.devnet.protocols.uniswap import swap_pool
from chains.venues.executor.build import ARTIFACT
from chains.venues.morpho_blue.codec import market_id
from config.loader import load
from config.units import WAD
from oracles.sources.presets import PRESETS
from tests.end_to_end.stage import Stage

AAVE = (
    AaveListing("USDC", 6, 10**8, 7_700, 8_000, 10_450, 1_000),
    AaveListing("WETH", 18, 2_000 * 10**8, 8_050, 8_300, 10_500, 0),
    AaveListing("WBTC", 8, 50_000 * 10**8, 7_300, 7_800, 10_500, 1_000),
)
MORPHO = (MorphoListing("WETH/USDC", 6, 18, 2_000_00, 86 * WAD // 100),)
SEEDED = {"USDC": 10**13, "WETH": 10**22, "WBTC": 10**11}
DEPTH = 4 * 10**17
"""Liquidity of the pool of WETH and USDC: some ten thousand ether to either side."""


@dataclass
class Lenders:
    """Both protocols on the first chain of a stage. `open` them before the daemon starts."""

    stage: Stage
    chain: LocalChain = field(init=False)
    aave: AavePool = field(init=False)
    morpho: MorphoMarkets = field(init=False)
    executor: str = ""
    pool: str = ""

    def __post_init__(self) -> None:
        deployment = self.stage.chain.deployment
        tokens = {token.symbol: token.address for token in deployment.tokens if not token.is_vault}
        self.chain = LocalChain(self.stage.chain.node, free=False)
        self.aave = AavePool(self.chain, AAVE, tokens=dict(tokens))
        self.morpho = MorphoMarkets(self.chain, MORPHO, tokens=dict(tokens))

    async def open(self, *, inventory: int = 0, morpho: bool = True, flash: bool = True, more: str = "") -> None:
        """Deploy, lend, and add it to the keeper's configuration. `inventory` is raw USDC that may be spent."""
        keeper = self.stage.keeper.address
        await self.aave.deploy()
        for symbol, amount in SEEDED.items():
            await self.aave.supply(person(0), symbol, amount)
        if morpho:
            await self.morpho.deploy()
        weth, usdc = self.aave.tokens["WETH"], self.aave.tokens["USDC"]
        self.pool = await swap_pool(self.chain, (10**18, 2_000 * 10**6), weth, usdc, DEPTH)
        self.executor = await self.chain.deploy_artifact(ARTIFACT.read_text(), keeper)
        if inventory:
            await self.chain.send(keeper, usdc, "approve(address,uint256)", self.executor, inventory)
        text = self.stage.config.read_text()
        self.stage.config.write_text(text + self._toml(inventory > 0, morpho=morpho, flash=flash) + more)
        self.stage.settings = load(self.stage.config, PRESETS)
        self.stage.first_block[self.stage.chain.name] = await self.stage.chain.height() + 1

    def _toml(self, own: bool, *, morpho: bool, flash: bool) -> str:  # noqa: FBT001 - one caller
        name = f"chains.{self.stage.chain.name}"
        weth, usdc = self.aave.tokens["WETH"], self.aave.tokens["USDC"]
        lines = [f'[{name}.venues.aave]\nkind = "aave_v3"\naddress = "{self.aave.pool}"']
        if morpho:
            ids = ", ".join(f'"{market_id(each)}"' for each in self.morpho.markets.values())
            lines.append(
                f'[{name}.venues.morpho]\nkind = "morpho_blue"\naddress = "{self.morpho.morpho}"\nmarket_ids = [{ids}]'
            )
        lines.append(f'[{name}.executor]\naddress = "{self.executor}"\nleast_profit = "1"\npatience_blocks = 8')
        if flash:
            lines.append(
                f'[[{name}.executor.pools]]\naddress = "{self.pool}"\nbase_token = "{weth}"\nquote_token = "{usdc}"'
            )
        if own:
            lines.append(f'[[{name}.executor.inventory]]\ntoken = "{usdc}"\nlow_funds = "1000"')
        return "\n" + "\n\n".join(lines) + "\n"


def person(index: int) -> str:
    """Return somebody at the venues: nobody has a key, everybody can be impersonated."""
    from eth_utils import to_checksum_address

    return to_checksum_address(f"0x{0xABC0000000 + index:040x}")
