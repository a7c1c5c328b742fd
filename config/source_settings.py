"""Settings of price sources, one class for each kind."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from config.fields import (
    Address,
    Bps,
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
    UpliftBps,
    Url,
    Wad,
    WsUrl,
)
from config.section import Section
from config.units import WAD


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
    answers to pings included, the connection is given up and made anew; `timeout_s` is for making it. So it is when
    more than `max_messages_per_s` for each of its markets are said, pings included; one of over a KiB counts for several.
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
    max_messages_per_s: Positive = 1_000


class HermesSourceSettings(Section):
    """A Pyth feed as Hermes serves it over HTTP. Feeds of one `url` are asked for together.

    Pyth's width times `confidence_multiple` is how sure the price is (2.12 for 95 %).
    """

    kind: Literal["hermes"]
    name: Name
    pair: Pair
    group: Name
    url: Url
    feed_id: Hash32
    confidence_multiple: Wad = 212 * WAD // 100
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
    """A feed with Chainlink's interface, read on `chain` with each new head.

    `heartbeat_s` is how long the feed may say nothing while its price stands still: with it, `max_age_s` need
    not be given and is `heartbeat_margin_s` more, because a round lands later than it is due. An answer within
    `bound_margin_bps` of the least or largest one that the feed can give is refused: the truth may be beyond.
    """

    kind: Literal["chainlink"]
    name: Name
    pair: Pair
    group: Name
    chain: Name
    address: Address
    decimals: Decimals = 8
    weight: Positive = 1
    heartbeat_s: Seconds | None = None
    heartbeat_margin_s: Seconds = 300.0
    max_age_s: Seconds = 3_900.0
    bound_margin_bps: Bps = 1_000

    @model_validator(mode="before")
    @classmethod
    def _age_from_heartbeat(cls, given: object) -> object:
        if not isinstance(given, dict) or "max_age_s" in given:
            return given
        times = (given.get("heartbeat_s"), given.get("heartbeat_margin_s", 300.0))
        if all(isinstance(each, int | float) and not isinstance(each, bool) for each in times):
            return {**given, "max_age_s": float(sum(times))}
        return given


class Erc4626SourceSettings(Section):
    """The exchange rate of a vault's share, read on `chain` with each new head.

    A rate above `max_rate` is refused: a donation can raise what a share seems worth. So is, with
    `max_growth_bps` (per year), one that grew faster or fell by more than `max_drop_bps` from the last that was
    taken, at the start from `snapshot_rate` at `snapshot_time_s` (UTC seconds), which are given together or not at all.
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
    max_growth_bps: UpliftBps | None = None
    max_drop_bps: Bps = 100
    snapshot_rate: Wad | None = None
    snapshot_time_s: Positive | None = None
    weight: Positive = 1
    max_age_s: Seconds = 60.0


class UniswapV3SourceSettings(Section):
    """The mean price of a Uniswap v3 pool over the last `window_s`, read on `chain` with each new head.

    `address` is the pool's; `base_token` and `quote_token` are its two tokens in the order of the pair. Nothing
    is said unless the pool remembers the whole window and `min_cardinality` observations, and could, on the
    harmonic mean over the window, take in `min_depth` of the quote before its price were one percent higher.
    """

    kind: Literal["uniswap_v3"]
    name: Name
    pair: Pair
    group: Name
    chain: Name
    address: Address
    base_token: Address
    quote_token: Address
    base_decimals: Decimals = 18
    quote_decimals: Decimals = 18
    window_s: Positive = 1_800
    min_cardinality: Positive = 60
    min_depth: Wad
    weight: Positive = 1
    max_age_s: Seconds = 60.0


class PythSourceSettings(Section):
    """A feed of Pyth's contract at `address`, read on `chain` with each new head; someone must keep it updated.

    Pyth's width times `confidence_multiple` is how sure the price is (2.12 for 95 %). Beyond
    `max_confidence_bps` of the price it is none.
    """

    kind: Literal["pyth"]
    name: Name
    pair: Pair
    group: Name
    chain: Name
    address: Address
    feed_id: Hash32
    confidence_multiple: Wad = 212 * WAD // 100
    max_confidence_bps: Bps = 500
    weight: Positive = 1
    max_age_s: Seconds = 60.0


OffChainSourceSettings: TypeAlias = (
    HttpSourceSettings | WsSourceSettings | HermesSourceSettings | RedstoneSourceSettings | CcxtSourceSettings
)
"""Sources that need no node: they are asked over the internet, or push."""

OnChainSourceSettings: TypeAlias = (
    ChainlinkSourceSettings | Erc4626SourceSettings | UniswapV3SourceSettings | PythSourceSettings
)
"""Sources that are read on a chain with each new head."""

SourceSettings = Annotated[
    OffChainSourceSettings | OnChainSourceSettings,
    Field(discriminator="kind"),
]
