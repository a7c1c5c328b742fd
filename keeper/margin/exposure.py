"""What an account's positions in one underlying need that no scenario shows.

- each short option its minimum, a part of the underlying's price;
- the basis: what is long in one market or chain and short in another, each option at its full size, since
  the two prices, settlement times and closings may part;
- closing: the largest number of units the positions come to far above or far below every strike. Of its value
  the part up to the depth (what one percent of price takes) costs half a percent, the next one and a half, and so on up to
  ten depths, as in a book of even depth; above the concentration limit a fraction is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from config.units import BPS
from keeper.domain.account import Account
from keeper.margin.model import UNITS
from keeper.margin.portfolio_parameters import PortfolioRisk, UnderlyingRisk

_DEPTHS = 10
_UNIT = UNITS // 10**18


@dataclass(frozen=True, slots=True)
class Exposure:
    """One underlying's contingencies. Sizes are in `UNITS`, `steps` are (border in USD wad, bps beyond it)."""

    flat: int
    """Sizes times basis points, of the price itself."""
    size: int
    steps: tuple[tuple[int, int], ...]

    def charge(self, price_wad: int) -> int:
        """Return what is needed, USD wad times `UNITS` times `BPS`."""
        value = self.size * price_wad
        total = self.flat * price_wad
        for border_wad, bps in self.steps:
            total += max(value - border_wad * UNITS, 0) * bps
        return total

    def kinks(self) -> Iterator[int]:
        """Yield the prices, rounded down, at which the value of closing reaches a border."""
        if self.size:
            for border_wad, _ in self.steps:
                yield border_wad * UNITS // self.size


def exposures(account: Account, risk: PortfolioRisk, at_s: int) -> dict[str, Exposure]:
    """Return the contingencies of each underlying that the account has positions in."""
    ledgers: dict[str, _Ledger] = {}
    for leg in account.legs:
        for position in leg.positions:
            ledger = ledgers.setdefault(position.asset, _Ledger())
            ledger.perpetuals += position.size_wad
            ledger.add_place((leg.chain, position.market), position.size_wad)
        for option in leg.options:
            ledger = ledgers.setdefault(option.asset, _Ledger())
            if option.expiry_s > at_s:
                ledger.add_option((option.market, option.series), option.size_wad, is_call=option.is_call)
                towards = option.size_wad if option.is_call else -option.size_wad
                ledger.add_place((leg.chain, option.market), towards)
    return {asset: ledger.exposure(asset, risk) for asset, ledger in ledgers.items()}


class _Ledger:
    """Sizes of one underlying, wad."""

    def __init__(self) -> None:
        self.perpetuals = 0
        self._series: dict[tuple[str, str], tuple[int, bool]] = {}
        self._places: dict[tuple[str, str], int] = {}

    def add_place(self, place: tuple[str, str], size_wad: int) -> None:
        self._places[place] = self._places.get(place, 0) + size_wad

    def add_option(self, series: tuple[str, str], size_wad: int, *, is_call: bool) -> None:
        self._series[series] = (self._series.get(series, (0, is_call))[0] + size_wad, is_call)

    def exposure(self, asset: str, risk: PortfolioRisk) -> Exposure:
        short = sum(-size for size, _ in self._series.values() if size < 0)
        ahead = sum(size for size in self._places.values() if size > 0)
        offset = min(ahead, ahead - sum(self._places.values()))
        calls = sum(size for size, is_call in self._series.values() if is_call)
        puts = sum(size for size, is_call in self._series.values() if not is_call)
        largest = max(abs(self.perpetuals + calls), abs(self.perpetuals - puts))
        flat = short * risk.short_option_bps + offset * risk.basis_bps
        return Exposure(flat * _UNIT, largest * _UNIT, _steps(risk.underlying(asset)))


def _steps(risk: UnderlyingRisk) -> tuple[tuple[int, int], ...]:
    steps: list[tuple[int, int]] = []
    if risk.depth_wad:
        steps = [(number * risk.depth_wad, BPS // 100 if number else BPS // 200) for number in range(_DEPTHS)]
    if risk.concentration_bps:
        steps.append((risk.concentration_above_wad, risk.concentration_bps))
    return tuple(steps)
