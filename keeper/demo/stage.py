"""The demo's stage: chains, venues, and the processes that are started on it, each ended by its process id."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from chains.devnet.accounts import LocalHub
from chains.devnet.anvil import Anvil
from chains.devnet.deploy import OWNER, HubTerms, deploy, set_feed
from chains.devnet.process import free_port, spawn
from chains.devnet.transactor import Transactor
from chains.hub.codec import selector
from chains.keys import Key
from config.units import BPS, WAD, format_decimal
from keeper.demo.cast import BEFORE, SEED
from keeper.demo.cast_options import CHAIN as OPTION_CHAIN
from keeper.demo.chaos import Chaos
from keeper.demo.configure import Attestor, LocalChain, LocalVenue, attestor_toml, keeper_toml
from keeper.runtime.clock import now_ms
from oracles.live_venues import LiveVenue, pushed
from oracles.venues import Venue, served

PACE_S = {"alpha": 1.0, "beta": 2.0, "gamma": 0.5}
CHAIN_IDS = {"alpha": 31_101, "beta": 31_102, "gamma": 31_103}
SYMBOLS: Mapping[str, Mapping[str, str]] = {
    "coinbase": {"ETH": "ETH-USD", "BTC": "BTC-USD"},
    "kraken": {"ETH": "ETHUSD", "BTC": "XBTUSD", "USDC": "USDCUSD", "ETHVOL": "ETHVOLUSD"},
    "bitstamp": {"ETH": "ethusd", "BTC": "btcusd", "USDC": "usdcusd", "ETHVOL": "ethvolusd"},
    "gemini": {"ETH": "ethusd", "BTC": "btcusd", "USDC": "usdcusd", "ETHVOL": "ethvolusd"},
    "okx": {"ETH": "ETH-USD", "BTC": "BTC-USD"},
}
"""Markets against dollars: a price in another coin would need that coin's price as well."""
PUSHING = ("okx",)
"""The venues that push over a WebSocket; the others are asked. One more opinion, so no quorum rests on a connection."""
PRESETS: Mapping[str, Mapping[str, str]] = {"kraken": {"USDC": "kraken-trades", "ETHVOL": "kraken-trades"}}
"""kraken's ticker has no time, so there a price that stands still would grow old."""
TICK_S = 0.5
FEED_EVERY_TICKS = 8
JITTER_BPS = 3
STOP_TIMEOUT_S = 10.0
LAST_WORDS = 300


@dataclass
class Market:
    """The true prices of the scene, and the venues and feeds that show them."""

    venues: Mapping[str, Venue]
    live: Mapping[str, LiveVenue] = field(default_factory=dict)
    chains: list[LocalChain] = field(default_factory=list)
    nodes: dict[str, Anvil] = field(default_factory=dict)
    prices: dict[str, Fraction] = field(
        default_factory=lambda: {a: BEFORE[a] for a in ("USDC", "ETH", "BTC", "ETHVOL")}
    )
    paused: set[str] = field(default_factory=set)
    seed: str = SEED
    _feeding: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - a scene, not a secret

    async def show(self) -> None:
        """Have every venue quote, each a few basis points off on its own."""
        for name, venue in self.venues.items():
            for asset, symbol in SYMBOLS[name].items():
                venue.set_price(symbol, self._quote(asset))
        for name, live in self.live.items():
            for asset, symbol in SYMBOLS[name].items():
                await live.tell(symbol, self._quote(asset))

    def _quote(self, asset: str) -> str:
        off = 0 if asset == "USDC" else self._random.randint(-JITTER_BPS, JITTER_BPS)
        return format_decimal(int(self.prices[asset] * Fraction(BPS + off, BPS) * 10**6), 6)

    async def feed(self) -> None:
        """Have every running chain's feeds answer the true prices."""
        async with self._feeding:  # one updater key: two at once would race for its nonce
            for chain in self.chains:
                if chain.name not in self.paused:
                    answers = {asset: int(self.prices[asset] * WAD) for asset in chain.deployment.feeds}
                    await set_feed(self.nodes[chain.name], chain.deployment, answers)

    async def pause(self, name: str) -> None:
        """Stop a chain's node. Not while its feeds are being told a price: that call would wait until it goes on."""
        async with self._feeding:
            self.paused.add(name)
            self.nodes[name].pause()

    def resume(self, name: str) -> None:
        """Let a paused node go on."""
        self.nodes[name].resume()
        self.paused.discard(name)

    async def keep_moving(self) -> None:
        """Let prices jiggle and feeds refresh, until cancelled."""
        tick = 0
        while True:
            await self.show()
            if tick % FEED_EVERY_TICKS == 0:
                await self.feed()
            tick += 1
            await asyncio.sleep(TICK_S)

    async def set(self, factor: Fraction) -> None:
        """Move ETH and BTC to this part of where they began, everywhere at once."""
        for asset in ("ETH", "BTC"):
            self.prices[asset] = BEFORE[asset] * factor
        await self.show()
        await self.feed()


