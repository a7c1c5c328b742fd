"""What is seen: observations, bounded by retention, group-committed, dropped oldest first.

They are not in the journal: a decision carries the evidence it used in its own inputs.
`latest_key` is set where only the newest of a key matters (an account's health); a newer
one then replaces a pending older one.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from chains.blocks import Head
from chains.endpoint_report import EndpointReport
from keeper.domain.account import Account
from keeper.domain.health import AccountState, Interval, UnifiedHealth
from keeper.state.entries import Body, Entry, plain
from oracles.circuit import SourceHealth
from oracles.meter import Meter
from oracles.price import Price, PriceSet, QuoteFailure, QuoteUse


class Observation(Entry):
    """Base of what may be dropped when the log can not keep up."""

    __slots__ = ()

    def latest_key(self) -> Hashable | None:
        """Return the key of which only the newest observation matters, or None to keep each."""
        return None


@dataclass(frozen=True, slots=True)
class HeadSeen(Observation):
    """A head became canonical, or (`canonical` false) no longer is."""

    kind: ClassVar[str] = "head_seen"
    head: Head
    canonical: bool

    def body(self) -> Body:
        """Return the head's fields beside `canonical`."""
        head = self.head
        return {
            "chain": head.chain,
            "number": head.number,
            "hash": head.hash,
            "parent_hash": head.parent_hash,
            "timestamp_s": head.timestamp,
            "base_fee_wei": str(head.base_fee_wei),
            "canonical": self.canonical,
        }


@dataclass(frozen=True, slots=True)
class ChainStatusSeen(Observation):
    """How a chain is doing, since when. `state` is one of `keeper.watch.chain_states.ChainState`."""

    kind: ClassVar[str] = "chain_status_seen"
    chain: str
    state: str
    detail: str
    head_number: int
    head_hash: str
    head_timestamp_s: int
    received_at_ms: int
    since_ms: int | None = None

    def latest_key(self) -> Hashable | None:
        """Only the newest status of a chain matters."""
        return (self.kind, self.chain)


@dataclass(frozen=True, slots=True)
class LogPassSeen(Observation):
    """The logs of final blocks were read a second time: `logs` of them, up to `last_block`."""

    kind: ClassVar[str] = "log_pass_seen"
    chain: str
    first_block: int
    last_block: int
    logs: int

    def latest_key(self) -> Hashable | None:
        """Only the newest pass over a chain matters."""
        return (self.kind, self.chain)


@dataclass(frozen=True, slots=True)
class EndpointSeen(Observation):
    """How one of a chain's endpoints stands and what it can. `name` shows nothing of its URL that is secret."""

    kind: ClassVar[str] = "endpoint_seen"
    chain: str
    report: EndpointReport

    def latest_key(self) -> Hashable | None:
        """Only the newest word about an endpoint matters."""
        return (self.kind, self.chain, self.report.number)

    def body(self) -> Body:
        """Return the report as columns, what the endpoint can as one object."""
        report = self.report
        return {
            "chain": self.chain,
            "number": report.number,
            "name": report.name,
            "standing": str(report.standing),
            "reason": report.reason,
            "height": report.height,
            "failures": report.failures,
            "abilities": {} if report.abilities is None else plain(report.abilities),
        }


@dataclass(frozen=True, slots=True)
class PriceSetSeen(Observation):
    """A price set with every price and every quote, used or not."""

    kind: ClassVar[str] = "price_set_seen"
    price_set: PriceSet

    def body(self) -> Body:
        """Return the set flattened into rows of prices and quotes."""
        prices = self.price_set.prices
        return {
            "price_set": self.price_set.id,
            "as_of_ms": self.price_set.as_of_ms,
            "prices": [_price_row(price) for price in prices.values()],
            "quotes": [
                {"asset": price.asset, "number": number, **_quote_row(use)}
                for price in prices.values()
                for number, use in enumerate(price.uses)
            ],
        }


