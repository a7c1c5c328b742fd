"""The operator's settings: frozen, typed, unknown keys refused, defaults resolved here once.

Units stand in the names (`_bps`, `_s`, `_wei`). Prices, thresholds and money are strings
in TOML and `wad` integers here. Secrets are never in the file: a signer names the file
that holds its key. `config.loader` reads a file into `Settings` and checks what no single
field can.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from config.asset_settings import AssetSettings
from config.fields import (
    Address,
    AssetName,
    Bps,
    Count,
    Decimals,
    FilePath,
    Hash32,
    InFlight,
    Kept,
    Name,
    Port,
    Positive,
    PositiveWei,
    Seconds,
    Url,
    Wei,
    WsUrl,
)
from config.option_settings import OptionsSettings
from config.risk_settings import MarketSettings, OptionMarketSettings, RiskSettings
from config.section import Section
from config.source_settings import SourceSettings
from config.venue_settings import ExecutorSettings, VenueSettings, VenueTokenSettings


class Mode(StrEnum):
    """What the daemon may do."""

    OBSERVE = "observe"
    REHEARSE = "rehearse"
    LIVE = "live"


class L1Fee(StrEnum):
    """How a rollup charges for a transaction's data, on top of the gas it uses."""

    NONE = "none"
    OP_STACK = "op_stack"
    ARBITRUM = "arbitrum"


class Finality(StrEnum):
    """By what a block counts as one that can not go any more."""

    DEPTH = "depth"
    TAG = "tag"


class EndpointSettings(Section):
    """One node of a chain. `ws_url` only hints that a head came; `url` is read."""

    url: Url
    ws_url: WsUrl | None = None
    max_requests_per_s: Positive = 200
    timeout_s: Seconds = 5.0


class TokenSettings(Section):
    """A token of the hub on this chain and the asset it stands for."""

    address: Address
    asset: AssetName
    decimals: Decimals


class HubMarketSettings(Section):
    """The hub's number for a market on this chain."""

    market: Name
    hub_id: Count


class ChainSettings(Section):
    """One chain: who it is, how to reach it, when it counts as stale, and its margin hub.

    `sequencer_feed` is Chainlink's uptime feed of a rollup's sequencer. Unless that says up, and for
    `sequencer_grace_s` after it came back, prices that are read on the chain do not count.

    What an account changed in the newest `unfinal_blocks` blocks (no more than `finality_depth`) counts for it where
    the best case decides and against it where the worst does. Each block that counts protects an account
    that a reorganisation would restore, and lets one that has just borrowed too much go on for as long: a few, as
    deep as the chain reorganises in practice, not as deep as it possibly could.

    With `finality` "tag" what the chain itself calls finalized may not go either, however shallow; nodes that do not
    know the tag are taken by `finality_depth` alone. What decides whether something is sent is read from
    `agreeing_endpoints` of the endpoints, and nothing is sent unless they give the same answer.

    `signer` is the key that sends here. `signers` are several in its place, each with nonces of its own: a step goes
    to the one with the least in flight, and `max_in_flight` holds for each.
    """

    chain_id: Positive
    genesis_hash: Hash32
    endpoints: Annotated[tuple[EndpointSettings, ...], Field(min_length=1)]
    hub: Address
    hub_deployed_block: Count = 0
    option_desk: Address | None = None
    tokens: Annotated[tuple[TokenSettings, ...], Field(min_length=1)]
    markets: tuple[HubMarketSettings, ...] = ()
    venue_tokens: tuple[VenueTokenSettings, ...] = ()
    venues: dict[Name, VenueSettings] = Field(default_factory=dict)
    executor: ExecutorSettings | None = None
    debt_asset: AssetName = "USDC"
    native_asset: AssetName = "ETH"
    block_time_s: Seconds = 2.0
    poll_interval_s: Seconds = 1.0
    finality: Finality = Finality.DEPTH
    finality_depth: Count = 12
    agreeing_endpoints: Positive = 1
    stale_after_s: Seconds = 30.0
    unknown_after_s: Seconds = 60.0
    claim_confirmations: Count = 2
    unfinal_blocks: Count = 2
    sequencer_feed: Address | None = None
    sequencer_grace_s: Seconds = 3_600.0
    signer: Name | None = None
    signers: tuple[Name, ...] = ()
    l1_fee: L1Fee = L1Fee.NONE
    confirm_chain_id: Positive | None = None
    max_in_flight: InFlight = 16
    max_fee_per_gas_wei: PositiveWei = 500 * 10**9
    bump_after_blocks: Positive = 3
    max_bumps: Count = 6

    @property
    def senders(self) -> tuple[str, ...]:
        """The names of the signers that send here, in the order in which they are preferred."""
        return self.signers or (() if self.signer is None else (self.signer,))


