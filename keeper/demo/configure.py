"""The demo's configuration files: what an operator of these three chains would write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chains.devnet.deploy import Deployment

GROUP_OF_FEEDS = "chainlink"
"""All three chains' feeds have one operator, so they are one opinion."""


@dataclass(frozen=True, slots=True)
class LocalChain:
    """One of the demo's chains: its pace and where it answers."""

    name: str
    chain_id: int
    block_time_s: float
    url: str
    ws_url: str
    deployment: Deployment


@dataclass(frozen=True, slots=True)
class LocalVenue:
    """One of the demo's exchanges: its address, and what it calls each asset it trades for USD."""

    name: str
    url: str
    symbols: Mapping[str, str]
    presets: Mapping[str, str] = field(default_factory=dict)
    """How an asset is asked for, where not by the preset of the venue's own name."""
    pushes: bool = False
    """Whether it tells prices by itself, over a WebSocket, and is not asked."""


@dataclass(frozen=True, slots=True)
class Attestor:
    """One attestor process: its name, key, address and port."""

    name: str
    key_file: Path
    address: str
    port: int


RISK = """\
[risk]
liquidate_when = "certain"
margin_call_health = "1.10"
margin_call_clear_health = "1.12"
target_health = "1.05"
gain_weight_bps = 8000
dust_value = "100"
missing_leg_uplift_bps = 10000
price_band_bps = 150

[assets.USDC]
min_sources = 3
min_groups = 3
collateral_weight_bps = 9700
initial_collateral_weight_bps = 9500

[assets.ETH]
min_sources = 3
min_groups = 3
collateral_weight_bps = 8000
initial_collateral_weight_bps = 7500

[assets.BTC]
min_sources = 3
min_groups = 3
collateral_weight_bps = 8000
initial_collateral_weight_bps = 7500

[assets.sETH]
priced_in = "ETH"
min_sources = 1
min_groups = 1
collateral_weight_bps = 7500
initial_collateral_weight_bps = 7000

[markets.ETH-PERP]
asset = "ETH"
tiers = [
    { up_to_value = "100000", maintenance_bps = 500, initial_bps = 1000 },
    { up_to_value = "1000000", maintenance_bps = 750, initial_bps = 1500 },
]

[markets.BTC-PERP]
asset = "BTC"
tiers = [{ up_to_value = "1000000", maintenance_bps = 500, initial_bps = 1000 }]
"""

OPTIONS_RISK = """\
[assets.ETHVOL]
min_sources = 3
min_groups = 3

[[risk.models]]
model = "portfolio"
first_subaccount = 9
last_subaccount = 9

[option_markets.ETH-OPTIONS]
asset = "ETH"
volatility = "ETHVOL"
"""
"""What chains with an option desk need on top."""

ASKED = "poll_interval_s = 0.5\nmax_requests_per_s = 20\n"
PUSHED = "silence_s = 5\n"


def keeper_toml(
    chains: Sequence[LocalChain],
    venues: Sequence[LocalVenue],
    attestors: Sequence[Attestor],
    *,
    key_file: Path,
    address: str,
    state_log: Path,
) -> str:
    """Return the keeper's file: live, with the quorum it asks."""
    return "\n".join(
        (
            'name = "demo-keeper"\nmode = "live"',
            f'state_log = "{state_log}"\n',
            *_risk(chains),
            *(_chain(chain, signer="keeper") for chain in chains),
            *_sources(chains, venues),
            _signer("keeper", address, key_file),
            "[attestation]\nthreshold = 2\ntimeout_s = 4\ndeadline_s = 45\n",
            *(
                f'[[attestation.attestors]]\nname = "{each.name}"\nurl = "http://127.0.0.1:{each.port}"\n'
                f'address = "{each.address}"\n'
                for each in attestors
            ),
        )
    )


