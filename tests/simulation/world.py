"""A seeded world: two chains, prices, owners, a quorum, everything that can go wrong, and a keeper in it.

`play` lives through one seed and returns what was seen on the way. What must never happen is
collected in `violations`, with the moment it happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from random import Random

from chains.hub.attestation import Action
from chains.hub.events import AccountOpened, CollateralSet, CrossMarginSet, DebtSet, HubEvent, PositionSet
from chains.hub.signatures import assemble, sign
from chains.hub.signatures import digest as attestation_digest
from chains.keys import Key
from config.settings import Settings
from config.units import WAD
from keeper.attest.quorum import Quorum
from keeper.attest.wire import Batch, Proposal, Signed
from keeper.state import fault_points
from keeper.state.errors import LogUnavailable
from keeper.state.fault_points import FaultPoint
from oracles.price import FailureKind, Quote, QuoteFailure
from tests.keeper.watch.world import CHAINS, HUBS, OWNER, TOKENS, body
from tests.simulation.chain import GWEI, Block, Deposit, SimChain
from tests.simulation.hub import HubAccount, HubState
from tests.simulation.judge import health, worth
from tests.simulation.ports import Port, Weather
from tests.simulation.process import SECRET, Killed, Process, short

START_S = 1_800_000_000
BLOCK_S = 2
FAULTS_END_S = 90
PATIENCE_S = 240
SOURCES = 4
ATTESTORS = {name: Key(bytes([at + 1]) * 32) for at, name in enumerate(("anna", "boris"))}
FINALITY = 6
WORTH_IT = 1_000
"""USD below which a step may cost more than it earns, and is rightly left alone."""
NEAR = 0.02
"""How far from one a health must be before this outsider's own rounding and timing can not be what differs."""


def settings() -> Settings:
    """Return the keeper's configuration in every seed."""
    its = body()
    for chain in its["chains"].values():
        chain |= {
            "finality_depth": FINALITY,
            "stale_after_s": 8.0,
            "unknown_after_s": 20.0,
            "bump_after_blocks": 2,
            "max_bumps": 2,
            "claim_confirmations": 1,
            "genesis_hash": f"0x{chain['chain_id']:064x}",
        }
    its["signers"]["keeper"]["address"] = Key(SECRET).address
    its["mode"] = "live"
    its["attestation"] = {
        "threshold": len(ATTESTORS),
        "deadline_s": 20.0,
        "attestors": [
            {"name": name, "url": "http://127.0.0.1:1", "address": key.address}
            for name, key in ATTESTORS.items()
        ],
    }
    its["sources"] = [
        {
            "kind": "http",
            "name": f"{asset}-{at}",
            "pair": f"{asset}/USD",
            "group": f"venue-{at}",
            "url": "http://127.0.0.1:1",
            "path": "/p",
            "price_path": "p",
            "max_age_s": 10.0,
        }
        for asset in ("ETH", "USDC")
        for at in range(SOURCES)
    ]
    return Settings.model_validate(its)


