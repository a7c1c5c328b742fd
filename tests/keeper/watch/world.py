"""Two chains in memory: settings, hubs' facts, a book that takes blocks, and nodes that answer from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from eth_utils import to_checksum_address

from chains.blocks import Block, ChainUpdate, Head
from chains.endpoint_report import EndpointReport
from chains.errors import NotYetThere
from chains.hub.events import (
    AccountOpened,
    CollateralSet,
    CrossMarginSet,
    DebtSet,
    HubEvent,
    PositionSet,
    SettlementFixed,
)
from chains.hub.options import OptionHeld, OptionMarketFacts
from chains.hub.reader import HubFacts, HubLimits, MarketFacts, TokenFacts
from config.settings import Settings
from config.units import WAD
from keeper.book.book import Book
from keeper.book.leg_state import LegRow, LegState
from keeper.margin.parameters import RiskPolicy, policy_hash
from keeper.watch.evidence import Evidence, catalogue
from keeper.watch.status import ChainState, ChainStatus
from keeper.watch.watcher import Watcher
from oracles.price import Price, PriceSet, PriceStatus

NOW_S = 1_800_000_000
NOW_MS = NOW_S * 1000
ACCOUNT = "0x" + "ac" * 32
OTHER = "0x" + "bd" * 32
OWNER = to_checksum_address("0x" + "0e" * 20)
CHAINS = {"alpha": 31_101, "beta": 31_102}


def address(byte: int) -> str:
    return cast("str", to_checksum_address(bytes([byte]) * 20))


KEEPER = address(0x77)
HUBS = {"alpha": address(0xA1), "beta": address(0xB1)}
DESKS = {"alpha": address(0xA9), "beta": address(0xB9)}
TOKENS = {"alpha": (address(0xA2), address(0xA3)), "beta": (address(0xB2), address(0xB3))}


def settings(**changes: Any) -> Settings:
    """Return a keeper's settings on two chains with a stable, ether, and a market in ether."""
    return Settings.model_validate(body() | changes)


def body() -> dict[str, Any]:
    """Return the settings as a file would have them."""
    return {
        "state_log": "/nowhere/keeper.db",
        "assets": {
            "USDC": {"collateral_weight_bps": 9_700, "initial_collateral_weight_bps": 9_500},
            "ETH": {"collateral_weight_bps": 8_000, "initial_collateral_weight_bps": 7_500},
        },
        "markets": {
            "ETH-PERP": {
                "asset": "ETH",
                "tiers": [{"up_to_value": "1000000", "maintenance_bps": 500, "initial_bps": 1_000}],
            }
        },
        "chains": {
            name: {
                "chain_id": chain_id,
                "genesis_hash": "0x" + "9e" * 32,
                "endpoints": [{"url": "http://127.0.0.1:1"}],
                "hub": HUBS[name],
                "tokens": [
                    {"address": TOKENS[name][0], "asset": "USDC", "decimals": 6},
                    {"address": TOKENS[name][1], "asset": "ETH", "decimals": 18},
                ],
                "markets": [{"market": "ETH-PERP", "hub_id": 0}],
                "signer": "keeper",
                # accounts are made in the newest block here
                "unfinal_blocks": 0,
            }
            for name, chain_id in CHAINS.items()
        },
        "sources": [
            {
                "kind": "http",
                "name": "one",
                "pair": "ETH/USD",
                "group": "one",
                "url": "http://127.0.0.1:1",
                "path": "/p",
                "price_path": "p",
            }
        ],
        "signers": {"keeper": {"address": KEEPER, "key_file": "/nowhere/key"}},
        "attestation": {
            "threshold": 2,
            "attestors": [
                {"name": name, "url": "http://127.0.0.1:1", "address": address(at + 1)}
                for at, name in enumerate(("anna", "boris", "carla"))
            ],
        },
        "attestor": {"signer": "keeper", "state_log": "/nowhere/attestor.db"},
    }


