"""The demo's options: who holds which, and what they are worth and need by this file's own arithmetic.

Prices are Black's (1976) without interest, in floating point: what the daemon reckons in integers is checked
against something it did not make.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import erf, log, sqrt

from chains.devnet.accounts import DesiredLeg, DesiredOption
from config.units import WAD

MARKET = "ETH-OPTIONS"
UNDERLYING, VOLATILITY = "ETH", "ETHVOL"
CHAIN = "alpha"
"""Where the option desk is."""
TENOR_S = 30 * 86_400
YEARS = TENOR_S / (365 * 86_400)
"""What options have to go. The demo takes a minute, which is nothing to a month."""
SCENARIO_SUBACCOUNT = 9
"""The subaccount whose margin is the worst of the sixteen scenarios."""

LONG_WEIGHT = Fraction(8, 10)
_SHORT_FRACTION = Fraction(75, 1_000)
_GAIN_WEIGHT = Fraction(8, 10)
_SPREAD, _PENALTY, _CAP = Fraction(3, 10_000), Fraction(20, 10_000), Fraction(1_250, 10_000)
_RANGE, _UP, _DOWN = 0.15, 1.4, 0.75
_EXTREME_COVER = 0.35
_LEAST_OF_A_SHORT = Fraction(1, 100)

Prices = Mapping[str, Fraction]


def mark(option: DesiredOption, prices: Prices, *, move: float = 0.0, shock: float = 1.0) -> Fraction:
    """Return what one contract is worth, USD, the underlying moved and its volatility multiplied."""
    forward = float(prices[UNDERLYING]) * (1 + move)
    strike = option.strike_wad / WAD
    deviation = float(prices[VOLATILITY]) * shock * sqrt(YEARS)
    d1 = log(forward / strike) / deviation + deviation / 2
    call = forward * _normal(d1) - strike * _normal(d1 - deviation)
    return Fraction(call if option.is_call else call - forward + strike)


def contracts(option: DesiredOption) -> Fraction:
    """Return the signed number of contracts."""
    return Fraction(option.size_wad, WAD)


def premium(leg: DesiredLeg, prices: Prices) -> int:
    """Return the raw USDC that trading the leg's options brought in, the desk's spread taken off."""
    total = 0
    for option in leg.options:
        price_wad = option.price_wad
        spread_wad = min(int(prices[UNDERLYING] * _SPREAD * WAD), int(price_wad * _CAP))
        paid = Fraction(
            option.size_wad * (price_wad + (spread_wad if option.size_wad > 0 else -spread_wad)), WAD
        )
        total -= -(-paid // 10**12) if option.size_wad > 0 else paid // 10**12
    return total


def standard(options: Iterable[DesiredOption], prices: Prices) -> tuple[Fraction, Fraction]:
    """Return (weighted assets, requirement) of options, each by itself."""
    assets = required = Fraction(0)
    for option in options:
        worth = contracts(option) * mark(option, prices)
        if worth > 0:
            assets += LONG_WEIGHT * worth
        else:
            required -= worth + contracts(option) * _SHORT_FRACTION * prices[UNDERLYING]
    return assets, required


def by_scenarios(options: Sequence[DesiredOption], prices: Prices) -> tuple[Fraction, Fraction]:
    """Return (weighted assets, requirement) of options together: the worst of the sixteen scenarios of SPAN."""
    net = sum((contracts(each) * mark(each, prices) for each in options), Fraction(0))
    losses = [Fraction(0)]
    for move, shock, cover in _scenarios():
        after = sum(
            (contracts(each) * mark(each, prices, move=move, shock=shock) for each in options), Fraction(0)
        )
        losses.append(Fraction(cover) * (net - after))
    short = -sum((min(contracts(each), Fraction(0)) for each in options), Fraction(0))
    required = max(losses) + short * _LEAST_OF_A_SHORT * prices[UNDERLYING]
    return _GAIN_WEIGHT * max(net, Fraction(0)), max(-net, Fraction(0)) + required


def value(options: Iterable[DesiredOption], prices: Prices) -> Fraction:
    """Return what the options are worth, USD."""
    return sum((contracts(each) * mark(each, prices) for each in options), Fraction(0))


def penalty(options: Iterable[DesiredOption], prices: Prices) -> Fraction:
    """Return what it costs to liquidate all of them."""
    return sum(
        (
            abs(contracts(each)) * min(_PENALTY * prices[UNDERLYING], _CAP * mark(each, prices))
            for each in options
        ),
        Fraction(0),
    )


def stories(before: Prices, at_s: int) -> list[tuple[str, int, tuple[DesiredLeg, ...]]]:
    """Return who has options: story, subaccount and legs. They expire a month after `at_s`."""

    def option(strike: int, size: int, *, is_call: bool) -> DesiredOption:
        bare = DesiredOption(MARKET, is_call, strike * WAD, at_s + TENOR_S, size * WAD, 0)
        cents = round(mark(bare, before) * 100)
        return DesiredOption(
            MARKET, is_call, bare.strike_wad, bare.expiry_s, bare.size_wad, cents * WAD // 100
        )

    def leg(*options: DesiredOption, **collateral: int) -> tuple[DesiredLeg, ...]:
        return (DesiredLeg(CHAIN, collateral, cross_margin=True, options=options),)

    usdc = 6_000 * 10**6
    covered = leg(option(3_300, -3, is_call=True), WETH=3 * WAD)
    # What covers is bought first: attestors sign for a size either way, and so must see both ways covered.
    spread = leg(option(2_400, 12, is_call=False), option(2_700, -12, is_call=False), USDC=usdc)
    return [
        ("covered calls on alpha", 0, covered),
        *(
            ("puts sold on alpha, USDC behind them", 0, leg(option(2_700, -size, is_call=False), USDC=usdc))
            for size in (14, 15, 12, 6)
        ),
        ("a put spread on alpha, margined by scenarios", SCENARIO_SUBACCOUNT, spread),
    ]


def _scenarios() -> Iterator[tuple[float, float, float]]:
    for thirds in range(-3, 4):
        for shock in (_UP, _DOWN):
            yield thirds * _RANGE / 3, shock, 1.0
    yield 2 * _RANGE, 1.0, _EXTREME_COVER
    yield -2 * _RANGE, 1.0, _EXTREME_COVER


def _normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2
