"""What happens in a seed: a crash of the price, and troubles of every kind, at any moment, several at once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from config.units import WAD
from keeper.state import fault_points
from keeper.state.fault_points import FaultPoint
from tests.simulation.aftermath import lost_to_others, missed_receipts
from tests.simulation.chain import GWEI, Deposit
from tests.simulation.loop import VirtualLoop
from tests.simulation.world import BLOCK_S, FAULTS_END_S, PATIENCE_S, START_S, World

Trouble: TypeAlias = Callable[[World], Awaitable[None]]


@dataclass
class Told:
    """What one seed came to."""

    seed: int
    seen: dict[str, int]
    violations: list[str]
    trace: list[str]
    path: Path
    settled_after_s: float


async def bad_weather(world: World) -> None:
    chance = world.random.uniform
    weather = world.weather[world.random.choice(sorted(world.weather))]
    weather.fails, weather.swallows, weather.slow_s = chance(0, 0.5), chance(0, 0.6), chance(0.05, 2)
    await asyncio.sleep(chance(5, 30))
    weather.fails, weather.swallows, weather.slow_s = 0.0, 0.0, 0.05


async def silence(world: World) -> None:
    name = world.random.choice(sorted(world.weather))
    world.weather[name].silent = True
    world.seen["a chain fell silent"] += 1
    await asyncio.sleep(world.random.uniform(3, 35))
    world.weather[name].silent = False


async def reorganisation(world: World) -> None:
    name = world.random.choice(sorted(world.chains))
    removed = world.chains[name].reorganise(
        world.random.randint(1, 4), START_S + int(world.now_s()), lose=world.random.random() < 0.5
    )
    world.seen["a reorganisation"] += 1
    world.note(f"{name}: {len(removed)} blocks undone")
    if any(transaction.data for block in removed for transaction, _ in block.mined):
        world.seen["a reorganisation of a mined liquidation"] += 1


async def dear_gas(world: World) -> None:
    chain = world.chains[world.random.choice(sorted(world.chains))]
    chain.base_fee_wei = world.random.randint(3, 40) * GWEI
    world.seen["gas grew dear"] += 1
    await asyncio.sleep(world.random.uniform(4, 30))
    chain.base_fee_wei = GWEI


async def lazy_miners(world: World) -> None:
    name = world.random.choice(sorted(world.chains))
    world.lazy.add(name)
    world.seen["blocks passed transactions over"] += 1
    await asyncio.sleep(world.random.uniform(4, 40))
    world.lazy.discard(name)


async def forgetful_pool(world: World) -> None:
    chain = world.chains[world.random.choice(sorted(world.chains))]
    world.seen["a pool forgot transactions"] += bool(chain.pool)
    chain.pool.clear()


async def kill(world: World) -> None:
    await world.kill()


async def kill_at_a_point(world: World) -> None:
    world.arm(world.random.choice(list(FaultPoint)), world.random.randint(1, 4))


async def full_disk(world: World) -> None:
    process = world.process
    if process is None or process.dead:
        return
    process.log.inline.disk.full = True
    world.seen["the disk was full"] += 1
    await asyncio.sleep(world.random.uniform(1, 12))
    process.log.inline.disk.full = False


async def short_quorum(world: World) -> None:
    world.quorum_is_short = True
    await asyncio.sleep(world.random.uniform(2, 20))
    world.quorum_is_short = False


async def lying_source(world: World) -> None:
    world.lying = {world.random.randrange(4)}
    world.seen["a source lied"] += 1
    await asyncio.sleep(world.random.uniform(2, 20))
    world.lying = set()


async def foreign_use_of_the_key(world: World) -> None:
    world.chains[world.random.choice(sorted(world.chains))].foreign()
    world.seen["the key was used elsewhere"] += 1


async def hidden_receipts(world: World) -> None:
    name = world.random.choice(sorted(world.weather))
    world.weather[name].hides_receipts = True
    await asyncio.sleep(world.random.uniform(2, 45))
    world.weather[name].hides_receipts = False


async def top_up(world: World) -> None:
    account = world.random.choice(world.accounts)
    name = world.random.choice(sorted(world.chains))
    if account in world.chains[name].head.hub.accounts:
        world.deposits[name].append(Deposit(account, "USDC", world.random.randint(1, 5_000) * 10**6))
        world.seen["an owner topped up"] += 1


TROUBLES: tuple[tuple[int, Trouble], ...] = (
    (4, bad_weather),
    (2, silence),
    (4, reorganisation),
    (2, dear_gas),
    (2, lazy_miners),
    (3, forgetful_pool),
    (3, kill),
    (4, kill_at_a_point),
    (1, full_disk),
    (2, short_quorum),
    (2, lying_source),
    (1, foreign_use_of_the_key),
    (2, hidden_receipts),
    (2, top_up),
)


FALLS = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9)
MOVES = (0.8, 0.9, 0.95, 1.1, 1.3)


async def _at(world: World, moment_s: float, trouble: Trouble) -> None:
    await asyncio.sleep(moment_s)
    world.note(trouble.__name__)
    await trouble(world)


async def _move_prices(world: World, crash_s: float) -> None:
    await asyncio.sleep(crash_s)
    for moves in (FALLS, MOVES, MOVES)[: world.random.randint(1, 3)]:
        moved = world.random.choice(moves)
        world.price_wad = int(world.price_wad * moved) // WAD * WAD
        world.past.append((world.now_s(), world.price_wad))
        world.note(f"price {world.price_wad // WAD}")
        await asyncio.sleep(world.random.uniform(3, 25))


async def _live(world: World) -> float:
    background = [asyncio.ensure_future(world._mine(name)) for name in sorted(world.chains)]
    background.append(asyncio.ensure_future(world._quote()))
    await world.boot()
    crash_s = world.random.uniform(14, 40)
    weights, kinds = zip(*TROUBLES, strict=True)
    chosen = world.random.choices(kinds, weights, k=world.random.randint(4, 16))
    troubles = [
        asyncio.ensure_future(_at(world, world.random.uniform(crash_s - 12, crash_s + 30), each))
        for each in chosen
    ]
    prices = asyncio.ensure_future(_move_prices(world, crash_s))
    await asyncio.sleep(FAULTS_END_S)
    fault_points.clear()
    await asyncio.gather(*troubles, prices)
    began_s = world.now_s()
    if world.process is None or world.process.dead:
        await asyncio.sleep(8)
    for _ in range(PATIENCE_S // BLOCK_S):
        if not world.in_need() and not world.open_intents():
            break
        await asyncio.sleep(BLOCK_S)
    settled_s = world.now_s() - began_s
    for account in world.in_need():
        world.violate(f"{account[-2:]} is left at a health of {world.healths()[account]:.3f}")
    if world.open_intents():
        world.violate(f"{world.open_intents()} intents are still open")
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    if world.process is not None:
        await world.process.end()
    _hold_against_chains(world)
    return settled_s


def _hold_against_chains(world: World) -> None:
    """What was given up as another's must not be on a chain, and no receipt be missed that there is."""
    lost = lost_to_others(world.path)
    for name, chain in world.chains.items():
        for block in chain.canonical():
            for transaction, _ in block.mined:
                if transaction.tx_hash in lost:
                    world.violate(f"{transaction.tx_hash[:10]} is on {name}, and counts as lost to another")
    for alert in missed_receipts(world.path):
        world.violate(f"{alert} is still open")


def play(seed: int, directory: Path) -> Told:
    """Live through one seed."""
    directory.mkdir(parents=True, exist_ok=True)
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        world = World(seed, directory)
        settled_s = loop.run_until_complete(_live(world))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return Told(seed, dict(world.seen), world.violations, world.trace, world.path, settled_s)


def main(seed: int) -> None:
    """Print one seed's story."""
    with TemporaryDirectory() as directory:
        told = play(seed, Path(directory))
    print(*told.trace, *told.violations, sep="\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
