"""What an attestor must find for itself of an option: which series it is, and what it is worth. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from chains.hub.attestation import Action, Attestation
from chains.hub.options import OptionHeld
from config.units import BPS, format_wad
from keeper.attest.wire import RefusalReason, Refused
from keeper.book.catalogue import KnownChain
from keeper.domain.account import Leg, OptionPosition
from keeper.margin.parameters import RiskPolicy
from keeper.planner.option_marks import mark
from keeper.planner.option_steps import option_of
from oracles.price import Price

ON_OPTIONS = frozenset({Action.OPTION_TRADE, Action.OPTION_CLOSE})


def named_option(
    attestation: Attestation, leg: Leg | None, opened: OptionHeld | None, known: KnownChain
) -> OptionPosition | Refused:
    """Return the option that the attestation names: one that the leg holds, or a series that the desk has opened."""
    held = option_of(leg, attestation.item) if leg is not None else None
    if held is not None:
        return held
    market = known.option_markets.get(opened.market) if opened is not None else None
    if opened is None or market is None or attestation.action != Action.OPTION_TRADE:
        return Refused(
            RefusalReason.ACTION, f"{known.chain} has no option {attestation.item} for this account"
        )
    return OptionPosition(
        market.market,
        opened.series,
        market.asset,
        opened.is_call,
        opened.strike_wad,
        opened.expiry_s,
        0,
    )


def price_refusal(
    attestation: Attestation,
    option: OptionPosition,
    prices: Mapping[str, Price],
    policy: RiskPolicy,
    band_bps: int,
    now_s: int,
) -> Refused | None:
    """Say why the attested prices are not this attestor's: the option's or its underlying's, each within the band.

    The option's may be anywhere between the ends of this attestor's own evidence: it moves many times as much
    as its underlying does.
    """
    price = prices.get(option.asset)
    own_wad = price.mid_wad if price is not None else None
    found = mark(option, prices, policy, now_s)
    if own_wad is None or found is None:
        return Refused(RefusalReason.NO_PRICE, f"no price of options on {option.asset} here")
    if option.expiry_s <= now_s:
        return Refused(RefusalReason.ACTION, f"the option expired at {option.expiry_s}, it is {now_s}")
    larger, smaller = max(attestation.value, own_wad), min(attestation.value, own_wad)
    if larger * BPS > smaller * (BPS + band_bps):
        return Refused(
            RefusalReason.PRICE,
            f"{option.asset} at {format_wad(attestation.value, 2)}, here it is {format_wad(own_wad, 2)}",
        )
    if attestation.price * (BPS + band_bps) < found.low * BPS or attestation.price * BPS > found.high * (
        BPS + band_bps
    ):
        return Refused(
            RefusalReason.PRICE,
            f"the option at {format_wad(attestation.price, 2)}, here it is {format_wad(found.low, 2)} to "
            f"{format_wad(found.high, 2)}",
        )
    return None