LIMITS = HubLimits(5_000, 95 * WAD // 100, 30, 200, 3_600, 2_000, 50 * WAD, 10 * WAD, 120)


def hub_facts(name: str, policy: str, **changes: Any) -> HubFacts:
    tokens = tuple(
        TokenFacts(number, token, address(0xFE), decimals, False, 0, 0, penalty, 0)
        for number, (token, decimals, penalty) in enumerate(
            zip(TOKENS[name], (6, 18), (100, 500), strict=True)
        )
    )
    facts = HubFacts(
        tokens=tokens,
        markets=(MarketFacts(0, address(0xFD), 1_000, 500, 100, 10**30),),
        limits=LIMITS,
        epoch=1,
        threshold=2,
        policy_hash=policy,
        paused=False,
        pool_cash=10**13,
    )
    return replace(facts, **changes)


def price(asset: str, mid: int, half_width_bps: int = 10) -> Price:
    width = mid * half_width_bps // 10_000
    return Price(asset, PriceStatus.OK, "", mid - width, mid, mid + width, 0, ())


def price_set(eth: int = 2_000, half_width_bps: int = 10) -> PriceSet:
    its = {"ETH": price("ETH", eth * WAD, half_width_bps), "USDC": price("USDC", WAD, 0)}
    return PriceSet("0x" + f"{eth:064x}", NOW_MS, its)


def block_hash(chain: str, number: int, fork: int = 0) -> str:
    return f"0x{CHAINS[chain]:016x}{fork:016x}{number:032x}"


def head(chain: str, number: int, *, fork: int = 0, parent_fork: int = 0, timestamp: int = NOW_S) -> Head:
    return Head(
        chain,
        number,
        block_hash(chain, number, fork),
        block_hash(chain, number - 1, parent_fork),
        timestamp,
        10**9,
    )


@dataclass
class Pool:
    """What a chain's endpoints are said to be."""

    mismatched: str = ""
    disputed: str = ""
    not_agreed: str = ""
    reports: tuple[EndpointReport, ...] = ()

    def report(self) -> tuple[EndpointReport, ...]:
        return self.reports


@dataclass
class Node:
    """A node of one chain: hands out blocks by hash, and legs as the hub had them at each."""

    chain: str
    world: World
    heads: dict[str, Head] = field(default_factory=dict)
    legs_at: dict[str, dict[str, LegState]] = field(default_factory=dict)
    latest: str = ""
    failing: bool = False
    pool: Pool = field(default_factory=Pool)
    on_legs: Callable[[], None] = lambda: None

    @property
    def decisive(self) -> Node:
        return self

    async def block(self, at: str) -> Head:
        if self.failing or at not in self.heads:
            raise NotYetThere(f"{self.chain} does not have {at}")
        return self.heads[at]

    async def head(self) -> Head:
        return await self.block(self.latest)

    async def rows(self, accounts: Sequence[str], at: str) -> list[LegRow]:
        if at not in self.legs_at:
            raise NotYetThere(f"{at} is not canonical")
        self.on_legs()
        states = {account: self.legs_at[at].get(account, LegState()) for account in accounts}
        return [
            LegRow.from_words(account, self._words(state), tuple(state.options.values()))
            for account, state in states.items()
        ]

    async def series(self, items: Sequence[int], at: str) -> dict[int, OptionHeld]:
        if items and at not in self.legs_at:
            raise NotYetThere(f"{at} is not canonical")
        return {item: self.world.series[item] for item in items if item in self.world.series}

    def _words(self, state: LegState) -> tuple[int, ...]:
        balances = [state.collateral.get(token, 0) for token in TOKENS[self.chain]]
        positions = [word % 2**256 for word in state.positions.get(0, (0, 0))]
        return (
            state.version,
            int(state.cross_margin),
            state.debt,
            state.last_sequence,
            0,
            0,
            *balances,
            *[0] * (6 - len(balances)),
            *positions,
            *[0] * 6,
        )


def with_options() -> dict[str, Any]:
    """Return the changes to the settings that give both chains a desk, with options on ether."""
    return {
        "assets": {**body()["assets"], "ETHVOL": {}},
        "option_markets": {"ETH-OPTIONS": {"asset": "ETH", "volatility": "ETHVOL"}},
        "chains": {name: chain | {"option_desk": DESKS[name]} for name, chain in body()["chains"].items()},
    }


def listed(its: Settings, name: str) -> dict[str, Any]:
    """Return what a hub tells of its option desk, if the settings name one."""
    desk = its.chains[name].option_desk
    markets = tuple(
        OptionMarketFacts(market, address(0xFC), 3, 20, 1_250, 2 * WAD, 10**30)
        for market in its.option_markets
    )
    return {} if desk is None else {"option_desk": desk, "option_markets": markets}


class World:
    """Evidence over both chains. `mine` adds a block that node and book see; `mine_unseen` one only the node has."""

    def __init__(self, **changes: Any) -> None:
        self.settings = settings(**changes)
        self.policy = RiskPolicy.from_settings(self.settings)
        self.policy_hash = policy_hash(self.policy)
        facts = {name: hub_facts(name, self.policy_hash, **listed(self.settings, name)) for name in CHAINS}
        known = catalogue(self.settings, facts)
        statuses = {name: ChainStatus(name, ChainState.LIVE, "") for name in CHAINS}
        self.evidence = Evidence(known, Book(known), facts, statuses, price_set())
        self.evidence.reconciled |= set(CHAINS)
        self.series: dict[int, OptionHeld] = {}
        self.nodes = {name: Node(name, self) for name in CHAINS}
        self._truth: dict[str, dict[str, LegState]] = {name: {} for name in CHAINS}
        for name in CHAINS:
            self.mine(name)

    def mine(self, chain: str, *events: HubEvent, timestamp: int = NOW_S) -> Head:
        """Mine a block that the node and the book have."""
        found = self.mine_unseen(chain, *events, timestamp=timestamp)
        self.see(found, *events)
        return found

    def mine_unseen(self, chain: str, *events: HubEvent, timestamp: int = NOW_S) -> Head:
        """Mine a block that only the node has yet."""
        node = self.nodes[chain]
        number = node.heads[node.latest].number + 1 if node.latest else 1
        found = head(chain, number, timestamp=timestamp)
        truth = dict(self._truth[chain])
        for event in events:
            if isinstance(event, SettlementFixed):
                continue  # it is nobody's leg
            truth[event.account] = truth.get(event.account, LegState()).after(event, timestamp)
        self._truth[chain] = truth
        node.heads[found.hash], node.legs_at[found.hash], node.latest = found, truth, found.hash
        return found

    def see(self, found: Head, *events: HubEvent) -> None:
        """Let the book have a block."""
        update = ChainUpdate(found.chain, (), (Block(found, tuple(events)),), NOW_MS)
        self.evidence.touched |= self.evidence.book.apply(update)
        status = self.evidence.statuses[found.chain]
        self.evidence.statuses[found.chain] = status.seen(found, NOW_MS, 0)

    def watcher(self) -> Watcher:
        """Return what stands in for a watcher where only its evidence and nodes are asked."""
        return cast("Watcher", StandIn(self.settings, self.evidence, self.nodes))


@dataclass
class StandInChain:
    """Has only a reader."""

    reader: Node


class StandIn:
    """The parts of a watcher that an attestor reads."""

    def __init__(self, its: Settings, evidence: Evidence, nodes: dict[str, Node]) -> None:
        self.settings = its
        self.evidence = evidence
        self.clients = nodes
        self.chains = {name: StandInChain(node) for name, node in nodes.items()}


def opened(
    chain: str, *, eth: str = "0", debt: int = 0, size: int = 0, account: str = ACCOUNT, cross: bool = True
) -> list[HubEvent]:
    """Return the events of an account with ether (whole units), debt (whole stable) and a position (whole, signed)."""
    raw_eth = int(float(eth) * 1_000) * 10**15
    events: list[HubEvent] = [AccountOpened(account, OWNER, 0)]
    if raw_eth:
        events.append(CollateralSet(account, TOKENS[chain][1], raw_eth, 1))
    if debt:
        events.append(DebtSet(account, debt * 10**6, 1))
    if size:
        events.append(PositionSet(account, 0, size * WAD, 2_000 * WAD, 1))
    if cross:
        events.append(CrossMarginSet(account, True, 1))
    return events


def log_path(directory: Path) -> Path:
    return directory / "state.db"