@dataclass
class Stage:
    """Everything that stands. `folder` holds keys, files and logs, readable by its owner only."""

    folder: Path
    market: Market
    hubs: dict[str, LocalHub]
    attestors: list[Attestor]
    chaos: Chaos
    moving: asyncio.Task[None] | None = None
    """What keeps prices moving: if that ends, the demo shows nothing any more."""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def keeper_file(self) -> Path:
        """The keeper's configuration."""
        return self.folder / "keeper.toml"

    @property
    def state_log(self) -> Path:
        """The keeper's state log."""
        return self.folder / "keeper.db"

    @staticmethod
    def quoted_by(venue: str) -> frozenset[str]:
        """Return the assets that a venue quotes."""
        return frozenset(SYMBOLS[venue])

    def start(self, name: str, *arguments: str) -> None:
        """Start `python -m keeper ARGUMENTS` as a process of its own, its output in a file."""
        with (self.folder / f"{name}.log").open("ab") as output:
            self.processes[name] = spawn([sys.executable, "-m", "keeper", *arguments], output)

    def start_attestors(self) -> None:
        """Start the three attestors."""
        for attestor in self.attestors:
            self.start(attestor.name, "attest", "-c", str(self.folder / f"{attestor.name}.toml"))

    def start_keeper(self) -> None:
        """Start the daemon."""
        self.start("keeper", "run", "-c", str(self.keeper_file))

    def kill(self, name: str) -> None:
        """End a process without warning, as a power cut would."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes.pop(name).wait()

    def dead(self) -> list[str]:
        """Return what has ended by itself, each with its last words."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        found = [f"{name} ended: {self._last_words(name)}" for name in ended]
        if self.moving is not None and self.moving.done() and not self.moving.cancelled():
            found.append(f"prices stand still: {self.moving.exception()!r}")
        return found

    def evidence(self, target: Path) -> None:
        """Copy what tells what went wrong: logs and configuration, but no key."""
        for path in sorted(self.folder.iterdir()):
            if path.is_file() and path.suffix != ".key":
                shutil.copyfile(path, target / path.name)

    def _last_words(self, name: str) -> str:
        lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")[
            :LAST_WORDS
        ]

    async def stop(self) -> dict[str, int]:
        """Ask every process to end, and return the exit codes."""
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        codes: dict[str, int] = {}
        for name, process in self.processes.items():
            try:
                codes[name] = await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[name] = await asyncio.to_thread(process.wait)
        self.processes.clear()
        return codes


@asynccontextmanager
async def stage(folder: Path, seed: str = SEED, *, chaos: bool = False) -> AsyncIterator[Stage]:
    """Set the stage in `folder` and take it down at the end, whatever happens.

    With `chaos` every way to a node leads through a proxy, and things go wrong there once it is begun.
    """
    keeper, keeper_key_file = _new_key(folder, "keeper")
    attestors: list[Attestor] = []
    for name in ("attestor-1", "attestor-2", "attestor-3"):
        key, key_file = _new_key(folder, name)
        attestors.append(Attestor(name, key_file, key.address, free_port()))
    async with AsyncExitStack() as stack:
        market, venues = await _open_market(stack, seed)
        market.nodes = {name: Anvil(CHAIN_IDS[name], block_time_s=pace) for name, pace in PACE_S.items()}
        for node in market.nodes.values():
            await stack.enter_async_context(node)
        market.chains = await _deployed(market, attestors, keeper.address)
        standing = Stage(
            folder,
            market,
            {chain.name: LocalHub(market.nodes[chain.name], chain.deployment) for chain in market.chains},
            attestors,
            Chaos(stack, seed, on=chaos),
        )
        standing.keeper_file.write_text(
            keeper_toml(
                await standing.chaos.ways("keeper", market.chains),
                venues,
                attestors,
                key_file=keeper_key_file,
                address=keeper.address,
                state_log=standing.state_log,
            )
        )
        for attestor in attestors:
            text = attestor_toml(
                attestor,
                await standing.chaos.ways(attestor.name, market.chains),
                venues,
                state_log=folder / f"{attestor.name}.db",
                keeper_log=folder / "unused.db",
            )
            (folder / f"{attestor.name}.toml").write_text(text)
        standing.moving = asyncio.create_task(market.keep_moving())
        try:
            yield standing
        finally:
            for name in tuple(market.paused):
                market.resume(name)
            await standing.chaos.end()
            standing.moving.cancel()
            await asyncio.gather(standing.moving, return_exceptions=True)
            await standing.stop()


async def set_policy(standing: Stage, policy_hash: str) -> None:
    """Tell every hub the digest of the risk policy that keeper and attestors are configured with."""
    for hub in standing.hubs.values():
        transactor = Transactor(hub.node)
        data = selector("set_policy(bytes32)") + bytes.fromhex(policy_hash[2:])
        await transactor.call(OWNER, hub.deployment.hub, data, "policy")
        await transactor.flush()


async def _deployed(market: Market, attestors: list[Attestor], keeper: str) -> list[LocalChain]:
    terms = HubTerms(tuple(each.address for each in attestors), 2, "0x" + "00" * 32)
    prices = {asset: int(price * WAD) for asset, price in market.prices.items()}
    chains: list[LocalChain] = []
    for name, node in market.nodes.items():
        deployment = await deploy(node, name, prices, terms, keeper, with_options=name == OPTION_CHAIN)
        chains.append(LocalChain(name, node.chain_id, PACE_S[name], node.url, node.ws_url, deployment))
    return chains


async def _open_market(stack: AsyncExitStack, seed: str) -> tuple[Market, list[LocalVenue]]:
    venues = {name: Venue(name, now_ms) for name in SYMBOLS if name not in PUSHING}
    live = {name: LiveVenue(name, now_ms) for name in PUSHING}
    market = Market(venues, live, seed=seed)
    await market.show()
    local = []
    for name, venue in venues.items():
        url = await stack.enter_async_context(served(venue))
        local.append(LocalVenue(name, url, SYMBOLS[name], PRESETS.get(name, {})))
    for name, pushing in live.items():
        url = await stack.enter_async_context(pushed(pushing))
        local.append(LocalVenue(name, url, SYMBOLS[name], pushes=True))
    return market, local


def _new_key(folder: Path, name: str) -> tuple[Key, Path]:
    """Make a key that only this folder knows; it is never printed."""
    secret = os.urandom(32)
    path = folder / f"{name}.key"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret.hex())
    return Key(secret), path
