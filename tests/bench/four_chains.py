"""Accounts on one to four chains, as the back-fills of four chains would tell of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from chains.blocks import Block, ChainUpdate, Head
from chains.hub.events import (
    AccountOpened,
    CollateralSet,
    CrossMarginSet,
    DebtSet,
    HubEvent,
    PositionSet,
)
from chains.hub.reader import HubFacts, MarketFacts, TokenFacts
from config.settings import Settings
from config.units import WAD
from keeper.book.book import Book
from keeper.margin.parameters import RiskPolicy, policy_hash
from keeper.watch.evidence import Evidence, catalogue
from keeper.watch.status import ChainState, ChainStatus
from oracles.price import PriceSet
from tests.keeper.watch.world import LIMITS, NOW_MS, NOW_S, address, body, price

CHAINS = {"alpha": 31_101, "beta": 31_102, "gamma": 31_103, "delta": 31_104}
NAMES = tuple(CHAINS)
USD = {"USDC": 1, "ETH": 2_000, "WBTC": 60_000, "LINK": 15}
DECIMALS = {"USDC": 6, "ETH": 18, "WBTC": 8, "LINK": 18}
TOKENS = {
    name: {asset: address(16 * at + number) for number, asset in enumerate(USD, 1)}
    for at, name in enumerate(NAMES, 1)
}
HUBS = {name: address(16 * at + 15) for at, name in enumerate(NAMES, 1)}
FRAGILE = 100
"""The first accounts hold only what nobody else does: its fall makes just them liquidatable."""
CALLED_OF_100 = 1
"""One account in so many owes nearly what it may, and stays in a margin call."""
ACCOUNTS_A_BLOCK = 50
BLOCKS_AN_UPDATE = 20
WEIGHT = {"ETH": 0.8, "WBTC": 0.8, "LINK": 0.7}


def settings() -> Settings:
    """Return the settings of a keeper on four chains: four assets and a market, each on every chain."""
    its = body()
    shape = its["chains"]["alpha"]
    its["assets"] |= {
        "WBTC": {"collateral_weight_bps": 8_000, "initial_collateral_weight_bps": 7_500},
        "LINK": {"collateral_weight_bps": 7_000, "initial_collateral_weight_bps": 6_500},
    }
    its["chains"] = {
        name: shape
        | {
            "chain_id": chain_id,
            "hub": HUBS[name],
            "tokens": [
                {"address": token, "asset": asset, "decimals": DECIMALS[asset]}
                for asset, token in TOKENS[name].items()
            ],
            "unfinal_blocks": 2,
        }
        for name, chain_id in CHAINS.items()
    }
    return Settings.model_validate(its)


def facts(policy: str, name: str) -> HubFacts:
    """Return what the hub of a chain lists."""
    feed = address(0xFE)
    return HubFacts(
        tokens=tuple(
            TokenFacts(number, token, feed, DECIMALS[asset], False, 0, 0, 500 if number else 100, 0)
            for number, (asset, token) in enumerate(TOKENS[name].items())
        ),
        markets=(MarketFacts(0, feed, 1_000, 500, 100, 10**30),),
        limits=LIMITS,
        epoch=1,
        threshold=2,
        policy_hash=policy,
        paused=False,
        pool_cash=10**15,
    )


def price_set(number: int, usd: Mapping[str, float] | None = None) -> PriceSet:
    """Return prices, all but the stable's with a width of three basis points to each side."""
    its = {**USD, **(usd or {})}
    prices = {
        asset: price(asset, int(value * 10**6) * 10**12, 3 if asset != "USDC" else 0)
        for asset, value in its.items()
    }
    return PriceSet(f"0x{number:064x}", NOW_MS, prices)


def account_id(number: int) -> str:
    return f"0x{number + 1:064x}"


def chains_of(number: int) -> tuple[str, ...]:
    """Return where an account is: one chain or up to all four, each as often as any other."""
    first = number // len(NAMES)
    return tuple(NAMES[(first + at) % len(NAMES)] for at in range(1 + number % len(NAMES)))


