"""A world that goes on for as long as one likes: the simulation's, with chains that forget what is long final."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import TypeAlias

from chains.hub.events import DebtSet, HubEvent, PositionSet
from config.units import WAD
from keeper.state.options import Retention
from tests.simulation.chain import Block, Deposit, SimChain
from tests.simulation.hub import HubAccount, HubState
from tests.simulation.story import (
    bad_weather,
    dear_gas,
    forgetful_pool,
    lazy_miners,
    lying_source,
    reorganisation,
    short_quorum,
    silence,
)
from tests.simulation.world import World

KEPT_BLOCKS = 60
KEPT_PRICES_S = 120
RETENTION = Retention(max_age_ms=3_600_000, max_heads=3_000, max_price_sets=2_000)
TIDY_EVERY_S = 60
TROUBLE_EVERY_S = (20.0, 90.0)
MOVE_EVERY_S = (4.0, 15.0)
MOVES = (0.95, 0.97, 1.0, 1.03, 1.05)
CRASH = 0.8
CRASH_CHANCE = 0.005
HOMESICKNESS = 0.05
HOME_WAD = 2_000 * WAD
DEBT, SIZE = "debt", "size"

Trouble: TypeAlias = Callable[[World], Awaitable[None]]
TROUBLES: tuple[Trouble, ...] = (
    bad_weather,
    reorganisation,
    reorganisation,
    dear_gas,
    lazy_miners,
    forgetful_pool,
    short_quorum,
    lying_source,
    silence,
)
"""All that may happen within one life of the keeper: no kill, no full disk, and nobody else uses its key."""


class LongHub(HubState):
    """A hub whose owners also borrow and trade: a deposit of "debt" or "size" is that."""

    def deposited(self, account: str, asset: str, amount: int) -> tuple[HubState, HubEvent]:
        if asset not in {DEBT, SIZE}:
            return super().deposited(account, asset, amount)
        before = self.accounts[account]
        version = before.version + 1
        log: HubEvent
        if asset == DEBT:
            after = replace(before, debt=max(before.debt + amount, 0), version=version)
            log = DebtSet(account, after.debt, version)
        else:
            after = replace(
                before, size_wad=before.size_wad + amount, entry_wad=self.price_wad, version=version
            )
            log = PositionSet(
                account, 0, after.size_wad, after.entry_wad if after.size_wad else 0, after.version
            )
        return replace(self, accounts={**self.accounts, account: after}), log

    def without(self, claims: set[str]) -> HubState:
        """Return it without claims that were paid long ago."""
        return replace(
            self,
            claims={claim: value for claim, value in self.claims.items() if claim not in claims},
            paid=self.paid - claims,
            accounts_of_claims={
                claim: account for claim, account in self.accounts_of_claims.items() if claim not in claims
            },
        )


class LongChain(SimChain):
    """Holds its newest blocks only, as a node prunes states."""

    @classmethod
    def of(cls, chain: SimChain) -> LongChain:
        """Return the same chain as one that forgets."""
        new = cls(**{each.name: getattr(chain, each.name) for each in fields(chain)})
        new.rewrite(
            lambda hub: LongHub(**{each.name: getattr(hub, each.name) for each in fields(hub)}), new.blocks
        )
        return new

    def canonical(self) -> list[Block]:
        found = [self.head]
        while found[-1].head.parent_hash in self.blocks:
            found.append(self.blocks[found[-1].head.parent_hash])
        return found[::-1]

    def at(self, block: int | str) -> Block | None:
        if isinstance(block, int) and block < self.canonical()[0].head.number:
            return None
        return super().at(block)

    def rewrite(self, change: Callable[[HubState], HubState], blocks: dict[str, Block]) -> None:
        """Keep only these blocks, each with its hub changed."""
        self.blocks = {hash_: replace(block, hub=change(block.hub)) for hash_, block in blocks.items()}

    def prune(self, settled: set[str]) -> None:
        """Forget what is far below the head, and claims that are settled."""
        least = self.head.head.number - KEPT_BLOCKS
        kept = {hash_: block for hash_, block in self.blocks.items() if block.head.number > least}
        self.rewrite(lambda hub: hub.without(settled) if isinstance(hub, LongHub) else hub, kept)
        self.seen = {one.tx_hash: one for one in self.pool.values()}


class LongWorld(World):
    """Some time after an account was liquidated its owner brings it back to what it was, so that it never ends."""

    def __init__(self, seed: int, directory: Path) -> None:
        super().__init__(seed, directory)
        self.trace = deque(maxlen=200)  # type: ignore[assignment]
        self.long_chains = {name: LongChain.of(chain) for name, chain in self.chains.items()}
        self.chains = dict(self.long_chains)
        self.wanted: dict[str, dict[str, HubAccount]] = {
            name: dict(chain.head.hub.accounts) for name, chain in self.chains.items()
        }
        self.luck = Random(seed + 1)
        self._paid: set[str] = set()

    def blocks(self) -> int:
        """Return how many blocks there are by now, over all chains."""
        return sum(chain.head.head.number for chain in self.chains.values())

    def tidy(self) -> None:
        """Have the simulation itself hold only what it still needs. What was paid a turn ago is settled."""
        settled = self._paid
        self._paid = {claim for hub in self.hubs() for claim in hub.paid}
        for chain in self.long_chains.values():
            chain.prune(settled)
        self.past = [one for one in self.past if one[0] >= self.now_s() - KEPT_PRICES_S] or self.past[-1:]
        if self.process is not None:
            for port in self.process.ports.values():
                port.sent.clear()

    def forget_old(self) -> None:
        """Let the log do what its writer's thread does every minute."""
        assert self.process is not None
        while self.process.log.inline.disk.forget_old(RETENTION, self.now_ms()):
            pass

    async def move_prices(self) -> None:
        """Let ether wander, now and then fall a lot, and come home."""
        while True:
            await asyncio.sleep(self.luck.uniform(*MOVE_EVERY_S))
            factor = CRASH if self.luck.random() < CRASH_CHANCE else self.luck.choice(MOVES)
            pull = 1 + (HOME_WAD / self.price_wad - 1) * HOMESICKNESS
            self.price_wad = int(self.price_wad * factor * pull) // WAD * WAD
            self.past.append((self.now_s(), self.price_wad))

    async def owners(self) -> None:
        """Let owners bring their accounts back, each in its turn."""
        while True:
            for account in self.accounts:
                await asyncio.sleep(self.luck.uniform(10, 30))
                self._bring_back(account)

    async def troubles(self) -> None:
        """Let one thing after the other go wrong, for ever."""
        while True:
            await asyncio.sleep(self.luck.uniform(*TROUBLE_EVERY_S))
            await self.luck.choice(TROUBLES)(self)

    async def housekeeping(self) -> None:
        """Tidy up, and let retention run."""
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            self.tidy()
            self.forget_old()

    def _bring_back(self, account: str) -> None:
        for name, wanted in self.wanted.items():
            was, its = wanted.get(account), self.chains[name].head.hub.accounts.get(account)
            if was is None or its is None:
                continue
            changes = {
                asset: was.held.get(asset, 0) - its.held.get(asset, 0)
                for asset in sorted({*was.held, *its.held})
            }
            changes |= {DEBT: was.debt - its.debt, SIZE: was.size_wad - its.size_wad}
            self.deposits[name] += [
                Deposit(account, asset, change) for asset, change in changes.items() if change
            ]