class World:
    """One seed's world. Times are the loop's seconds."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.random = Random(seed)
        self.path = directory / f"seed-{seed}.db"
        self.settings = settings()
        self.price_wad = 2_000 * WAD
        self.past: list[tuple[float, int]] = [(0.0, self.price_wad)]
        self.lying: set[int] = set()
        self.quorum_is_short = False
        self.lazy: set[str] = set()
        self.seen: Counter[str] = Counter()
        self.violations: list[str] = []
        self.trace: list[str] = []
        self.deposits: dict[str, list[Deposit]] = {name: [] for name in CHAINS}
        sender = Key(SECRET).address
        self.chains = {
            name: SimChain(name, chain_id, sender, self.random) for name, chain_id in CHAINS.items()
        }
        self.weather = {name: Weather() for name in CHAINS}
        self.accounts: list[str] = []
        self.process: Process | None = None
        self._sent: dict[str, set[str]] = {name: set() for name in CHAINS}
        self._open()

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def now_ms(self) -> int:
        return START_S * 1000 + int(self.now_s() * 1000)

    def hubs(self) -> list[HubState]:
        return [chain.head.hub for chain in self.chains.values()]

    def note(self, what: str) -> None:
        self.trace.append(f"{self.now_s():8.3f} {what}")

    # What the world is made of ------------------------------------------------------------

    def _open(self) -> None:
        states = {name: HubState(name, CHAINS[name], self.price_wad) for name in CHAINS}
        logs: dict[str, list[HubEvent]] = {name: [] for name in CHAINS}
        for number in range(self.random.randint(3, 7)):
            account = f"0x{number + 1:064x}"
            self.accounts.append(account)
            here, there = self.random.sample(sorted(CHAINS), 2)
            backing = there if self.random.random() < 0.5 else here
            ether = self.random.randint(5, 60)
            buffer = self.random.uniform(1.04, 1.5)
            if self.random.random() < 0.3:
                size = self.random.choice((-1, 1)) * ether
                stable = round(ether * 2_000 * self.random.uniform(0.08, 0.3)) * 10**6
                its = {backing: HubAccount(held={"USDC": stable})}
                its[here] = HubAccount(
                    held=its[here].held if here in its else {},
                    size_wad=size * WAD,
                    entry_wad=2_000 * WAD,
                )
            else:
                debt = round(ether * 2_000 * 0.8 / buffer) * 10**6
                its = {backing: HubAccount(held={"ETH": ether * WAD})}
                its[here] = HubAccount(held=its[here].held if here in its else {}, debt=debt)
            for name, hub_account in its.items():
                states[name] = HubState(
                    name, CHAINS[name], self.price_wad, {**states[name].accounts, account: hub_account}
                )
                logs[name] += _logs(name, account, hub_account)
        for name, chain in self.chains.items():
            chain.begin(states[name], tuple(logs[name]), START_S)

    # What goes on by itself ---------------------------------------------------------------

    async def _mine(self, name: str) -> None:
        chain = self.chains[name]
        while True:
            await asyncio.sleep(BLOCK_S)
            now_s = START_S + int(self.now_s())
            deposits, self.deposits[name] = tuple(self.deposits[name]), []
            block = chain.mine(now_s, price_wad=self.price_wad, deposits=deposits, empty=name in self.lazy)
            self._look(block)

    async def _quote(self) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(0.5, 1.5))
            answers: list[Quote | QuoteFailure] = []
            for at in range(SOURCES):
                for asset, true in (("ETH", self.price_wad), ("USDC", WAD)):
                    answers.append(self._answer(asset, at, true))
            if self.process is not None:
                self.process.hear(answers)

    def _answer(self, asset: str, at: int, true_wad: int) -> Quote | QuoteFailure:
        now_ms = self.now_ms()
        name, group, pair = f"{asset}-{at}", f"venue-{at}", f"{asset}/USD"
        if self.random.random() < 0.05:
            return QuoteFailure(name, group, pair, FailureKind.UNREACHABLE, "simulated", now_ms)
        value = true_wad
        if asset == "ETH":
            value = true_wad * self.random.randint(9_998, 10_002) // 10_000
            if at in self.lying:
                value = true_wad * 13 // 20
        return Quote(name, group, pair, 1, value, 0, now_ms - 100, now_ms, now_ms)

    async def _settle(self, batch: Batch) -> AsyncGenerator[dict[int, Quorum]]:
        await asyncio.sleep(self.random.uniform(0.02, 0.6))
        if self.quorum_is_short:
            self.seen["a quorum was short"] += 1
            yield short(batch, "simulated outage")
            return
        found: dict[int, Quorum] = {}
        for at, proposal in enumerate(batch.proposals):
            att = proposal.attestation
            self._judge_proposal(att.account, att.action)
            found[at] = _signed(proposal)
        yield found

    def _judge_proposal(self, account: str, action: int) -> None:
        """No account may be proposed that was healthy at every price and in every state of the last seconds."""
        if action == Action.SEIZE:
            return
        recent = {wad for at_s, wad in self.past if at_s >= self.now_s() - 25} | {self.past[-1][1]}
        before = [wad for at_s, wad in self.past if at_s < self.now_s() - 25]
        recent |= set(before[-1:])
        states = [
            [
                block.hub
                for block in chain.blocks.values()
                if block.head.timestamp >= START_S + self.now_s() - 30
            ]
            or [chain.head.hub]
            for chain in self.chains.values()
        ]
        least = min(
            health(account, (one, other), wad) for wad in recent for one in states[0] for other in states[1]
        )
        if least >= 1 + NEAR:
            self.violate(f"{account[-2:]} was to be liquidated at a health of at least {float(least):.3f}")

    # What is watched ----------------------------------------------------------------------

    def violate(self, what: str) -> None:
        self.violations.append(f"at {self.now_s():.1f} s: {what}")

    def _look(self, block: Block) -> None:
        for transaction, receipt in block.mined:
            self.seen["a step was mined" if receipt.succeeded else "a step reverted"] += 1
            if not transaction.data:
                self.seen["a cancel was mined"] += 1
        for event in block.events:
            self.seen[type(event).__name__] += 1
        if block.mined:
            self.note(f"{block.head.chain} {block.head.number}: {len(block.mined)} mined")
        self._check_lanes()

    def _check_lanes(self) -> None:
        process = self.process
        if process is None or process.dead:
            return
        for name, driver in process.lanes.items():
            live = [one for one in driver.lane.live if one.is_open]
            keys = Counter((one.intent.account_id, one.intent.position_key) for one in live)
            if any(count > 1 for count in keys.values()):
                self.violate(f"{name} has two live intents of one position")
            self.seen["bumped"] += sum(one.bumps > 0 for one in live)
            self.seen["cancelling"] += sum(one.view.cancelling for one in live)

    def _check_sent(self) -> None:
        """What was handed over must be in the log by then."""
        process = self.process
        if process is None or process.dead:
            return
        for name, port in process.ports.items():
            self._sent[name] |= set(port.sent)

    # The keeper ---------------------------------------------------------------------------

    async def boot(self) -> None:
        ports = {
            name: Port(chain, self.weather[name], self.random, journaled=self._is_journaled)
            for name, chain in self.chains.items()
        }
        self.process = Process(self.settings, self.path, ports, self._settle, self.now_ms, self.random)
        with contextlib.suppress(LogUnavailable):
            await self.process.start()
        self.note("started")

    def _is_journaled(self, tx_hash: str) -> None:
        process = self.process
        assert process is not None
        row = process.log.inline.disk._connection.execute(
            "SELECT count(*) FROM attempts WHERE tx_hash = ?", (tx_hash,)
        ).fetchone()
        if row[0] != 1:
            self.violate(f"{tx_hash[:10]} was sent and is not in the log")

    async def kill(self) -> None:
        process = self.process
        if process is None or process.dead:
            return
        live = sum(one.is_open for driver in process.lanes.values() for one in driver.lane.live)
        self.seen["killed"] += 1
        self.seen["killed with live intents"] += bool(live)
        self.note(f"killed with {live} open")
        process.kill()
        await process.end()
        await asyncio.sleep(self.random.uniform(0.1, 6))
        await self.boot()

    def arm(self, point: FaultPoint, times: int) -> None:
        """Kill the process when it passes a point for the n-th time."""
        process, left = self.process, times

        def passed() -> None:
            nonlocal left
            left -= 1
            if left == 0 and process is not None and not process.dead:
                self.seen[f"killed at {point}"] += 1
                self.seen["killed at a crash point"] += 1
                self.note(f"killed at {point}")
                process.kill()
                self._fallen = asyncio.ensure_future(self._again(process))
                raise Killed(point)

        fault_points.register(point, passed)

    async def _again(self, process: Process) -> None:
        await process.end()
        await asyncio.sleep(self.random.uniform(0.1, 6))
        if self.process is process:
            await self.boot()

    def healths(self) -> dict[str, float]:
        return {each: float(health(each, self.hubs(), self.price_wad)) for each in self.accounts}

    def in_need(self) -> list[str]:
        """Return the accounts that have to be acted on and can be."""
        return [
            each
            for each in self.accounts
            if health(each, self.hubs(), self.price_wad) < 1 - NEAR
            and worth(each, self.hubs(), self.price_wad) > WORTH_IT
        ]

    def open_intents(self) -> int:
        process = self.process
        if process is None or process.dead:
            return 1
        return sum(one.is_open for driver in process.lanes.values() for one in driver.lane.live)


def _signed(proposal: Proposal) -> Quorum:
    """Return what two attestors who agree answer."""
    hub = HUBS[next(name for name, chain_id in CHAINS.items() if chain_id == proposal.chain_id)]
    to_sign = attestation_digest(proposal.attestation, proposal.chain_id, hub)
    signatures = {key.address: sign(key, to_sign) for key in ATTESTORS.values()}
    answers = {name: Signed("0x" + signatures[key.address].hex()) for name, key in ATTESTORS.items()}
    return Quorum("0x" + to_sign.hex(), assemble(signatures, len(ATTESTORS)), answers)


def _logs(chain: str, account: str, its: HubAccount) -> list[HubEvent]:
    logs: list[HubEvent] = [AccountOpened(account, OWNER, 0), CrossMarginSet(account, True, 1)]
    logs += [
        CollateralSet(account, TOKENS[chain][("USDC", "ETH").index(asset)], raw, 1)
        for asset, raw in its.held.items()
    ]
    if its.debt:
        logs.append(DebtSet(account, its.debt, 1))
    if its.size_wad:
        logs.append(PositionSet(account, 0, its.size_wad, its.entry_wad, 1))
    return logs


__all__ = ["FAULTS_END_S", "GWEI", "PATIENCE_S", "World", "settings"]
