"""The operator's settings: frozen, typed, unknown keys refused, defaults resolved here once.

Units stand in the names (`_bps`, `_s`, `_wei`). Prices, thresholds and money are strings
in TOML and `wad` integers here. Secrets are never in the file: a signer names the file
that holds its key. `config.loader` reads a file into `Settings` and checks what no single
field can.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from eth_utils import is_checksum_address, is_hex_address, to_checksum_address
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from config.secrets import SecretUrl
from config.units import BPS, WAD, format_decimal, parse_wad


def _read_wad(value: object) -> int:
    if not isinstance(value, str):
        message = 'write the number as a string, such as "1.05"'
        raise ValueError(message)  # noqa: TRY004 - pydantic reports only ValueError with its key
    return parse_wad(value)


def _read_address(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("0x") or not is_hex_address(value):
        message = 'write the address as a quoted string of 0x and 40 hex digits'
        raise ValueError(message)
    if value != value.lower() and not is_checksum_address(value):
        message = f"wrong checksum; if the address is right it is written {to_checksum_address(value)}"
        raise ValueError(message)
    if int(value, 16) == 0:
        message = "the zero address can not be meant here"
        raise ValueError(message)
    return to_checksum_address(value)


def _read_url(value: object) -> SecretUrl:
    if not isinstance(value, str):
        message = "write the URL as a quoted string"
        raise ValueError(message)  # noqa: TRY004 - as above
    if any(ord(character) <= 0x20 or ord(character) == 0x7F for character in value):
        message = "a URL has no spaces or control characters"
        raise ValueError(message)
    return SecretUrl(value)


def _wad_text(value: int) -> str:
    return format_decimal(value, 18)


Wad = Annotated[int, BeforeValidator(_read_wad), PlainSerializer(_wad_text)]
Bps = Annotated[int, Field(ge=0, le=BPS, strict=True)]
Seconds = Annotated[float, Field(gt=0, le=86_400 * 366, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, strict=True)]
Positive = Annotated[int, Field(ge=1, strict=True)]
Port = Annotated[int, Field(ge=0, le=65_535, strict=True)]
Address = Annotated[str, BeforeValidator(_read_address)]
Hash32 = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
Url = Annotated[SecretUrl, BeforeValidator(_read_url), PlainSerializer(str)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
AssetName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,15}$")]


class Section(BaseModel):
    """Base of every section: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Mode(StrEnum):
    """What the daemon may do."""

    OBSERVE = "observe"
    REHEARSE = "rehearse"
    LIVE = "live"


class LiquidateWhen(StrEnum):
    """How sure the evidence must be: every reading of it, or the middle one."""

    CERTAIN = "certain"
    LIKELY = "likely"


class RiskSettings(Section):
    """Thresholds of the unified account. Healths are ratios written as strings."""

    liquidate_when: LiquidateWhen = LiquidateWhen.CERTAIN
    margin_call_health: Wad = WAD * 110 // 100
    margin_call_clear_health: Wad = WAD * 112 // 100
    target_health: Wad = WAD * 105 // 100
    gain_weight_bps: Bps = 8_000
    dust_value: Wad = 50 * WAD
    missing_leg_uplift_bps: Annotated[int, Field(ge=0, le=100_000, strict=True)] = 10_000
    price_band_bps: Bps = 150
    unknown_alert_s: Seconds = 60.0


class AssetSettings(Section):
    """One asset: how its price is formed and what part of its value counts.

    `priced_in` is the unit of its sources: ``USD``, or another asset whose price it is
    multiplied by (a share priced in what it is a share of).
    """

    priced_in: AssetName = "USD"
    min_sources: Positive = 3
    min_groups: Positive = 2
    floor_bps: Bps = 5
    widen_bps_per_minute: Bps = 2
    outlier_floor_bps: Bps = 100
    max_spread_bps: Bps = 500
    collateral_weight_bps: Bps = 0
    initial_collateral_weight_bps: Bps = 0
    liability_weight_bps: Annotated[int, Field(ge=BPS, le=50_000, strict=True)] = BPS
    initial_liability_weight_bps: Annotated[int, Field(ge=BPS, le=50_000, strict=True)] = BPS


class TierSettings(Section):
    """Margin fractions of the part of a position's notional up to `up_to_value` (USD)."""

    up_to_value: Wad
    maintenance_bps: Bps
    initial_bps: Bps


class MarketSettings(Section):
    """A perpetual on `asset`. Tiers are marginal, in rising order; the last holds for all beyond."""

    asset: AssetName
    tiers: Annotated[tuple[TierSettings, ...], Field(min_length=1)]


class EndpointSettings(Section):
    """One node of a chain. `ws_url` only hints that a head came; `url` is read."""

    url: Url
    ws_url: Url | None = None
    max_requests_per_s: Positive = 200
    timeout_s: Seconds = 5.0


class TokenSettings(Section):
    """A token of the hub on this chain and the asset it stands for."""

    address: Address
    asset: AssetName
    decimals: Annotated[int, Field(ge=0, le=36, strict=True)]