class SignerSettings(Section):
    """A key by reference. `address` must be what the key gives, or nothing starts.

    `key_file` holds 64 hex digits and is for local chains; `keystore` is a v3 file with
    its password in `password_file`. Both must be readable by their owner only. `credential`
    names a file of 64 hex digits that systemd hands to the service; `remote_url` is an
    external signer with web3signer's API, which keeps the key.
    """

    address: Address
    key_file: FilePath | None = None
    keystore: FilePath | None = None
    password_file: FilePath | None = None
    credential: Name | None = None
    remote_url: Url | None = None
    remote_timeout_s: Seconds = 2.0


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
    state_log: FilePath
    size_tolerance_bps: Bps = 500
    price_band_bps: Bps = 100
    max_cut_age_s: Seconds = 30.0


class SpendingSettings(Section):
    """What may be spent on each chain by all its signers, failures included, over all restarts. Its native wei.

    `max_per_target_per_day_wei` bounds what is spent on calls of one contract; None leaves it to the day's limit.
    `max_profit_share_bps` is how much of what a liquidation is expected to earn it may cost.
    """

    max_per_transaction_wei: PositiveWei = 10**17
    max_per_hour_wei: PositiveWei = 10**18
    max_per_day_wei: PositiveWei = 5 * 10**18
    max_per_target_per_day_wei: PositiveWei | None = None
    cancel_reserve_wei: Wei = 2 * 10**16
    max_profit_share_bps: Bps = 8_000


class RetentionSettings(Section):
    """How long the state log keeps what was only seen: whichever limit is reached first.

    Heads, prices and quotes are seen. What was decided, signed, sent or mined is kept for ever.
    """

    max_age_s: Seconds = 7 * 86_400.0
    max_heads: Kept = 500_000
    max_price_sets: Kept = 200_000


class MetricsSettings(Section):
    """Prometheus metrics on loopback: ``GET http://127.0.0.1:PORT/metrics``."""

    port: Annotated[int, Field(ge=1, le=65_535, strict=True)]


class Settings(Section):
    """Everything one process is told."""

    name: Name = "keeper"
    mode: Mode = Mode.OBSERVE
    state_log: FilePath
    risk: RiskSettings = RiskSettings()
    assets: Annotated[dict[AssetName, AssetSettings], Field(min_length=1)]
    markets: dict[Name, MarketSettings] = Field(default_factory=dict)
    option_markets: dict[Name, OptionMarketSettings] = Field(default_factory=dict)
    chains: Annotated[dict[Name, ChainSettings], Field(min_length=1)]
    sources: Annotated[tuple[SourceSettings, ...], Field(min_length=1)]
    signers: dict[Name, SignerSettings] = Field(default_factory=dict)
    attestation: AttestationSettings | None = None
    attestor: AttestorSettings | None = None
    spending: SpendingSettings = SpendingSettings()
    retention: RetentionSettings = RetentionSettings()
    options: OptionsSettings = OptionsSettings()
    metrics: MetricsSettings | None = None
