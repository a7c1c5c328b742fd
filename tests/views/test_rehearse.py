"""`keeper rehearse` on real contracts: what would fail when prices fall is told today, with the reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from chains.devnet.anvil import Anvil
from chains.devnet.local_chain import OWNER, LocalChain
from chains.devnet.npm import NpmFailed
from chains.devnet.packages import AAVE, UNISWAP, fetch
from chains.devnet.protocols.aave import SEED, AavePool
from chains.devnet.protocols.morpho import Listing, MorphoMarkets
from chains.devnet.protocols.uniswap import swap_pool
from chains.venues.executor.build import ARTIFACT
from chains.venues.venue import Borrower, VenueHealth
from config.units import WAD
from keeper.state.log import StateLog
from keeper.state.venue_entries import VenueAccountSeen
from keeper.venues.view import VenueAccount
from keeper.views.exits import ExitCode
from tests.chains.venues.local import BROKEN_CODE, CHAIN_ID, person

Keeper: TypeAlias = Callable[..., tuple[int, str, str]]

KEY = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
US = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
NEAR, FAR = person(1), person(2)
ASSETS = {"USDC": ("USDC", 6), "WETH": ("ETH", 18), "WBTC": ("BTC", 8)}

CONFIG = """
state_log = "keeper.db"
[assets.USDC]
{quorum}
[assets.ETH]
{quorum}
[assets.BTC]
{quorum}
[chains.arbor]
chain_id = {chain_id}
genesis_hash = "{genesis_hash}"
hub = "0x{b1}"
signer = "sender"
[[chains.arbor.endpoints]]
url = "{url}"
max_requests_per_s = 5000
[[chains.arbor.tokens]]
address = "0x{c1}"
asset = "USDC"
decimals = 6
[signers.sender]
address = "{us}"
key_file = "sender.key"
"""


@dataclass
class Place:
    """A pool of Aave, a keeper's file for it, and what is on the chain."""

    chain: LocalChain
    pool: AavePool
    executor: str
    swap: str
    file: Path

    async def rehearse(self, keeper: Keeper, *arguments: str) -> tuple[int, dict[str, Any]]:
        code, out, err = await asyncio.to_thread(keeper, "rehearse", "-c", self.file, "--json", *arguments)
        assert KEY not in out + err
        assert "error" not in out, out
        found: dict[str, Any] = json.loads(out)
        return code, found

    async def endow(self, amount: int) -> None:
        usdc = self.pool.tokens["USDC"]
        await self.chain.send(OWNER, usdc, "mint(address,uint256)", US, amount)
        await self.chain.send(US, usdc, "approve(address,uint256)", self.executor, 2**255)


async def text(chain: LocalChain, tokens: dict[str, str]) -> str:
    genesis = (await chain.node.rpc("eth_getBlockByNumber", "0x0", False))["hash"]
    parts = [
        CONFIG.format(
            quorum="min_sources = 1\nmin_groups = 1",
            chain_id=CHAIN_ID,
            genesis_hash=genesis,
            b1="b1" * 20,
            c1="c1" * 20,
            url=chain.node.url,
            us=US,
        )
    ]
    parts += [
        f'[[sources]]\nkind = "chainlink"\nname = "feed-{asset}"\npair = "{asset}/USD"\ngroup = "feeds"\n'
        f'chain = "arbor"\naddress = "0x{number:040x}"'
        for number, (asset, _) in enumerate(ASSETS.values(), start=0xFEED00)
    ]
    parts += [
        f'[[chains.arbor.venue_tokens]]\naddress = "{tokens[symbol]}"\nasset = "{asset}"\ndecimals = {decimals}'
        for symbol, (asset, decimals) in ASSETS.items()
    ]
    return "\n".join(parts)


def at_aave(pool: str) -> str:
    return f'\n[chains.arbor.venues.aave]\nkind = "aave_v3"\naddress = "{pool}"\n'


def paid_by(executor: str, swap: str, tokens: dict[str, str]) -> str:
    return (
        f'\n[chains.arbor.executor]\naddress = "{executor}"\n[[chains.arbor.executor.pools]]\naddress = "{swap}"\n'
        f'base_token = "{tokens["WETH"]}"\nquote_token = "{tokens["USDC"]}"\n'
        f'[[chains.arbor.executor.inventory]]\ntoken = "{tokens["USDC"]}"\n'
    )