def events_of(number: int, chain: str) -> list[HubEvent]:
    """Return what the hub of one of its chains logged of an account.

    There is collateral on every chain but the last, where the debt is, and on the only one if it is only one. One
    account in four has a position on the last as well.
    """
    source, its = Random(number), chains_of(number)
    name, owner = account_id(number), f"0x{number + 1:040x}"
    events: list[HubEvent] = [AccountOpened(name, owner, 0)]
    weighted = 0.0
    for at, place in enumerate(its):
        asset = "LINK" if number < FRAGILE else source.choice(("ETH", "WBTC"))
        value = source.uniform(5_000, 20_000)
        if place != its[-1] or at == 0:
            weighted += value * WEIGHT[asset]
            if place == chain:
                raw = int(value / USD[asset] * 10**6) * 10 ** (DECIMALS[asset] - 6)
                events.append(CollateralSet(name, TOKENS[chain][asset], raw, 2))
    if chain == its[-1]:
        called = number >= FRAGILE and source.randrange(100) < CALLED_OF_100
        share = 0.94 if called else 0.75 if number < FRAGILE else source.uniform(0.3, 0.75)
        events.append(DebtSet(name, int(weighted * share) * 10**6, 3))
        if number >= FRAGILE and number % 16 < len(NAMES):
            size_wad = int(weighted * 0.1 / USD["ETH"] * 10**6) * 10**12
            events.append(PositionSet(name, 0, size_wad, 2_000 * WAD, 4))
    events.append(CrossMarginSet(name, True, 5))
    return events


@dataclass
class FourChains:
    """Evidence over four chains, and what makes their next blocks."""

    settings: Settings
    policy: RiskPolicy
    policy_hash: str
    evidence: Evidence
    now_ms: int = NOW_MS

    @classmethod
    def empty(cls) -> FourChains:
        """Return chains of which nothing was read yet."""
        its = settings()
        policy = RiskPolicy.from_settings(its)
        listed = {name: facts(policy_hash(policy), name) for name in NAMES}
        known = catalogue(its, listed)
        statuses = {name: ChainStatus(name, ChainState.LIVE, "") for name in NAMES}
        evidence = Evidence(known, Book(known), listed, statuses, price_set(0))
        evidence.stable_held |= dict.fromkeys(NAMES, 10**15)
        return cls(its, policy, policy_hash(policy), evidence)

    def back_fill(self, accounts: int) -> Iterator[ChainUpdate]:
        """Yield the past of every chain as its follower hands it on, each range made when it is asked for."""
        for name in NAMES:
            here = [number for number in range(accounts) if name in chains_of(number)]
            step = ACCOUNTS_A_BLOCK * BLOCKS_AN_UPDATE
            for start in range(0, len(here), step):
                blocks = [
                    here[at : at + ACCOUNTS_A_BLOCK]
                    for at in range(start, min(start + step, len(here)), ACCOUNTS_A_BLOCK)
                ]
                first = 1 + start // ACCOUNTS_A_BLOCK
                yield ChainUpdate(
                    name,
                    (),
                    tuple(
                        Block(
                            _head(name, number), tuple(log for each in block for log in events_of(each, name))
                        )
                        for number, block in enumerate(blocks, first)
                    ),
                    self.now_ms,
                    backfill=True,
                )

    def take(self, update: ChainUpdate) -> None:
        """Let the book have an update."""
        self.evidence.touched |= self.evidence.book.apply(update)

    def mined(self, chain: str, *events: HubEvent) -> ChainUpdate:
        """Return the chain's next block, and note its head."""
        tip = self.evidence.book.cursor(chain)
        found = _head(chain, 1 if tip is None else tip.number + 1, self.now_ms // 1_000)
        status = self.evidence.statuses[chain]
        self.evidence.statuses[chain] = status.seen(found, self.now_ms, 0)
        return ChainUpdate(chain, (), (Block(found, events),), self.now_ms)


def _head(chain: str, number: int, timestamp: int = NOW_S) -> Head:
    return Head(chain, number, _hash(chain, number), _hash(chain, number - 1), timestamp, 10**9)


def _hash(chain: str, number: int) -> str:
    return f"0x{CHAINS[chain]:032x}{number:032x}"
