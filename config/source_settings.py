"""Settings of price sources, one class for each kind."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from config.fields import (
    Address,
    Decimals,
    FilePath,
    Hash32,
    HttpPath,
    JsonPath,
    Name,
    Pair,
    Positive,
    Seconds,
    Symbol,
    Url,
    Wad,
    WsUrl,
)
from config.section import Section


class HttpSourceSettings(Section):
    """A price from any JSON endpoint. A preset fills `path`, the paths into the answer and the units.

    `url` is the venue's base address; `path` may contain ``{symbol}``. `price_path` and
    `time_path` walk the answer: ``result.list.0.lastPrice``. How sure the price is stands at
    `confidence_path`, or is how far it lies from bid and ask (`use_spread` off: it is not asked).
    `token_file` holds a bearer token, if the venue wants one.
    """

    kind: Literal["http"]
    name: Name
    pair: Pair
    group: Name
    url: Url
    symbol: Symbol = ""
    preset: str | None = None
    path: HttpPath | None = None
    price_path: JsonPath | None = None
    time_path: JsonPath | None = None
    time_unit: Literal["s", "ms", "us", "ns", "iso"] | None = None
    confidence_path: JsonPath | None = None
    bid_path: JsonPath | None = None
    ask_path: JsonPath | None = None
    use_spread: bool = True
    token_file: FilePath | None = None
    weight: Positive = 1
    max_age_s: Seconds = 30.0
    poll_interval_s: Seconds = 1.0
    timeout_s: Seconds = 3.0
    max_requests_per_s: Positive = 10


class WsSourceSettings(Section):
    """A market whose ticker a venue pushes over a WebSocket. Markets of one `url` and preset share a connection.

    `url` is the venue's base address. After `silence_s` without any message, heartbeats and
    answers to pings included, the connection is given up and made anew; `timeout_s` is for making it.
    """

    kind: Literal["ws"]
    name: Name
    pair: Pair
    group: Name
    url: WsUrl
    preset: Literal["binance", "bybit", "coinbase", "kraken", "okx"]
    symbol: Symbol
    use_spread: bool = True
    weight: Positive = 1
    max_age_s: Seconds = 30.0
    timeout_s: Seconds = 5.0
    silence_s: Seconds = 15.0


class HermesSourceSettings(Section):
    """A Pyth feed as Hermes serves it over HTTP, with Pyth's confidence. Feeds of one `url` are asked for together."""

    kind: Literal["hermes"]
    name: Name
    pair: Pair
    group: Name
    url: Url
    feed_id: Hash32
    token_file: FilePath | None = None
    weight: Positive = 1
    max_age_s: Seconds = 30.0
    poll_interval_s: Seconds = 1.0
    timeout_s: Seconds = 3.0
    max_requests_per_s: Positive = 3


class RedstoneSourceSettings(Section):
    """A feed of RedStone's signed packages, from any gateway: what counts is who signed.

    The price is the middle of what at least `threshold` different `signers` signed, each for a time at
    most `max_delay_s` ago and at most `max_ahead_s` from now. Feeds of one `url` and `service` are asked for together.
    """

    kind: Literal["redstone"]
    name: Name
    pair: Pair
    group: Name
    url: Url
    service: Symbol = "redstone-primary-prod"
    feed: Symbol
    signers: Annotated[tuple[Address, ...], Field(min_length=1)]
    threshold: Positive = 3
    max_delay_s: Seconds = 900.0
    max_ahead_s: Seconds = 600.0
    weight: Positive = 1
    max_age_s: Seconds = 60.0
    poll_interval_s: Seconds = 5.0
    timeout_s: Seconds = 5.0
    max_requests_per_s: Positive = 2


class CcxtSourceSettings(Section):
    """A market of any exchange that ccxt speaks to, asked through it. Needs the extra ``ccxt``.

    `exchange` is ccxt's name of it, `symbol` ccxt's of the market: ``ETH/USD``. `url` puts another
    address in the place of the exchange's own.
    """

    kind: Literal["ccxt"]
    name: Name
    pair: Pair
    group: Name
    exchange: str
    symbol: Symbol
    url: Url | None = None
    use_spread: bool = True
    weight: Positive = 1
    max_age_s: Seconds = 30.0
    poll_interval_s: Seconds = 2.0
    timeout_s: Seconds = 10.0
    max_requests_per_s: Positive = 5


class ChainlinkSourceSettings(Section):
    """A feed with Chainlink's interface, read on `chain` with each new head."""

    kind: Literal["chainlink"]
    name: Name
    pair: Pair
    group: Name
    chain: Name
    address: Address
    decimals: Decimals = 8
    weight: Positive = 1
    max_age_s: Seconds = 3_900.0


class Erc4626SourceSettings(Section):
    """The exchange rate of a vault's share, read on `chain` with each new head.

    A rate above `max_rate` is refused: a donation can raise what a share seems worth.
    """

    kind: Literal["erc4626"]
    name: Name
    pair: Pair
    group: Name
    chain: Name
    address: Address
    share_decimals: Decimals = 18
    asset_decimals: Decimals = 18
    max_rate: Wad
    weight: Positive = 1
    max_age_s: Seconds = 60.0


OffChainSourceSettings: TypeAlias = (
    HttpSourceSettings | WsSourceSettings | HermesSourceSettings | RedstoneSourceSettings | CcxtSourceSettings
)
"""Sources that need no node: they are asked over the internet, or push."""

OnChainSourceSettings: TypeAlias = ChainlinkSourceSettings | Erc4626SourceSettings
"""Sources that are read on a chain with each new head."""

SourceSettings = Annotated[
    OffChainSourceSettings | OnChainSourceSettings,
    Field(discriminator="kind"),
]