@pytest.fixture(autouse=True)
def _published() -> None:
    try:
        fetch(AAVE, UNISWAP)
    except NpmFailed as failure:
        pytest.skip(str(failure))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """10 WETH against 22,000 dollars, a health of 1.13, and against 10,000; the executor is ours, a pool is deep."""
    async with Anvil(CHAIN_ID, extra=LocalChain.FREE) as node:
        chain = LocalChain(node)
        pool = AavePool(chain)
        await pool.deploy()
        await pool.supply(SEED, "USDC", 10**13)
        for who, owed in ((NEAR, 22_000), (FAR, 10_000)):
            await pool.supply(who, "WETH", 10**19)
            await pool.borrow(who, "USDC", owed * 10**6)
        executor = await chain.deploy_artifact(ARTIFACT.read_text(), US)
        weth, usdc = pool.tokens["WETH"], pool.tokens["USDC"]
        swap = await swap_pool(chain, (10**18, 3_000 * 10**6), weth, usdc, 10**18)
        file = tmp_path / "keeper.toml"
        known = await text(chain, pool.tokens)
        file.write_text(known + at_aave(pool.pool) + paid_by(executor, swap, pool.tokens))
        yield Place(chain, pool, executor, swap, file)


@pytest.mark.chain
async def test_a_flash_swap_makes_ready_who_has_no_tokens(place: Place, keeper: Keeper) -> None:
    code, found = await place.rehearse(keeper)

    (venue,) = found["venues"]
    (near,) = venue["rehearsed"]
    assert (NEAR, True, 8_830) == (near["account"], near["ready"], near["falls_at_bps"])
    assert place.swap == near["by"]
    # 5 % of bonus on what is repaid, less the swap's fee and depth: at the price of then, not of today.
    repaid = int(near["seize"]) * 10_000 // 10_500
    assert 470 < 10_000 * int(near["kept"]) // repaid < 500
    assert (2, ExitCode.FINE) == (venue["borrowers"] - 1, code)


@pytest.mark.chain
async def test_who_is_further_away_is_rehearsed_when_asked_for(place: Place, keeper: Keeper) -> None:
    _, found = await place.rehearse(keeper, "--below", "3")

    assert [NEAR, FAR] == [each["account"] for each in found["venues"][0]["rehearsed"]]


@pytest.mark.chain
async def test_inventory_is_preferred_where_it_leaves_more_and_its_want_is_told(
    place: Place, keeper: Keeper
) -> None:
    await place.endow(20_000 * 10**6)
    _, found = await place.rehearse(keeper)
    (near,) = found["venues"][0]["rehearsed"]
    assert "0x" + "00" * 20 == near["by"]

    usdc = place.pool.tokens["USDC"]
    await place.chain.send(US, usdc, "approve(address,uint256)", place.executor, 0)
    executor = "[chains.arbor.executor]\n"
    place.file.write_text(place.file.read_text().replace(executor, f"{executor}flash = false\n"))
    code, found = await place.rehearse(keeper)

    (near,) = found["venues"][0]["rehearsed"]
    assert not near["ready"]
    assert near["why_not"].startswith("with inventory: ")
    assert ExitCode.DEGRADED == code


@pytest.mark.chain
async def test_a_paused_reserve_a_dead_feed_and_a_foreign_executor_are_told(
    place: Place, keeper: Keeper
) -> None:
    weth = place.pool.tokens["WETH"]
    await place.pool.configure("setReservePause(address,bool)", weth, True)
    code, found = await place.rehearse(keeper)
    assert ("paused: ETH", ExitCode.DEGRADED) == (found["venues"][0]["rehearsed"][0]["why_not"], code)
    await place.pool.configure("setReservePause(address,bool)", weth, False)

    foreign = await place.chain.deploy_artifact(ARTIFACT.read_text(), FAR)
    before = place.file.read_text()
    place.file.write_text(before.replace(place.executor, foreign))
    code, found = await place.rehearse(keeper)
    assert found["venues"][0]["rehearsed"][0]["why_not"].endswith("belongs to somebody else")
    place.file.write_text(before)

    await place.chain.node.rpc("anvil_setCode", place.pool.feeds["WETH"], BROKEN_CODE)
    code, found = await place.rehearse(keeper)
    told = {each["why_not"] for each in found["venues"][0]["rehearsed"]}
    assert {"the venue can not tell its health: price_unknown"} == told
    assert ExitCode.DEGRADED == code


