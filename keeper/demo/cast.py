"""The demo's accounts: who has what where, and what the crash must do to them.

The expectation comes from the arithmetic in this file alone (plain fractions of the prices
before and after), so that what the daemon does is checked against something it did not make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from chains.devnet.accounts import DesiredAccount, DesiredLeg, owner_keys
from config.units import WAD
from keeper.demo import cast_options as options

SEED = "demo"
USD = 10**6
ETH = WAD
BTC = 10**8

BEFORE: Mapping[str, Fraction] = {
    "USDC": Fraction(1),
    "ETH": Fraction(3_000),
    "BTC": Fraction(60_000),
    "sETH": Fraction(3_150),
    "ETHVOL": Fraction(6, 10),
}
"""What everything is worth at first; of ETHVOL the implied volatility of ETH, per year."""
CRASH = Fraction(80, 100)
"""What ETH and BTC are worth afterwards, as a part of before."""

_STILL = ("USDC", "ETHVOL")

_WEIGHTS = {
    "USDC": Fraction(97, 100),
    "ETH": Fraction(8, 10),
    "BTC": Fraction(8, 10),
    "sETH": Fraction(75, 100),
}
_ASSET_OF = {"USDC": "USDC", "WETH": "ETH", "WBTC": "BTC", "sETH": "sETH"}
_UNIT_OF = {"USDC": USD, "WETH": ETH, "WBTC": BTC, "sETH": ETH}
_MARKETS = {"ETH-PERP": "ETH", "BTC-PERP": "BTC"}
_GAIN_WEIGHT = Fraction(8, 10)
_MAINTENANCE = Fraction(5, 100)
_PENALTIES = {
    "USDC": Fraction(1, 100),
    "ETH": Fraction(5, 100),
    "BTC": Fraction(5, 100),
    "sETH": Fraction(6, 100),
}
_MARKET_PENALTY = Fraction(1, 100)


class Fate(StrEnum):
    """What must happen to an account in the crash."""

    UNTOUCHED = "untouched"
    CALLED = "margin_call"
    LIQUIDATED = "liquidated"


@dataclass(frozen=True, slots=True)
class Role:
    """One account: what it is a case of, and what it has."""

    story: str
    account: DesiredAccount

    @property
    def fate(self) -> Fate:
        """What the crash must do to it, by its health afterwards."""
        after = health(self.account, after_the_crash())
        if after is None or after > Fraction(112, 100):
            return Fate.UNTOUCHED
        return Fate.LIQUIDATED if after < 1 else Fate.CALLED

    @property
    def bankrupt(self) -> bool:
        """Whether the crash leaves it owing more than it has."""
        return equity(self.account, after_the_crash()) < 0

    @property
    def may_leave_bad_debt(self) -> bool:
        """Whether what it has left after the crash may be less than what liquidating all of it costs."""
        return equity(self.account, after_the_crash()) < penalties(self.account, after_the_crash())

    @property
    def leans(self) -> bool:
        """Whether one of its legs could not stand alone: it is healthy only thanks to another chain."""
        alone = (health(replace(self.account, legs=(leg,)), BEFORE) for leg in self.account.legs)
        return any(each is not None and each < 1 for each in alone)

    @property
    def chains(self) -> tuple[str, ...]:
        """Where it has legs."""
        return tuple(leg.chain for leg in self.account.legs)


def after_the_crash() -> dict[str, Fraction]:
    """Return the prices at the end of the scene."""
    return {asset: price if asset in _STILL else price * CRASH for asset, price in BEFORE.items()}


def health(account: DesiredAccount, prices: Mapping[str, Fraction]) -> Fraction | None:
    """Return weighted assets over requirement; None without a requirement. Positions were opened at `BEFORE`."""
    assets = required = Fraction(0)
    for leg in account.legs:
        for symbol, amount in holdings(leg).items():
            asset = _ASSET_OF[symbol]
            assets += _WEIGHTS[asset] * prices[asset] * Fraction(amount, _UNIT_OF[symbol])
        required += Fraction(leg.debt, USD)
        for market, size in leg.positions.items():
            price, entry = prices[_MARKETS[market]], BEFORE[_MARKETS[market]]
            gain = Fraction(size, WAD) * (price - entry)
            assets += _GAIN_WEIGHT * max(gain, Fraction(0))
            required += max(-gain, Fraction(0)) + _MAINTENANCE * abs(Fraction(size, WAD)) * price
    its_options = [option for leg in account.legs for option in leg.options]
    by = options.by_scenarios if account.subaccount == options.SCENARIO_SUBACCOUNT else options.standard
    held, owed = by(its_options, prices)
    assets, required = assets + held, required + owed
    return assets / required if required else None


def holdings(leg: DesiredLeg) -> dict[str, int]:
    """Return the raw collateral once the leg's options were paid for: a premium is USDC."""
    held = dict(leg.collateral)
    if leg.options:
        held["USDC"] = held.get("USDC", 0) + options.premium(leg, BEFORE)
    return held


def equity(account: DesiredAccount, prices: Mapping[str, Fraction]) -> Fraction:
    """Return what the account has less what it owes, at full value. Positions were opened at `BEFORE`."""
    total = Fraction(0)
    for leg in account.legs:
        total += options.value(leg.options, prices)
        for symbol, amount in holdings(leg).items():
            total += prices[_ASSET_OF[symbol]] * Fraction(amount, _UNIT_OF[symbol])
        for market, size in leg.positions.items():
            asset = _MARKETS[market]
            total += Fraction(size, WAD) * (prices[asset] - BEFORE[asset])
        total -= Fraction(leg.debt, USD)
    return total