class HubMarketSettings(Section):
    """The hub's number for a market on this chain."""

    market: Name
    hub_id: Count


class ChainSettings(Section):
    """One chain: who it is, how to reach it, when it counts as stale, and its margin hub."""

    chain_id: Positive
    genesis_hash: Hash32
    endpoints: Annotated[tuple[EndpointSettings, ...], Field(min_length=1)]
    hub: Address
    hub_deployed_block: Count = 0
    tokens: Annotated[tuple[TokenSettings, ...], Field(min_length=1)]
    markets: tuple[HubMarketSettings, ...] = ()
    debt_asset: AssetName = "USDC"
    block_time_s: Seconds = 2.0
    poll_interval_s: Seconds = 1.0
    finality_depth: Count = 12
    stale_after_s: Seconds = 30.0
    unknown_after_s: Seconds = 60.0
    claim_confirmations: Count = 2
    signer: Name | None = None
    confirm_chain_id: Positive | None = None
    max_in_flight: Annotated[int, Field(ge=1, le=64, strict=True)] = 16
    max_fee_per_gas_wei: Positive = 500 * 10**9
    bump_after_blocks: Positive = 3
    max_bumps: Count = 6


class HttpSourceSettings(Section):
    """A price from any JSON endpoint. A preset fills `path`, the paths into the answer and the units.

    `url` is the venue's base address; `path` may contain ``{symbol}``. `price_path` and
    `time_path` walk the answer: ``result.list.0.lastPrice``.
    """

    kind: Literal["http"]
    name: Name
    pair: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,15}/[A-Za-z][A-Za-z0-9]{0,15}$")]
    group: Name
    url: Url
    symbol: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{1,40}$")] = ""
    preset: str | None = None
    path: str | None = None
    price_path: str | None = None
    time_path: str | None = None
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
    pair: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,15}/[A-Za-z][A-Za-z0-9]{0,15}$")]
    group: Name
    chain: Name
    address: Address
    decimals: Annotated[int, Field(ge=0, le=36, strict=True)] = 8
    weight: Positive = 1
    max_age_s: Seconds = 3_900.0


class Erc4626SourceSettings(Section):
    """The exchange rate of a vault's share, read on `chain` with each new head.

    A rate above `max_rate` is refused: a donation can raise what a share seems worth.
    """

    kind: Literal["erc4626"]
    name: Name
    pair: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,15}/[A-Za-z][A-Za-z0-9]{0,15}$")]
    group: Name
    chain: Name
    address: Address
    share_decimals: Annotated[int, Field(ge=0, le=36, strict=True)] = 18
    asset_decimals: Annotated[int, Field(ge=0, le=36, strict=True)] = 18
    max_rate: Wad
    weight: Positive = 1
    max_age_s: Seconds = 60.0


SourceSettings = Annotated[
    HttpSourceSettings | ChainlinkSourceSettings | Erc4626SourceSettings,
    Field(discriminator="kind"),
]


class SignerSettings(Section):
    """A key by reference. `address` must be what the key gives, or nothing starts.

    `key_file` holds 64 hex digits and is for local chains; `keystore` is a v3 file with
    its password in `password_file`. Both must be readable by their owner only.
    """

    address: Address
    key_file: Path | None = None
    keystore: Path | None = None
    password_file: Path | None = None


class AttestorPeerSettings(Section):
    """One attestor the keeper asks."""

    name: Name
    url: Url
    address: Address


class AttestationSettings(Section):
    """The quorum whose signatures the hubs demand."""

    threshold: Positive
    attestors: Annotated[tuple[AttestorPeerSettings, ...], Field(min_length=1)]
    timeout_s: Seconds = 5.0
    deadline_s: Seconds = 60.0


class AttestorSettings(Section):
    """This process as an attestor (`keeper attest`): its key and where it listens (loopback)."""

    signer: Name
    port: Port = 0
    state_log: Path
    size_tolerance_bps: Bps = 500
    price_band_bps: Bps = 100
    max_cut_age_s: Seconds = 30.0


class SpendingSettings(Section):
    """What may be spent, failures included, over all restarts. In the chain's native wei."""

    max_per_transaction_wei: Positive = 10**17
    max_per_hour_wei: Positive = 10**18
    max_per_day_wei: Positive = 5 * 10**18
    cancel_reserve_wei: Count = 10**16


class Settings(Section):
    """Everything one process is told."""

    name: Name = "keeper"
    mode: Mode = Mode.OBSERVE
    state_log: Path
    risk: RiskSettings = RiskSettings()
    assets: Annotated[dict[AssetName, AssetSettings], Field(min_length=1)]
    markets: dict[Name, MarketSettings] = Field(default_factory=dict)
    chains: Annotated[dict[Name, ChainSettings], Field(min_length=1)]
    sources: Annotated[tuple[SourceSettings, ...], Field(min_length=1)]
    signers: dict[Name, SignerSettings] = Field(default_factory=dict)
    attestation: AttestationSettings | None = None
    attestor: AttestorSettings | None = None
    spending: SpendingSettings = SpendingSettings()
