"""Settings of price sources, one class for each kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.fields import (
    Address,
    Decimals,
    HttpPath,
    JsonPath,
    Name,
    Pair,
    Positive,
    Seconds,
    Symbol,
    Url,
    Wad,
)
from config.section import Section


class HttpSourceSettings(Section):
    """A price from any JSON endpoint. A preset fills `path`, the paths into the answer and the units.

    `url` is the venue's base address; `path` may contain ``{symbol}``. `price_path` and
    `time_path` walk the answer: ``result.list.0.lastPrice``.
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
    weight: Positive = 1
    max_age_s: Seconds = 30.0
    poll_interval_s: Seconds = 1.0
    timeout_s: Seconds = 3.0
    max_requests_per_s: Positive = 10


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


SourceSettings = Annotated[
    HttpSourceSettings | ChainlinkSourceSettings | Erc4626SourceSettings,
    Field(discriminator="kind"),
]
