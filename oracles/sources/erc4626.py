"""The rate of an ERC-4626 vault: what one share would be converted to, as of the block."""

from __future__ import annotations

from collections.abc import Sequence

from config.source_settings import Erc4626SourceSettings
from config.units import WAD, mul_div_down
from oracles.guards.rate import Snapshot
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.chain import Call, words
from oracles.sources.json_answer import shown
from oracles.sources.origin import BadAnswer, Origin
from oracles.sources.rate_cap import RateCap

CONVERT_TO_ASSETS = bytes.fromhex("07a2d13a")


class Erc4626Source:
    """A `ChainReader` of one vault. A rate above `max_rate`, or that moved too fast, is refused: a gift can raise it."""

    def __init__(self, settings: Erc4626SourceSettings) -> None:
        self.origin = Origin.of(settings)
        self.chain = settings.chain
        self._address = settings.address
        self._share = 10**settings.share_decimals
        self._asset = 10**settings.asset_decimals
        self._max_rate_wad = settings.max_rate
        self._cap = _cap(settings)

    def calls(self) -> list[Call]:
        """Return the call for what one whole share converts to."""
        return [(self._address, CONVERT_TO_ASSETS + self._share.to_bytes(32))]

    def read(
        self, answers: Sequence[bytes | None], block_timestamp: int, now_ms: int
    ) -> Quote | QuoteFailure:
        """Return the rate, rounded down, as of the block; or why it is refused."""
        (converted,) = answers
        try:
            rate_wad = self._rate(words(converted, 1)[0])
            if self._cap is not None:
                self._cap.check(rate_wad, block_timestamp * 1000)
        except BadAnswer as bad:
            return self.origin.failure(bad.kind, bad.detail, now_ms)
        return self.origin.quote(rate_wad, block_timestamp * 1000, now_ms)

    def _rate(self, assets_raw: int) -> int:
        rate_wad = mul_div_down(assets_raw, WAD, self._asset)
        if rate_wad == 0:
            raise BadAnswer(FailureKind.NOT_A_PRICE, "a share converts to nothing")
        if rate_wad > self._max_rate_wad:
            raise BadAnswer(FailureKind.AT_BOUND, f"rate {shown(rate_wad)} wad is above max_rate")
        return rate_wad


def _cap(settings: Erc4626SourceSettings) -> RateCap | None:
    if settings.max_growth_bps is None:
        return None
    snapshot = None
    if settings.snapshot_rate is not None and settings.snapshot_time_s is not None:
        snapshot = Snapshot(settings.snapshot_rate, settings.snapshot_time_s * 1000)
    return RateCap(settings.max_growth_bps, settings.max_drop_bps, snapshot)
