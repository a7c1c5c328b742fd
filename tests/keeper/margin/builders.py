"""Accounts, prices and policies for tests, small and random."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from config.risk_settings import LiquidateWhen
from config.units import WAD
from keeper.domain.account import Account, Collateral, CutPoint, Debt, Leg, PendingClaim, Position
from keeper.margin.parameters import AssetRisk, LegAges, MarketRisk, RiskPolicy, Tier
from oracles.price import Price, PriceStatus

CHAINS = ("arbor", "basin", "cedar")
STALE_MS, UNKNOWN_MS = 30_000, 60_000
DECIMALS = {"USDC": 6, "ETH": 18, "WBTC": 8, "VAULT": 12}
OWNER = "0x" + "0e" * 20
KEEPER = "0x" + "77" * 20


def usd(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * WAD + int((fraction or "0").ljust(18, "0")) * (-1 if whole.startswith("-") else 1)


def asset_risk(weight_bps: int, initial_bps: int | None = None, liability_bps: int = 10_000) -> AssetRisk:
    return AssetRisk(
        weight_bps, weight_bps if initial_bps is None else initial_bps, liability_bps, liability_bps
    )


POLICY = RiskPolicy(
    liquidate_when=LiquidateWhen.CERTAIN,
    margin_call_health_wad=WAD * 110 // 100,
    margin_call_clear_health_wad=WAD * 112 // 100,
    target_health_wad=WAD * 105 // 100,
    gain_weight_bps=8_000,
    dust_value_wad=50 * WAD,
    missing_leg_uplift_bps=10_000,
    price_band_bps=150,
    assets={
        "USDC": asset_risk(9_700, 9_500),
        "ETH": asset_risk(8_250, 8_000, 11_000),
        "WBTC": asset_risk(7_500, 7_000, 11_000),
        "VAULT": asset_risk(9_000, 8_500),
    },
    markets={
        "ETH-PERP": MarketRisk(
            "ETH",
            (Tier(50_000 * WAD, 300, 500), Tier(500_000 * WAD, 500, 1_000), Tier(10**6 * WAD, 1_000, 2_000)),
        ),
        "BTC-PERP": MarketRisk("WBTC", (Tier(100_000 * WAD, 250, 500),)),
    },
    chains={chain: LegAges(STALE_MS, UNKNOWN_MS) for chain in CHAINS},
)


def token(asset: str, chain: str = CHAINS[0]) -> str:
    return f"{asset}@{chain}"


def collateral(asset: str, amount: int, chain: str = CHAINS[0]) -> Collateral:
    return Collateral(token(asset, chain), asset, DECIMALS[asset], amount)


def whole(asset: str, units: str) -> int:
    unit: int = 10 ** DECIMALS[asset]
    return usd(units) * unit // WAD


def debt(amount: str) -> Debt:
    return Debt("USDC", 6, whole("USDC", amount))


def position(size: str, entry: str, market: str = "ETH-PERP") -> Position:
    hub_id = list(POLICY.markets).index(market)
    return Position(market, hub_id, POLICY.markets[market].asset, usd(size), usd(entry))


def claim(value: str, *, asset: str = "ETH", chain: str = CHAINS[0], source: str = CHAINS[1]) -> PendingClaim:
    return PendingClaim("0x" + "c1" * 32, source, token(asset, chain), asset, usd(value), 500, KEEPER, 1)


def leg(
    chain: str = CHAINS[0],
    *,
    tokens: Mapping[str, str] | None = None,
    owes: str = "0",
    positions: Sequence[Position] = (),
    claims: Sequence[PendingClaim] = (),
    cross_margin: bool = True,
) -> Leg:
    return Leg(
        chain=chain,
        version=1,
        cross_margin=cross_margin,
        collateral=tuple(
            collateral(asset, whole(asset, held), chain) for asset, held in (tokens or {}).items()
        ),
        debt=debt(owes) if owes != "0" else None,
        positions=tuple(positions),
        claims=tuple(claims),
    )


def account(*legs: Leg, account_id: str = "0x" + "ac" * 32) -> Account:
    return Account(account_id, OWNER, 0, tuple(sorted(legs, key=lambda its: its.chain)))


def price(asset: str, mid_wad: int, half_width_bps: int = 0) -> Price:
    width = mid_wad * half_width_bps // 10_000
    return Price(asset, PriceStatus.OK, "", mid_wad - width, mid_wad, mid_wad + width, 0, ())


def prices(half_width_bps: int = 0, **mids: str) -> dict[str, Price]:
    known = {"USDC": "1", "ETH": "2000", "WBTC": "60000", "VAULT": "1.1"} | mids
    return {asset: price(asset, usd(mid), half_width_bps) for asset, mid in known.items()}


def unavailable(asset: str) -> Price:
    return Price(asset, PriceStatus.UNAVAILABLE, "no quorum", None, None, None, None, ())


def cut(age_ms: int = 1_000, **ages_ms: int) -> tuple[CutPoint, ...]:
    return tuple(
        CutPoint(chain, 100, f"0x{chain}", 1_700_000_000, ages_ms.get(chain, age_ms)) for chain in CHAINS
    )


def random_account(source: random.Random, number: int = 0) -> Account:
    """Return an account of one to three legs, with hedges, claims, gains, losses and large positions among them."""
    legs = []
    for chain in source.sample(CHAINS, source.choice((1, 1, 2, 2, 3))):
        held = {
            asset: source.randrange(1, 40) for asset in source.sample(sorted(DECIMALS), source.randrange(4))
        }
        tokens = {
            asset: str(units * 1_500 if asset in {"USDC", "VAULT"} else units)
            for asset, units in held.items()
        }
        positions = []
        for market in source.sample(sorted(POLICY.markets), source.choice((0, 0, 1, 1, 2))):
            size = source.choice((1, 1, 5, 40)) * source.uniform(-10, 10)
            entry = {"ETH-PERP": 2_000, "BTC-PERP": 60_000}[market] * source.uniform(0.8, 1.25)
            shrink = 20 if market == "BTC-PERP" else 1
            at = position("1", "1", market)
            positions.append(
                replace(at, size_wad=int(size / shrink * WAD) or 1, entry_price_wad=int(entry * WAD))
            )
        claims = [claim(str(source.randrange(1, 20_000)), asset=asset, chain=chain) for asset in held][:1]
        legs.append(
            leg(
                chain,
                tokens=tokens,
                owes=str(source.choice((0, 0, source.randrange(1, 90_000)))),
                positions=positions,
                claims=claims if source.random() < 0.15 else (),
                cross_margin=source.random() < 0.8,
            )
        )
    return account(*legs, account_id=f"0x{number:064x}")