@pytest.mark.chain
async def test_a_pool_that_is_too_shallow_is_told(place: Place, keeper: Keeper) -> None:
    weth, usdc = place.pool.tokens["WETH"], place.pool.tokens["USDC"]
    shallow = await swap_pool(place.chain, (10**18, 3_000 * 10**6), weth, usdc, 10**14)
    place.file.write_text(place.file.read_text().replace(place.swap, shallow))

    code, found = await place.rehearse(keeper)

    told = found["venues"][0]["rehearsed"][0]["why_not"]
    assert told.endswith("the pool does not have that much")
    assert ExitCode.DEGRADED == code


@pytest.mark.chain
async def test_a_venue_that_can_not_be_read_is_told_and_the_table_is_shown(
    place: Place, keeper: Keeper
) -> None:
    code, out, _ = await asyncio.to_thread(keeper, "rehearse", "-c", place.file)
    assert "0 of 1 liquidation would fail" in out
    assert "flash swap" in out
    assert ExitCode.FINE == code

    place.file.write_text(place.file.read_text().replace(place.pool.pool, FAR))
    code, found = await place.rehearse(keeper)

    assert ["aave"] == [each["venue"] for each in found["unread"]]
    assert ExitCode.DOWN == code


@pytest.mark.chain
@pytest.mark.slow
async def test_a_market_of_morpho_is_rehearsed_too(tmp_path: Path, keeper: Keeper) -> None:
    async with Anvil(CHAIN_ID, extra=LocalChain.FREE) as node:
        chain = LocalChain(node)
        markets = MorphoMarkets(chain, (Listing("WETH/USDC", 6, 18, 3_000_00, 86 * WAD // 100),))
        await markets.deploy()
        await markets.open("WETH/USDC", NEAR, 10**19, 24_000 * 10**6)
        parameters, borrower = markets.markets["WETH/USDC"], markets.borrower("WETH/USDC", NEAR)
        executor = await chain.deploy_artifact(ARTIFACT.read_text(), US)
        await markets.endow(US, parameters.loan_asset, 10**12)
        await chain.send(US, parameters.loan_asset, "approve(address,uint256)", executor, 2**255)
        tokens = {
            "WETH": parameters.collateral_asset,
            "USDC": parameters.loan_asset,
            "WBTC": "0x" + "d1" * 20,
        }
        file = tmp_path / "keeper.toml"
        file.write_text(
            await text(chain, tokens)
            + f'\n[chains.arbor.venues.morpho]\nkind = "morpho_blue"\naddress = "{markets.morpho}"\n'
            + f'market_ids = ["{borrower.market}"]\n'
            + f'[chains.arbor.executor]\naddress = "{executor}"\n'
            + f'[[chains.arbor.executor.inventory]]\ntoken = "{tokens["USDC"]}"\n'
        )

        code, out, _ = await asyncio.to_thread(keeper, "rehearse", "-c", file, "--json")

        (found,) = json.loads(out)["venues"][0]["rehearsed"]
        assert (NEAR, True, 9_302) == (found["account"], found["ready"], found["falls_at_bps"])
        assert ExitCode.FINE == code


@pytest.mark.chain
async def test_whom_the_state_log_knows_is_rehearsed_without_reading_the_chains_logs(
    place: Place, keeper: Keeper
) -> None:
    known = VenueAccount("arbor", "aave", "0x" + "aa" * 32, Borrower(NEAR), VenueHealth(1, 0, 0), (), 1, 1)
    async with StateLog.open(place.file.parent / "keeper.db", "observe", lambda: 1) as log:
        log.observe(VenueAccountSeen(known))

    _, found = await place.rehearse(keeper, "--below", "3")
    assert [(1, True)] == [(each["borrowers"], each["from_log"]) for each in found["venues"]]
    assert [NEAR] == [each["account"] for each in found["venues"][0]["rehearsed"]]

    _, found = await place.rehearse(keeper, "--below", "3", "--everybody")
    assert [NEAR, FAR] == [each["account"] for each in found["venues"][0]["rehearsed"]]


def test_a_file_without_venues_is_a_usage_error(tmp_path: Path, keeper: Keeper) -> None:
    example = (Path(__file__).parents[2] / "config" / "devnet.toml").read_text()
    file = tmp_path / "keeper.toml"
    file.write_text(example)

    code, _, err = keeper("rehearse", "-c", file)

    assert ExitCode.USAGE == code
    assert "no chain has venues" in err
