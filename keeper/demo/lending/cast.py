"""Who has what at which protocol, and what the crash must do to it: by plain fractions, apart from the daemon.

Every owner has legs of their own choice: at the hub on alpha, at Aave v3 on beta, at Morpho Blue on gamma.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from chains.devnet.accounts import DesiredAccount, DesiredLeg, owner_keys
from keeper.demo.cast import BEFORE, BTC, ETH, USD, Role, after_the_crash, health

SEED = "lending"


class Protocol(StrEnum):
    """Where a loan is. The name is the venue's in the keeper's file."""

    AAVE = "aave"
    MORPHO = "morpho"

    @property
    def chain(self) -> str:
        """Which chain it stands on."""
        return {Protocol.AAVE: "beta", Protocol.MORPHO: "gamma"}[self]


ASSET_OF = {"WETH": "ETH", "WBTC": "BTC"}
UNIT_OF = {"WETH": ETH, "WBTC": BTC}
LIMITS = {
    (Protocol.AAVE, "WETH"): Fraction(83, 100),
    (Protocol.AAVE, "WBTC"): Fraction(78, 100),
    (Protocol.MORPHO, "WETH"): Fraction(86, 100),
}
"""What part of the collateral's value may be owed, by the protocol's own rule."""
GLITCH = Fraction(75, 100)
"""What Aave's own feed of ether says once, as a part of what it is worth."""
_OUR_WEIGHT = Fraction(80, 100)


@dataclass(frozen=True, slots=True)
class Loan:
    """A debt in USDC (raw) at a protocol, against one collateral (raw)."""

    protocol: Protocol
    symbol: str
    amount: int
    debt: int

    def health(self, prices: Mapping[str, Fraction]) -> Fraction:
        """Return its health by the protocol's rule."""
        return self._value(prices) * LIMITS[self.protocol, self.symbol] / Fraction(self.debt, USD)

    def _value(self, prices: Mapping[str, Fraction]) -> Fraction:
        return prices[ASSET_OF[self.symbol]] * Fraction(self.amount, UNIT_OF[self.symbol])

    def weighted(self, prices: Mapping[str, Fraction]) -> Fraction:
        """Return its collateral's value as our own margin engine counts it."""
        return self._value(prices) * _OUR_WEIGHT

    @property
    def falls(self) -> bool:
        """Whether the crash makes it liquidatable."""
        return self.health(after_the_crash()) < 1

    @property
    def falls_for(self) -> bool:
        """Whether Aave's wrong price alone makes it liquidatable."""
        if self.protocol is not Protocol.AAVE or self.symbol != "WETH":
            return False
        return self.health({**BEFORE, "ETH": BEFORE["ETH"] * GLITCH}) < 1


@dataclass(frozen=True, slots=True)
class Owner:
    """One owner: what it is a case of, what is at the hub (if anything), and the loans."""

    story: str
    hub: Role
    loans: tuple[Loan, ...]

    @property
    def address(self) -> str:
        """Who it is on every chain."""
        return self.hub.account.owner

    @property
    def account_id(self) -> str:
        """The account of its subaccount 0."""
        return self.hub.account.account_id

    def unified_health(self, prices: Mapping[str, Fraction]) -> Fraction:
        """Return its health over all legs by our own margin engine."""
        assets = sum((loan.weighted(prices) for loan in self.loans), Fraction(0))
        required = sum((Fraction(loan.debt, USD) for loan in self.loans), Fraction(0))
        for leg in self.hub.account.legs:
            alone = health(self.hub.account, prices)
            debt = Fraction(leg.debt, USD)
            required += debt
            assets += debt * alone if alone is not None else Fraction(0)
        return assets / required


def aave(debt: int, ether: int = 10) -> Loan:
    """Return a loan at Aave against ether; the debt in whole dollars."""
    return Loan(Protocol.AAVE, "WETH", ether * ETH, debt * USD)


def morpho(debt: int, ether: int = 10) -> Loan:
    """Return a loan at Morpho against ether; the debt in whole dollars."""
    return Loan(Protocol.MORPHO, "WETH", ether * ETH, debt * USD)


def owners(seed: str = SEED) -> tuple[Owner, ...]:
    """Return everybody, the same for the same seed."""
    bitcoin = Loan(Protocol.AAVE, "WBTC", BTC, 40_000 * USD)
    stories: list[tuple[str, int, tuple[Loan, ...]]] = [
        (
            "hub on alpha, Aave on beta, Morpho on gamma: all three fall",
            10_300,
            (aave(20_500), morpho(21_500)),
        ),
        ("all three, and only the loan at Aave falls", 5_000, (aave(20_800), morpho(14_000))),
        (
            "all three, and only the hub's leg falls: what is at venues does not save it",
            10_500,
            (aave(6_000), morpho(6_000)),
        ),
        ("a loan at Aave, half of it may be repaid", 0, (aave(20_600),)),
        ("a loan at Aave, all of it may be repaid", 0, (aave(22_000),)),
        ("bitcoin at Aave, which no pool swaps: repaid from inventory", 0, (bitcoin,)),
        ("a loan at Aave that only a wrong price endangers", 0, (aave(19_000),)),
        ("a small loan at Aave", 0, (aave(12_000),)),
        ("a loan at Morpho", 0, (morpho(21_000),)),
        ("a larger loan at Morpho", 0, (morpho(22_800),)),
        ("a loan at Morpho that the crash spares", 0, (morpho(19_000),)),
        ("a small loan at Morpho", 0, (morpho(12_000),)),
        ("a loan at the hub that falls", 10_600, ()),
        ("a loan at the hub that the crash spares", 8_000, ()),
    ]
    found = []
    for key, (story, debt, loans) in zip(owner_keys(seed, len(stories)), stories, strict=True):
        legs = (DesiredLeg("alpha", {"WETH": 5 * ETH}, debt * USD),) if debt else ()
        found.append(Owner(story, Role(story, DesiredAccount(key.address, 0, legs)), loans))
    return tuple(found)


def expected(cast: tuple[Owner, ...]) -> set[tuple[str, str, str]]:
    """Return the loans that fall, as (chain, protocol, owner)."""
    return {
        (loan.protocol.chain, str(loan.protocol), owner.address)
        for owner in cast
        for loan in owner.loans
        if loan.falls
    }


def scaled(price: Fraction, decimals: int) -> int:
    """Return a price with so many decimals, rounded down."""
    return int(price * 10**decimals)