def attestor_toml(
    attestor: Attestor,
    chains: Sequence[LocalChain],
    venues: Sequence[LocalVenue],
    *,
    state_log: Path,
    keeper_log: Path,
) -> str:
    """Return one attestor's file: its own key and log, its own connections to chains and venues."""
    return "\n".join(
        (
            f'name = "{attestor.name}"\nstate_log = "{keeper_log}"\n',
            *_risk(chains),
            *(_chain(chain, signer=None) for chain in chains),
            *_sources(chains, venues),
            _signer("attestor", attestor.address, attestor.key_file),
            "[attestor]",
            'signer = "attestor"',
            f"port = {attestor.port}",
            f'state_log = "{state_log}"',
            "size_tolerance_bps = 500",
            "price_band_bps = 100",
            "max_cut_age_s = 20\n",
        )
    )


def _risk(chains: Sequence[LocalChain]) -> list[str]:
    has_options = any(chain.deployment.option_desk is not None for chain in chains)
    return [RISK, OPTIONS_RISK] if has_options else [RISK]


def _chain(chain: LocalChain, *, signer: str | None) -> str:
    deployment = chain.deployment
    stale_after_s = 4 * max(chain.block_time_s, 1)
    # sETH is listed on gamma alone: each chain's vault would be an asset with a rate of its own.
    tokens = [token for token in deployment.tokens if not token.is_vault or chain.name == "gamma"]
    lines = [
        f"[chains.{chain.name}]",
        f"chain_id = {chain.chain_id}",
        f'genesis_hash = "{deployment.genesis_hash}"',
        f'hub = "{deployment.hub}"',
        *([f'option_desk = "{deployment.option_desk}"'] if deployment.option_desk else []),
        f"block_time_s = {chain.block_time_s}",
        "poll_interval_s = 0.25",
        "finality_depth = 2",
        f"stale_after_s = {stale_after_s}",
        f"unknown_after_s = {stale_after_s * 1.5}",
        "claim_confirmations = 1",
        "max_in_flight = 32",
        *([f'signer = "{signer}"', f"confirm_chain_id = {chain.chain_id}"] if signer else []),
        f"\n[[chains.{chain.name}.endpoints]]",
        f'url = "{chain.url}"',
        f'ws_url = "{chain.ws_url}"',
        "max_requests_per_s = 500",
        "timeout_s = 2.5",
    ]
    for token in tokens:
        lines += [
            f"\n[[chains.{chain.name}.tokens]]",
            f'address = "{token.address}"',
            f'asset = "{token.asset}"',
            f"decimals = {token.decimals}",
        ]
    for market, hub_id in deployment.markets.items():
        lines += [f"\n[[chains.{chain.name}.markets]]", f'market = "{market}"', f"hub_id = {hub_id}"]
    return "\n".join(lines) + "\n"


def _sources(chains: Sequence[LocalChain], venues: Sequence[LocalVenue]) -> list[str]:
    parts: list[str] = []
    for venue in venues:
        for asset, symbol in venue.symbols.items():
            kind, manner = ("ws", PUSHED) if venue.pushes else ("http", ASKED)
            parts.append(
                f'[[sources]]\nkind = "{kind}"\nname = "{venue.name}-{asset}"\npair = "{asset}/USD"\n'
                f'group = "{venue.name}"\npreset = "{venue.presets.get(asset, venue.name)}"\n'
                f'url = "{venue.url}"\nsymbol = "{symbol}"\nmax_age_s = 20\ntimeout_s = 2\n{manner}\n'
            )
    for chain in chains:
        for asset, feed in chain.deployment.feeds.items():
            parts.append(
                f'[[sources]]\nkind = "chainlink"\nname = "{chain.name}-feed-{asset}"\npair = "{asset}/USD"\n'
                f'group = "{GROUP_OF_FEEDS}"\nchain = "{chain.name}"\naddress = "{feed}"\nmax_age_s = 3600\n'
            )
        if chain.name == "gamma":
            vault = chain.deployment.token("sETH").address
            parts.append(
                f'[[sources]]\nkind = "erc4626"\nname = "gamma-rate-sETH"\npair = "sETH/ETH"\n'
                f'group = "vault"\nchain = "gamma"\naddress = "{vault}"\nmax_rate = "1.2"\nmax_age_s = 60\n'
            )
    return parts


def _signer(name: str, address: str, key_file: Path) -> str:
    return f'[signers.{name}]\naddress = "{address}"\nkey_file = "{key_file}"\n'
