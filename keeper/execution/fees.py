"""What a transaction may offer: the pools' fee rules under the operator's ceiling. Wei per gas, pure."""

from __future__ import annotations

from chains.answers import FeeQuote
from chains.transactions import Fees, bumped_fees, first_fees


def work_ceiling_wei(ceiling_wei: int, highest_cap_wei: int | None = None) -> int:
    """Return the highest cap of a call: so far under the operator's ceiling that a cancel can still be offered over it.

    `highest_cap_wei` is what the call's expected profit allows, None where that is not known.
    """
    below = ceiling_wei * 8 // 9
    return below if highest_cap_wei is None else min(below, highest_cap_wei)


def first_offer(quote: FeeQuote, ceiling_wei: int) -> Fees | None:
    """Return the fees of a first attempt, its cap cut to the ceiling. None if it could not be mined under it."""
    fees = first_fees(quote.base_fee_wei, quote.tip_wei)
    if quote.base_fee_wei + quote.tip_wei > ceiling_wei:
        return None
    return Fees(fees.tip_wei, min(fees.cap_wei, ceiling_wei))


def next_offer(previous: Fees, quote: FeeQuote, ceiling_wei: int) -> Fees | None:
    """Return the fees of a replacement: as the market asks, at least what pools demand over `previous`.

    None if what pools demand passes the ceiling, or the ceiling lies under the base fee.
    """
    least = bumped_fees(previous, previous)
    if least.cap_wei > ceiling_wei or quote.base_fee_wei > ceiling_wei:
        return None
    wanted = bumped_fees(previous, first_fees(quote.base_fee_wei, quote.tip_wei))
    cap_wei = min(wanted.cap_wei, ceiling_wei)
    return Fees(min(wanted.tip_wei, cap_wei), cap_wei)
