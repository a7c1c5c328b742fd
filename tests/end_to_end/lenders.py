"""Aave v3, Morpho Blue, a pool to swap by and the executor, on a chain of a stage, and the lines that configure them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from eth_utils import to_checksum_address

from chains.devnet.local_chain import LocalChain
from chains.devnet.protocols.aave import AavePool
from chains.devnet.protocols.aave import Listing as AaveListing
from chains.devnet.protocols.morpho import Listing as MorphoListing
from chains.devnet.protocols.morpho import MorphoMarkets
from chains.devnet.protocols.uniswap import set_price, swap_pool
from chains.venues.executor.build import ARTIFACT
from chains.venues.morpho_blue.codec import market_id
from config.loader import load
from config.units import WAD
from oracles.sources.presets import PRESETS
from tests.end_to_end.stage import Stage, until

AAVE = (
    AaveListing("USDC", 6, 10**8, 7_700, 8_000, 10_450, 1_000),
    AaveListing("WETH", 18, 2_000 * 10**8, 8_050, 8_300, 10_500, 0),
    AaveListing("WBTC", 8, 50_000 * 10**8, 7_300, 7_800, 10_500, 1_000),
)
MORPHO = (MorphoListing("WETH/USDC", 6, 18, 2_000_00, 86 * WAD // 100),)
SEEDED = {"USDC": 10**13, "WETH": 10**22, "WBTC": 10**11}
DEPTH = 4 * 10**17
"""Liquidity of the pool of WETH and USDC: some nine thousand ether on its one side."""
FEED = {"ETH": "WETH", "BTC": "WBTC"}
MARKET = "WETH/USDC"


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

    async def open(self, *, inventory: int = 0, flash: bool = True) -> None:
        """Deploy, lend, and add it to the keeper's configuration. `inventory` is raw USDC that may be spent."""
        keeper = self.stage.keeper.address
        await self.aave.deploy()
        for symbol, amount in SEEDED.items():
            await self.aave.supply(person(0), symbol, amount)
        await self.morpho.deploy()
        weth, usdc = self.aave.tokens["WETH"], self.aave.tokens["USDC"]
        self.pool = await swap_pool(self.chain, (10**18, 2_000 * 10**6), weth, usdc, DEPTH)
        self.executor = await self.chain.deploy_artifact(ARTIFACT.read_text(), keeper)
        if inventory:
            await self.chain.send(keeper, usdc, "approve(address,uint256)", self.executor, inventory)
        lines = self._venues() + self._pools() * flash + self._inventory() * bool(inventory)
        text = self.stage.config.read_text()
        self.stage.config.write_text("\n\n".join([text, *lines]) + "\n")
        self.stage.settings = load(self.stage.config, PRESETS)
        self.stage.first_block[self.stage.chain.name] = await self.stage.chain.height() + 1

    async def borrow(self, index: int, debt: int, collateral: int = 10**19, symbol: str = "WETH") -> str:
        """Have somebody supply collateral to Aave and borrow dollars against it. Returns who."""
        await self.aave.supply(person(index), symbol, collateral)
        await self.aave.borrow(person(index), "USDC", debt)
        return person(index)

    async def borrow_at_morpho(self, index: int, debt: int, collateral: int = 10**19) -> str:
        """Have somebody do so at Morpho."""
        await self.morpho.open(MARKET, person(index), collateral, debt)
        return person(index)

    async def move(self, asset: str, dollars: int, *, market: bool = True) -> int:
        """Let a price move on the exchanges, then on the lenders. Returns the block of the last of it."""
        if market:
            self.stage.market.set({asset: str(dollars)})
        if asset == "ETH":
            await self.morpho.set_price(MARKET, dollars * 10**24)
        await self.aave.set_price(FEED[asset], dollars * 10**8)
        return await self.stage.chain.height()

    async def believed(self, asset: str, dollars: int) -> None:
        """Wait until the daemon's reference is within a thousandth of it."""
        sql = (
            "SELECT mid_wad FROM prices JOIN price_sets ON price_sets.price_set = prices.price_set "
            "WHERE asset = ? ORDER BY seen_at_ms DESC LIMIT 1"
        )

        def near() -> bool:
            return any(
                abs((row["mid_wad"] or 0) - dollars * WAD) * 1_000 <= dollars * WAD
                for row in self.stage.rows(sql, (asset,))
            )

        await until(near, f"{asset} is at {dollars}")

    async def move_pool(self, dollars: int) -> None:
        """Let the pool's price of ether be another, as if somebody had swapped. No block is mined for it."""
        weth, usdc = (self.aave.tokens[each] for each in ("WETH", "USDC"))
        await set_price(self.chain, self.pool, (10**18, dollars * 10**6), weth, usdc)

    async def known(self, *borrowers: str) -> None:
        """Wait until the daemon has seen them all."""
        await until(
            lambda: (
                set(borrowers) <= {row["borrower"] for row in self.stage.rows("SELECT * FROM venue_accounts")}
            ),
            "the borrowers are known",
        )

    async def sent(self, *borrowers: str) -> None:
        """Wait until a call for each of them was handed to the node."""
        sql = (
            "SELECT position_key FROM intents JOIN attempts ON attempts.intent_id = intents.intent_id "
            "WHERE last_send_class IS NOT NULL"
        )
        await until(
            lambda: set(borrowers) <= {row["position_key"].split("/")[2] for row in self.stage.rows(sql)},
            "all are sent",
        )

    async def ended(self, ending: str, *borrowers: str) -> list[dict[str, Any]]:
        """Wait until they all ended so, and return how."""
        sql = "SELECT * FROM venue_endings WHERE ending = ?"
        await until(
            lambda: set(borrowers) <= {row["borrower"] for row in self.stage.rows(sql, (ending,))},
            f"all are {ending}",
        )
        return [row for row in self.stage.rows(sql, (ending,)) if row["borrower"] in borrowers]

    async def over(self, borrower: str) -> None:
        """Wait until what was signed for somebody is final."""
        sql = "SELECT state FROM intents WHERE position_key LIKE ?"
        key = (f"venue/%/{borrower}/%",)
        await until(
            lambda: all(row["state"].startswith("final") for row in self.stage.rows(sql, key)), "all is final"
        )

    async def judged(self, reason: str, *borrowers: str) -> None:
        """Wait until this was said of them all."""
        sql = "SELECT borrower FROM venue_verdicts WHERE reason = ?"
        await until(
            lambda: set(borrowers) <= {row["borrower"] for row in self.stage.rows(sql, (reason,))},
            f"{reason} is said of all",
        )

    def told(self, borrower: str) -> Counter[str]:
        """How often each thing was said or happened of somebody: verdicts, endings, and calls that were signed."""
        verdicts = self.stage.rows("SELECT reason FROM venue_verdicts WHERE borrower = ?", (borrower,))
        endings = self.stage.rows("SELECT ending FROM venue_endings WHERE borrower = ?", (borrower,))
        key = f"venue/%/{borrower}/%"
        signed = self.stage.rows(
            "SELECT 1 FROM intents WHERE position_key LIKE ? AND nonce IS NOT NULL", (key,)
        )
        return Counter([*(row["reason"] for row in verdicts), *(row["ending"] for row in endings)]) + Counter(
            signed=len(signed)
        )

    async def blocks(self, count: int) -> None:
        """Mine blocks one by one, each seen by the daemon."""
        for _ in range(count):
            await self.stage.chain.mine()
            height = await self.stage.chain.height()
            await until(lambda: self.stage.seen(height), "the block is seen")  # noqa: B023 - awaited here

    def _venues(self) -> list[str]:
        name = f"chains.{self.stage.chain.name}"
        ids = ", ".join(f'"{market_id(each)}"' for each in self.morpho.markets.values())
        return [
            f'[{name}.venues.aave]\nkind = "aave_v3"\naddress = "{self.aave.pool}"',
            f'[{name}.venues.morpho]\nkind = "morpho_blue"\naddress = "{self.morpho.morpho}"\nmarket_ids = [{ids}]',
            f'[{name}.executor]\naddress = "{self.executor}"\nleast_profit = "1"\npatience_blocks = 8',
        ]

    def _pools(self) -> list[str]:
        tokens = (self.aave.tokens[each] for each in ("WETH", "USDC"))
        lines = '[[chains.{}.executor.pools]]\naddress = "{}"\nbase_token = "{}"\nquote_token = "{}"'
        return [lines.format(self.stage.chain.name, self.pool, *tokens)]

    def _inventory(self) -> list[str]:
        usdc = self.aave.tokens["USDC"]
        return [
            f'[[chains.{self.stage.chain.name}.executor.inventory]]\ntoken = "{usdc}"\nlow_funds = "1000"'
        ]


def person(index: int) -> str:
    """Return somebody at the venues: nobody has a key, everybody can be impersonated."""
    return to_checksum_address(f"0x{0xABC0000000 + index:040x}")
