"""A whole set-up on this machine: local chains with hubs, price venues, attestors, and files to run a daemon with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chains.devnet.faults.proxy import RpcProxy
from chains.keys import Key
from config.loader import load
from config.settings import Settings
from keeper.demo.configure import Attestor, LocalVenue, attestor_toml, keeper_toml
from keeper.margin.parameters import RiskPolicy, policy_hash
from keeper.runtime.clock import now_ms
from keeper.state.errors import LogUnreadable
from keeper.state.reader import LogReader, Row
from keeper.state.schema import ENDED
from oracles.sources.presets import PRESETS
from oracles.venues import Venue, served
from tests.chains.nodes import free_port
from tests.end_to_end.attestors import RunningAttestor
from tests.end_to_end.chains import ChainPlan, TestChain

PRICES = {"ETH": "2000", "BTC": "50000", "USDC": "1"}
SYMBOLS = {
    "coinbase": {"ETH": "ETH-USD", "BTC": "BTC-USD", "USDC": "USDC-USD"},
    "bitstamp": {"ETH": "ethusd", "BTC": "btcusd", "USDC": "usdcusd"},
    "okx": {"ETH": "ETH-USD", "BTC": "BTC-USD", "USDC": "USDC-USD"},
    "kucoin": {"ETH": "ETH-USD", "BTC": "BTC-USD", "USDC": "USDC-USD"},
}
"""Exchanges that say when a price was made, so that a price may stand still without growing old."""
KEEPER_SECRET = bytes.fromhex("4b" * 32)
MOST_BLOCKS_UNTIL_QUIET = 90
BLOCK_PAUSE_S = 0.5
ATTESTOR_NAMES = ("anna", "boris", "carla")


async def until(condition: Callable[[], object], what: str, timeout_s: float = 45.0) -> Any:
    """Wait for something that no event tells. Returns the condition's first true answer; it may be a coroutine's."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                answer = condition()
                if isinstance(answer, Awaitable):
                    answer = await answer
                if answer:
                    return answer
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s:g} s: {what}") from None


class Market:
    """Price venues on loopback that all say the same."""

    def __init__(self, names: Iterable[str] = SYMBOLS) -> None:
        self.venues = {name: Venue(name, now_ms) for name in names}
        self.served: list[LocalVenue] = []

    async def open(self, stack: AsyncExitStack, prices: Mapping[str, str]) -> None:
        self.set(prices)
        for name, venue in self.venues.items():
            url = await stack.enter_async_context(served(venue))
            self.served.append(LocalVenue(name, url, SYMBOLS[name]))

    def set(self, prices: Mapping[str, str]) -> None:
        """Have every venue quote these prices at once."""
        for name, venue in self.venues.items():
            for asset, price in prices.items():
                venue.set_price(SYMBOLS[name][asset], price)


