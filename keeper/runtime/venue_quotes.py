"""X of many borrowers at once: each swap quoted alone in one batch, then made dearer by those that go before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chains.client import ChainClient
from chains.venues.executor.codec import NO_POOL, execute_call
from chains.venues.executor.codec import Asked as Executing
from chains.venues.quotes import SLOT0, Ask, Refused, ask_as, read_sqrt_price
from chains.venues.venue import Venue
from chains.venues.words import read_words
from config.venue_settings import ExecutorSettings, SwapPoolSettings
from keeper.venues.crowding import at_spot, later
from keeper.venues.inputs import Quote
from keeper.venues.ways import Way


@dataclass(frozen=True, slots=True)
class Asked:
    """One borrower's ways by pools, and what each would leave alone. `answers` are in the order of `ways`."""

    ways: tuple[Way, ...]
    answers: tuple[int | str, ...]


class Quotes:
    """Quotes of one look. `of` gives a borrower's as things stand; `took` notes a swap that goes first."""

    def __init__(
        self,
        pools: Mapping[str, SwapPoolSettings],
        spots: Mapping[str, int],
        under_way: Sequence[Executing] = (),
    ) -> None:
        """`under_way` are swaps that were sent and are not mined: they go first."""
        self._pools = pools
        self._spots = spots
        self._before: dict[tuple[str, str], int] = {}
        for each in under_way:
            self.took(each.pool, each.debt_asset, each.repay)

    @classmethod
    async def ask(
        cls,
        client: ChainClient,
        executor: ExecutorSettings,
        venue: Venue[object],
        owner: str,
        wanted: Sequence[tuple[Way, ...]],
        deadline_s: int,
        block_hash: str,
        under_way: Sequence[Executing],
    ) -> tuple[Quotes, list[Asked]]:
        """Ask for every way by a pool and for every pool's price, in one batch."""
        flash = [tuple(way for way in each if way.pool != NO_POOL) for each in wanted]
        pools = {pool.address: pool for pool in executor.pools}
        used = sorted({way.pool for each in flash for way in each})
        asks = [Ask(owner, pool, SLOT0) for pool in used]
        for each in flash:
            for way in each:
                data = execute_call(way.execution(venue.call(way.liquidation), 0, deadline_s))
                asks.append(Ask(owner, executor.address, data))
        answers = await ask_as(client, asks, block_hash)
        spots = {
            pool: read_sqrt_price(answer)
            for pool, answer in zip(used, answers, strict=False)
            if not isinstance(answer, Refused)
        }
        rest = iter(answers[len(used) :])
        asked = [Asked(each, tuple(_kept(next(rest)) for _ in each)) for each in flash]
        return cls(pools, spots, under_way), asked

    def of(self, asked: Asked) -> tuple[Quote, ...]:
        """Return a borrower's quotes after the swaps that go before it."""
        return tuple(self._quote(way, answer) for way, answer in zip(asked.ways, asked.answers, strict=True))

    def took(self, way_pool: str, debt_asset: str, room: int) -> None:
        """Note that a swap is on its way."""
        place = (way_pool, debt_asset)
        self._before[place] = self._before.get(place, 0) + room

    def _quote(self, way: Way, answer: int | str) -> Quote:
        if isinstance(answer, str):
            return Quote(way.pool, 0, answer)
        found, pool = way.liquidation, self._pools[way.pool]
        before = self._before.get((way.pool, found.debt_asset), 0)
        if before == 0 or way.pool not in self._spots:
            return Quote(way.pool, answer)
        lower = min(pool.base_token, pool.quote_token, key=lambda each: int(each, 16))
        spot = at_spot(way.room, self._spots[way.pool], pool.fee_pips, wants_first=found.debt_asset == lower)
        return Quote(way.pool, later(answer, found.seize - answer, spot, way.room, before))


def _kept(answer: bytes | Refused) -> int | str:
    if isinstance(answer, Refused):
        return answer.text
    try:
        return read_words(answer, 1)[0]
    except ValueError:
        return "the executor's answer can not be read"