def penalties(account: DesiredAccount, prices: Mapping[str, Fraction]) -> Fraction:
    """Return what it costs at most to liquidate all that the account has, as the hubs' terms say."""
    total = Fraction(0)
    for leg in account.legs:
        total += options.penalty(leg.options, prices)
        for symbol, amount in holdings(leg).items():
            asset = _ASSET_OF[symbol]
            total += _PENALTIES[asset] * prices[asset] * Fraction(amount, _UNIT_OF[symbol])
        for market, size in leg.positions.items():
            total += _MARKET_PENALTY * prices[_MARKETS[market]] * abs(Fraction(size, WAD))
    return total


def cast(count: int, seed: str = SEED, at_s: int = 0) -> tuple[Role, ...]:
    """Return `count` roles, the same for the same seed; past the stories they repeat under other owners.

    Options expire a month after `at_s`, unix seconds. The seed chooses owners' keys, and so every account's id; what happens to whom is always the same.
    """
    stories = [*_lenders(), *_bitcoiners(), *_traders(), *_stakers(), *_isolated(), *_hedged(), *_shorts()]
    stories += options.stories(BEFORE, at_s)
    keys = owner_keys(seed, count)
    roles: list[Role] = []
    for number, key in enumerate(keys):
        story, subaccount, legs = stories[number % len(stories)]
        roles.append(Role(story, DesiredAccount(key.address, subaccount, legs)))
    return tuple(roles)


_Story = tuple[str, int, tuple[DesiredLeg, ...]]


def _cross(chain: str, **what: object) -> DesiredLeg:
    return DesiredLeg(chain, cross_margin=True, **what)  # type: ignore[arg-type]


def _lenders() -> list[_Story]:
    """ETH on alpha backs USDC owed on beta: healthy only thanks to the other chain."""
    debts = [10_100, 10_300, 10_500, 10_700, 10_900, 11_000, 10_200, 10_400, 9_150, 9_000, 9_100]
    debts += [8_000, 7_500, 7_000, 6_000, 5_000]
    return [
        (
            "ETH on alpha backs a debt on beta",
            0,
            (_cross("alpha", collateral={"WETH": 5 * ETH}), _cross("beta", debt=debt * USD)),
        )
        for debt in debts
    ]


def _bitcoiners() -> list[_Story]:
    """BTC on alpha backs USDC owed on gamma."""
    return [
        (
            "BTC on alpha backs a debt on gamma",
            0,
            (_cross("alpha", collateral={"WBTC": BTC // 2}), _cross("gamma", debt=debt * USD)),
        )
        for debt in (20_200, 20_800, 21_400, 22_000, 18_300, 16_000, 14_000, 10_000)
    ]


def _traders() -> list[_Story]:
    """USDC on alpha margins a long on beta."""
    sizes = [44, 45, 46, 47, 48, 55, 56, 38, 20, 24, 28, 30]
    return [
        (
            "USDC on alpha margins a long on beta",
            0,
            (
                _cross("alpha", collateral={"USDC": 6_000 * USD}),
                _cross("beta", positions={"ETH-PERP": tenths * 2 * ETH // 10}),
            ),
        )
        for tenths in sizes
    ]


def _stakers() -> list[_Story]:
    """Vault shares on gamma back USDC owed on alpha."""
    return [
        (
            "sETH shares on gamma back a debt on alpha",
            0,
            (_cross("gamma", collateral={"sETH": 4 * ETH}), _cross("alpha", debt=debt * USD)),
        )
        for debt in (8_000, 8_200, 8_400, 8_600, 7_200, 6_200, 5_500, 4_000)
    ]


def _isolated() -> list[_Story]:
    """A subaccount with everything on one chain: nothing else of its owner is touched or helps."""
    loans: list[_Story] = [
        ("an isolated loan on beta", 1, (DesiredLeg("beta", {"WETH": 5 * ETH}, debt * USD),))
        for debt in (10_100, 10_600, 7_000, 6_000)
    ]
    longs: list[_Story] = [
        (
            "an isolated long on gamma",
            2,
            (DesiredLeg("gamma", {"USDC": 5_000 * USD}, positions={"BTC-PERP": size * WAD // 1000}),),
        )
        for size in (375, 390, 200, 150)
    ]
    return loans + longs


def _hedged() -> list[_Story]:
    """Long on beta, short on gamma: what one loses the other gains."""
    return [
        (
            "long on beta, short on gamma",
            0,
            (
                _cross("alpha", collateral={"USDC": 5_000 * USD}),
                _cross("beta", positions={"ETH-PERP": size * ETH}),
                _cross("gamma", positions={"ETH-PERP": -size * ETH}),
            ),
        )
        for size in (3, 4, 5, 6, 6, 7)
    ]


def _shorts() -> list[_Story]:
    """Shorts, who gain."""
    return [
        (
            "USDC on alpha margins a short on gamma",
            0,
            (
                _cross("alpha", collateral={"USDC": 5_000 * USD}),
                _cross("gamma", positions={"BTC-PERP": -size * WAD // 10}),
            ),
        )
        for size in (1, 2, 3, 4, 5, 6)
    ]