class Stage:
    """Everything but the daemon. Use as an async context manager."""

    def __init__(
        self,
        directory: Path,
        *plans: ChainPlan,
        own_markets: Sequence[str] = (),
        own_nodes: Sequence[str] = (),
        venues: Sequence[str] = tuple(SYMBOLS),
        alone: bool = False,
        keepers: int = 1,
        text: Callable[[str], str] = lambda text: text,
    ) -> None:
        """Attestors with `own_markets` ask venues of their own, those with `own_nodes` have proxies of their own.

        With `alone` no attestor runs. Each of several `keepers` is a signer of every chain. `text` may change the configuration files before they are written.
        """
        self.directory = directory
        self.chains = {plan.name: TestChain(plan) for plan in plans}
        self.market = Market(venues)
        self.own_markets = {name: Market() for name in own_markets}
        self.keepers = [Key(bytes([KEEPER_SECRET[0] + at]) * 32) for at in range(keepers)]
        self.attestor_keys = {name: Key(bytes([at + 1]) * 32) for at, name in enumerate(ATTESTOR_NAMES)}
        self.attestors: dict[str, RunningAttestor] = {}
        self.proxies: dict[str, dict[str, RpcProxy]] = {}
        self.settings: Settings
        self.policy_hash = ""
        self.prices = dict(PRICES)
        self.first_block: dict[str, int] = {}
        """By chain, the block from which on what the keeper's key sends is the daemon's."""
        self._false: set[str] = set()
        self._own_nodes = set(own_nodes)
        self._alone = alone
        self._text = text
        self._stack = AsyncExitStack()

    @property
    def keeper(self) -> Key:
        """The keeper's key, or its first."""
        return self.keepers[0]

    @property
    def config(self) -> Path:
        """The keeper's configuration."""
        return self.directory / "keeper.toml"

    @property
    def chain(self) -> TestChain:
        """The only chain, or the first."""
        return next(iter(self.chains.values()))

    async def __aenter__(self) -> Self:
        try:
            await self._build()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def move(self, prices: Mapping[str, str], *chains: str) -> None:
        """Move the whole market: venues, and the feeds of all chains (or of those named)."""
        self.prices |= prices
        for name, market in {"": self.market, **self.own_markets}.items():
            if name not in self._false:
                market.set(prices)
        feeds = {asset: price for asset, price in prices.items() if asset in PRICES}
        await asyncio.gather(*(self.chains[name].set_feeds(feeds) for name in chains or self.chains))

    def follow_truth(self, name: str, *, follows: bool) -> None:
        """Let an attestor's own market stand still while all others move, or have it say what they say again."""
        if follows:
            self._false.discard(name)
            self.own_markets[name].set(self.prices)
        else:
            self._false.add(name)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Read the daemon's log. No rows while it is only being made."""
        try:
            with LogReader(self.settings.state_log) as reader:
                return reader.select(sql, parameters)
        except LogUnreadable:
            return []

    def states(self) -> dict[str, str]:
        """The newest state of every account in the log."""
        return {row["account_id"]: row["state"] for row in self.rows("SELECT account_id, state FROM health")}

    def seen(self, height: int, chain: str = "") -> bool:
        """Whether the daemon has noted a head of the chain (the first unless named) at least this high."""
        name = chain or self.chain.name
        found = self.rows("SELECT max(number) AS n FROM heads WHERE chain = ? AND canonical = 1", (name,))
        return bool(found) and found[0]["n"] is not None and found[0]["n"] >= height

    async def known(self, accounts: Collection[str], state: str = "healthy", timeout_s: float = 30.0) -> None:
        """Wait until the daemon has all these accounts in this state."""
        await until(
            lambda: {state} == {self.states().get(account) for account in accounts},
            f"every account is {state}",
            timeout_s,
        )

    async def quiet(self, timeout_s: float = 20.0) -> None:
        """Wait until no intent of the daemon's is on its way and no account calls for one."""
        await until(
            lambda: (
                not self.rows(f"SELECT 1 FROM intents WHERE state NOT IN {ENDED} LIMIT 1")
                and not {"liquidatable", "bankrupt"} & set(self.states().values())
            ),
            "nothing is under way",
            timeout_s,
        )

    async def settled(self) -> None:
        """As `quiet`, on chains that mine when told: blocks go by until then."""
        for _ in range(MOST_BLOCKS_UNTIL_QUIET):
            with suppress(AssertionError):
                await self.quiet(BLOCK_PAUSE_S)
                return
            for chain in self.chains.values():
                await chain.mine()
        raise AssertionError("something is under way still")

    async def _build(self) -> None:
        self.directory.mkdir(exist_ok=True)
        await self.market.open(self._stack, self.prices)
        for market in self.own_markets.values():
            await market.open(self._stack, self.prices)
        for chain in self.chains.values():
            self._stack.push_async_callback(chain.stop)
        signers = [key.address for key in self.attestor_keys.values()]
        # One after the other: a node is tied to the thread that starts it.
        for chain in self.chains.values():
            await chain.start(self.prices, signers, 2, self.keeper.address)
            for key in self.keepers[1:]:
                await chain.equip(key.address)
        attestors = [self._attestor(name) for name in self.attestor_keys]
        await self._configure(attestors)
        self.policy_hash = policy_hash(RiskPolicy.from_settings(self.settings))
        await asyncio.gather(*(chain.tell_policy(self.policy_hash) for chain in self.chains.values()))
        self.first_block = {name: await chain.height() for name, chain in self.chains.items()}
        if not self._alone:
            self._stack.push_async_callback(self._stop_attestors)
            await asyncio.gather(*(attestor.start() for attestor in self.attestors.values()))

    def _attestor(self, name: str) -> Attestor:
        secret = bytes([list(self.attestor_keys).index(name) + 1]) * 32
        key_file = self._key_file(name, secret)
        return Attestor(name, key_file, self.attestor_keys[name].address, free_port())

    async def _configure(self, attestors: Sequence[Attestor]) -> None:
        keeper_log = self.directory / "keeper.db"
        text = keeper_toml(
            [chain.described() for chain in self.chains.values()],
            self.market.served,
            attestors,
            key_file=self._key_file("keeper", KEEPER_SECRET),
            address=self.keeper.address,
            state_log=keeper_log,
        )
        self.settings = self._written(self.config, self._several(text))
        for attestor in attestors:
            chains = []
            for chain in self.chains.values():
                proxy = None
                if attestor.name in self._own_nodes:
                    proxy = await self._stack.enter_async_context(RpcProxy(chain.node.url))
                    self.proxies.setdefault(attestor.name, {})[chain.name] = proxy
                chains.append(chain.described(proxy))
            market = self.own_markets.get(attestor.name, self.market)
            text = attestor_toml(
                attestor,
                chains,
                market.served,
                state_log=self.directory / f"{attestor.name}.db",
                keeper_log=keeper_log,
            )
            settings = self._written(self.directory / f"{attestor.name}.toml", text)
            self.attestors[attestor.name] = RunningAttestor(settings)

    def _several(self, text: str) -> str:
        """Name every keeper's key where the first is named."""
        if len(self.keepers) == 1:
            return text
        names = ["keeper", *(f"keeper{at}" for at in range(2, len(self.keepers) + 1))]
        text = text.replace('signer = "keeper"', f"signers = {json.dumps(names)}")
        for name, key, at in zip(names[1:], self.keepers[1:], range(1, len(names)), strict=True):
            file = self._key_file(name, bytes([KEEPER_SECRET[0] + at]) * 32)
            text += f'\n[signers.{name}]\naddress = "{key.address}"\nkey_file = "{file}"\n'
        return text

    def _written(self, path: Path, text: str) -> Settings:
        path.write_text(self._text(text))
        return load(path, PRESETS)

    def _key_file(self, name: str, secret: bytes) -> Path:
        path = self.directory / f"{name}.key"
        path.write_text(secret.hex())
        path.chmod(0o600)
        return path

    async def _stop_attestors(self) -> None:
        await asyncio.gather(*(attestor.stop() for attestor in self.attestors.values()))