@dataclass(frozen=True, slots=True)
class SourceSeen(Observation):
    """How a source is doing, and what it has done since the process began. `counted` is a copy: the meter goes on."""

    kind: ClassVar[str] = "source_seen"
    source: str
    counted: Body

    @classmethod
    def of(cls, health: SourceHealth, meter: Meter) -> SourceSeen:
        """Return what is to be told of a source now."""
        report = {
            "failures": {str(kind): str(count) for kind, count in sorted(meter.failures.items())},
            "took": plain(meter.took),
            "lag": plain(meter.lag),
            "last_quote": plain(meter.last_quote),
            "last_failure": plain(meter.last_failure),
        }
        counted = {
            "circuit": str(health.circuit),
            "failures_in_a_row": health.consecutive_failures,
            "quotes": meter.quotes,
            "changes": meter.changes,
            "failed": sum(meter.failures.values()),
        }
        return cls(health.source, counted | {"report": report})

    def latest_key(self) -> Hashable | None:
        """Only the newest word about a source matters."""
        return (self.kind, self.source)

    def body(self) -> Body:
        """Return the counts as columns and the rest as a report."""
        return {"source": self.source, **self.counted}


@dataclass(frozen=True, slots=True)
class HealthSeen(Observation):
    """An account's newest figures. Who owns it is in `LegsSeen`."""

    kind: ClassVar[str] = "health_seen"
    state: AccountState
    health: UnifiedHealth

    def latest_key(self) -> Hashable | None:
        """Only the newest health of an account matters."""
        return (self.kind, self.health.account_id)

    def body(self) -> Body:
        """Return the figures as columns."""
        health = self.health
        return {
            "account_id": health.account_id,
            "state": str(self.state),
            **_interval("surplus", health.surplus),
            **_interval("initial_surplus", health.initial_surplus),
            **_interval("health", health.health),
            **_interval("equity", health.equity),
            "assets_mid_wad": str(health.assets_mid),
            "requirement_mid_wad": str(health.requirement_mid),
            "maintenance_mid_wad": str(health.maintenance_mid),
            "cut": plain(health.cut),
            "price_set": health.price_set,
            "unknown_because": plain(health.unknown_because),
        }


@dataclass(frozen=True, slots=True)
class LegsSeen(Observation):
    """An account as it stands on all chains. Replaces what was known of it."""

    kind: ClassVar[str] = "legs_seen"
    account: Account

    def latest_key(self) -> Hashable | None:
        """Only the newest legs of an account matter."""
        return (self.kind, self.account.account_id)

    def body(self) -> Body:
        """Return the account and its legs as rows."""
        account = self.account
        return {
            "account_id": account.account_id,
            "owner": account.owner,
            "subaccount": str(account.subaccount),
            "legs": [plain(leg) for leg in account.legs],
        }


@dataclass(frozen=True, slots=True)
class AlertRepeated(Observation):
    """An open alert was raised again; only its count and time change."""

    kind: ClassVar[str] = "alert_repeated"
    dedupe_key: str


def _interval(name: str, interval: Interval | None) -> dict[str, str | None]:
    if interval is None:
        return {f"{name}_{end}_wad": None for end in ("low", "mid", "high")}
    return {
        f"{name}_low_wad": str(interval.low),
        f"{name}_mid_wad": str(interval.mid),
        f"{name}_high_wad": str(interval.high),
    }


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _price_row(price: Price) -> Body:
    return {
        "asset": price.asset,
        "status": str(price.status),
        "reason": price.reason,
        "low_wad": _text(price.low_wad),
        "mid_wad": _text(price.mid_wad),
        "high_wad": _text(price.high_wad),
        "oldest_ms": price.oldest_ms,
        "via_asset": None if price.via is None else price.via.asset,
        "used": sum(use.used for use in price.uses),
        "seen": len(price.uses),
        "holds": plain(price.holds),
        "paths": plain(price.paths),
    }


def _quote_row(use: QuoteUse) -> Body:
    quote = use.quote
    row: Body = {
        "source": quote.source,
        "source_group": quote.group,
        "pair": quote.pair,
        "used": use.used,
        "reason": use.reason,
    }
    if isinstance(quote, QuoteFailure):
        return row | {
            "value_wad": None,
            "failure": str(quote.kind),
            "detail": quote.detail,
            "source_time_ms": None,
            "received_at_ms": quote.at_ms,
            "changed_at_ms": None,
            "weight": 1,
            "confidence_wad": None,
        }
    return row | {
        "weight": quote.weight,
        "confidence_wad": str(quote.confidence_wad),
        "value_wad": str(quote.value_wad),
        "failure": None,
        "detail": "",
        "source_time_ms": quote.source_time_ms,
        "received_at_ms": quote.received_at_ms,
        "changed_at_ms": quote.changed_at_ms,
    }
