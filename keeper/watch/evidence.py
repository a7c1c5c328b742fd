"""The evidence as it stands: book, prices, and how every chain is doing. Read by whoever decides."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from chains.hub.reader import HubFacts
from chains.l1_fees import DataCharge
from config.settings import Settings
from config.source_settings import SourceSettings
from keeper.book.book import Book
from keeper.book.catalogue import KnownChain, known_chains
from keeper.domain.account import CutPoint
from keeper.domain.pause import Pauses
from keeper.watch.changes import ChangeChannel
from keeper.watch.status import ChainStatus
from oracles.estimates.estimates import Estimates
from oracles.policy import Outcome
from oracles.price import PriceSet
from oracles.sources.sequencer import SequencerStatus


@dataclass
class Evidence:
    """What is known now. Owned by the watcher; everyone else reads it between two awaits.

    `hub_prices` are each chain's own feeds' newest answers (USD wad by asset): the prices its hub will
    use. They are newer than the price set, which changes only when the median does. `sequencers` is what the
    uptime feeds of chains that have one said at the newest head. `touched` collects the accounts that changed until the engine takes them. `stable_held` is what the (first) configured signer holds of each hub's stable token, raw units, `stable_by_sender` what each does, by (chain, address), `data_charges` what a rollup charges for a call's data, and
    `native_held` its native wei. `pauses` are what a person said not to begin, `outcomes` what prices forbid, by (chain, asset), and `sales` what they forbid of steps that take the asset, which is to be sold. `estimates` are fed with every price set. `sources` are those in force. `stops` are the chains that only a person may resume, and `unagreed` those where too few endpoints agreed on what decides something, each with the reason. `doubts` are set by chain when an attestor sees other amounts than ours. Until every chain has been read and reconciled once (`ready`),
    no account is known completely, because it may have a leg on the chain that is missing.
    """

    known: Mapping[str, KnownChain]
    book: Book
    facts: dict[str, HubFacts]
    statuses: dict[str, ChainStatus]
    prices: PriceSet
    changes: ChangeChannel = field(default_factory=ChangeChannel)
    reconciled: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    hub_prices: dict[str, dict[str, int]] = field(default_factory=dict)
    sequencers: dict[str, SequencerStatus] = field(default_factory=dict)
    stable_held: dict[str, int] = field(default_factory=dict)
    stable_by_sender: dict[tuple[str, str], int] = field(default_factory=dict)
    data_charges: dict[str, DataCharge] = field(default_factory=dict)
    pauses: Pauses = field(default_factory=Pauses)
    outcomes: Mapping[tuple[str, str], Outcome] = field(default_factory=dict)
    sales: Mapping[tuple[str, str], Outcome] = field(default_factory=dict)
    estimates: Estimates = field(default_factory=lambda: Estimates({}))
    sources: tuple[SourceSettings, ...] = ()
    stops: dict[str, str] = field(default_factory=dict)
    unagreed: dict[str, str] = field(default_factory=dict)
    doubts: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    @property
    def ready(self) -> bool:
        """Whether every chain was read completely once."""
        return len(self.reconciled) == len(self.statuses)

    def live(self, chain: str) -> bool:
        """Whether the chain may be acted on."""
        return self.statuses[chain].may_send

    def stable_of(self, chain: str, sender: str) -> int:
        """Return what a signer holds of the hub's stable token, raw units: the first's where no other was read."""
        return self.stable_by_sender.get((chain, sender), self.stable_held.get(chain, 0))

    def cut(self, now_ms: int) -> tuple[CutPoint, ...]:
        """Return the block every chain's legs are as of, and its age.

        A chain that was never seen is not in it, nor one whose nodes' word does not count: its legs are missing.
        """
        points: list[CutPoint] = []
        for name, status in sorted(self.statuses.items()):
            if not status.counts:
                continue
            head = self.book.cursor(name)
            age_ms = status.age_ms(now_ms)
            if head is not None and age_ms is not None:
                points.append(CutPoint(name, head.number, head.hash, head.timestamp, age_ms))
        return tuple(points)


def catalogue(settings: Settings, facts: Mapping[str, HubFacts]) -> dict[str, KnownChain]:
    """Return what the hubs list, as the book reads it. Raises ``ValueError`` where settings and hub disagree."""
    for name, chain in settings.chains.items():
        if facts[name].option_desk != chain.option_desk:
            # Unread, its options would be missing from every account.
            raise ValueError(
                f"chains.{name}.option_desk: the hub has {facts[name].option_desk or 'none'}, "
                f"the configuration {chain.option_desk or 'none'}"
            )
        listed = [token.token for token in facts[name].tokens]
        configured = [token.address for token in chain.tokens]
        if listed[: len(configured)] != configured:
            raise ValueError(
                f"chains.{name}.tokens: the hub lists {', '.join(listed)} in this order, "
                f"the configuration {', '.join(configured)}"
            )
        for token, fact in zip(chain.tokens, facts[name].tokens, strict=False):
            if token.decimals != fact.decimals:
                raise ValueError(
                    f"chains.{name}.tokens: {token.address} has {fact.decimals} decimals, not {token.decimals}"
                )
    penalties = {
        (name, token.token): token.penalty_bps for name, fact in facts.items() for token in fact.tokens
    }
    return known_chains(settings, penalties)
