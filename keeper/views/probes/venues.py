"""Are the venues of each chain what was configured: protocols, tokens, and an executor that obeys our signer?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chains.client import ChainClient
from chains.errors import ChainError, MalformedAnswer, Reverted, StopChain
from chains.hub.codec import selector
from chains.venues.aave_v3 import codec as aave
from chains.venues.morpho_blue.venue import read_markets
from chains.venues.quotes import OWNER
from chains.venues.reading import Question
from chains.venues.words import address_word, read_address_word
from config.settings import ChainSettings, Settings
from config.venue_settings import ExecutorSettings, VenueKind, VenueSettings
from keeper.views.probes.report import Report, ok, problem, warning

_DECIMALS = selector("decimals()")
_BASE_UNIT = selector("BASE_CURRENCY_UNIT()")
_FEE, _TOKEN0, _TOKEN1 = (selector(f"{name}()") for name in ("fee", "token0", "token1"))
_ALLOWANCE = selector("allowance(address,address)")


@dataclass(frozen=True, slots=True)
class _Place:
    """A chain as of one block."""

    client: ChainClient
    block_hash: str

    async def words(self, questions: Sequence[Question]) -> list[int | None]:
        """Return the first word of each answer, None for a contract that is not there or has no such function."""
        answers = await self.client.call_many(questions, self.block_hash)
        return [
            int.from_bytes(answer[:32]) if not isinstance(answer, Reverted) and len(answer) >= 32 else None
            for answer in answers
        ]


async def probe_venues(name: str, settings: Settings) -> list[Report]:
    """Read the venues of chain `name` at its newest block and compare them with the configuration."""
    chain = settings.chains[name]
    if not chain.venues and chain.executor is None:
        return []
    subject = f"chains.{name}.venues"
    client = ChainClient.from_settings(name, chain)
    try:
        await client.connect()
        place = _Place(client, (await client.head()).hash)
        reports = await _tokens(f"chains.{name}.venue_tokens", chain, place)
        for venue_name, venue in chain.venues.items():
            reports += await _venue(f"{subject}.{venue_name}", venue, place)
        if chain.executor is not None:
            owners = {settings.signers[each].address for each in chain.senders}
            reports += await _executor(f"chains.{name}.executor", chain.executor, owners, place)
    except StopChain as error:
        return [problem(subject, str(error), "mend chain_id, genesis_hash or the URLs")]
    except ChainError as error:
        return [warning(subject, str(error), "does the node answer?")]
    finally:
        await client.aclose()
    return reports or [ok(subject, "as configured")]


async def _tokens(subject: str, chain: ChainSettings, place: _Place) -> list[Report]:
    found = await place.words([(token.address, _DECIMALS) for token in chain.venue_tokens])
    reports = []
    for number, (token, decimals) in enumerate(zip(chain.venue_tokens, found, strict=True)):
        here = f"{subject}.{number}"
        if decimals is None:
            reports.append(problem(here, f"{token.address} is no token", "mend the address"))
        elif decimals != token.decimals:
            text = f"{token.address} has {decimals} decimals, not {token.decimals}"
            reports.append(problem(here, text, f"set decimals = {decimals}"))
    return reports


async def _venue(subject: str, venue: VenueSettings, place: _Place) -> list[Report]:
    if venue.kind is VenueKind.AAVE_V3:
        return await _aave(subject, venue, place)
    try:
        head = await place.client.block(place.block_hash)
        await read_markets(place.client, venue.address, venue.market_ids, head)
    except (MalformedAnswer, Reverted) as error:
        return [problem(subject, str(error), "is this Morpho's address, and are these ids of its markets?")]
    return []


async def _aave(subject: str, venue: VenueSettings, place: _Place) -> list[Report]:
    (provider,) = await place.words([(venue.address, aave.PROVIDER)])
    if not provider:
        text = f"{venue.address} is no pool of Aave v3"
        return [problem(subject, text, "mend the address: it is the Pool's")]
    (oracle,) = await place.words([(read_address_word(provider), aave.PRICE_ORACLE)])
    (unit,) = await place.words([(read_address_word(oracle or 0), _BASE_UNIT)])
    if unit == 10**venue.price_decimals:
        return []
    text = f"its oracle's unit of account is {unit}, price_decimals says {10**venue.price_decimals}"
    advice = "set price_decimals; a pool whose prices are not in dollars is not supported"
    return [problem(subject, text, advice)]


async def _executor(
    subject: str, executor: ExecutorSettings, owners: set[str], place: _Place
) -> list[Report]:
    (word,) = await place.words([(executor.address, OWNER)])
    if word is None:
        return [problem(subject, f"{executor.address} is no executor", "deploy one, and mend the address")]
    owner, reports = read_address_word(word), []
    if owners and owner not in owners:
        text = f"it obeys {owner}, the chain's signer is {', '.join(sorted(owners))}"
        reports.append(problem(subject, text, "deploy one for this signer"))
    reports += await _pools(subject, executor, place)
    allowance = _ALLOWANCE + address_word(owner) + address_word(executor.address)
    allowed = await place.words([(each.token, allowance) for each in executor.inventory])
    for number, (each, amount) in enumerate(zip(executor.inventory, allowed, strict=True)):
        if not amount:
            text = f"the executor may not take {each.token} from {owner}"
            advice = "approve it: until then that inventory is not used"
            reports.append(warning(f"{subject}.inventory.{number}", text, advice))
    return reports


async def _pools(subject: str, executor: ExecutorSettings, place: _Place) -> list[Report]:
    found = await place.words(
        [(pool.address, call) for pool in executor.pools for call in (_TOKEN0, _TOKEN1, _FEE)]
    )
    return [
        report
        for number, pool in enumerate(executor.pools)
        for report in _pool(
            f"{subject}.pools.{number}",
            {pool.base_token, pool.quote_token},
            pool.fee_pips,
            found[3 * number : 3 * number + 3],
        )
    ]


def _pool(subject: str, tokens: set[str], fee_pips: int, found: Sequence[int | None]) -> Iterator[Report]:
    first, second, fee = found
    if first is None or second is None or fee is None:
        yield problem(subject, "no pool of Uniswap v3 is there", "mend the address")
        return
    traded = {read_address_word(first), read_address_word(second)}
    if traded != tokens:
        text = f"it trades {' and '.join(sorted(traded))}"
        yield problem(subject, text, "mend base_token and quote_token, or the address")
    if fee != fee_pips:
        yield problem(subject, f"its fee is {fee}, not {fee_pips}", f"set fee_pips = {fee}")
