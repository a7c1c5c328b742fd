"""From an option that expired to the call that fixes or settles it, and the words for why."""

from __future__ import annotations

from datetime import UTC, datetime

from chains.blocks import Head
from chains.hub.options import OptionHeld, item_of, market_key
from chains.hub.settlement import NEWEST, fix_call, settle_call
from config.canonical import digest
from config.settings import Settings
from config.units import WAD
from keeper.domain.account import OptionPosition
from keeper.domain.intent import Intent
from keeper.domain.settlement import FIX_SETTLEMENT, NOBODY, SETTLE_OPTION, Settlement
from keeper.margin.sheet import payoff_wad
from keeper.planner.reasons import units, usd

FIX_GAS = 200_000
SETTLE_GAS = 300_000
"""What the calls may use. Measured: 66 thousand to fix, and 55 (out of the money) to 113 thousand to settle."""


def fixing(head: Head, name: str, market: str, expiry_s: int, round_id: int) -> Settlement:
    """Return what is to be done to fix what `market` (its key; `name` for people) came to at an expiry."""
    which = (
        "the feed's newest answer, since for a day the first could not be proven"
        if round_id == NEWEST
        else f"round {round_id} of its feed, the first from then on"
    )
    return Settlement(
        settlement_id=digest(["fix", head.chain, market, expiry_s, round_id]),
        chain=head.chain,
        market=name,
        expiry_s=expiry_s,
        account_id=NOBODY,
        series="",
        size_wad=0,
        settlement_wad=0,
        value_wad=0,
        round_id=round_id,
        block_number=head.number,
        reason=f"{name} expired {_utc(expiry_s)}: what it came to is {which}.",
    )


def settling(head: Head, name: str, account_id: str, held: OptionHeld, settlement_wad: int) -> Settlement:
    """Return what is to be done to settle an account's contracts of a series."""
    position = OptionPosition(
        name, held.series, "", held.is_call, held.strike_wad, held.expiry_s, held.size_wad, settlement_wad
    )
    each_wad = payoff_wad(position, settlement_wad)
    value_wad = held.size_wad * each_wad // WAD
    kind, side = "call" if held.is_call else "put", "long" if held.size_wad > 0 else "short"
    return Settlement(
        settlement_id=digest(["settle", head.chain, account_id, held.series, held.size_wad, settlement_wad]),
        chain=head.chain,
        market=name,
        expiry_s=held.expiry_s,
        account_id=account_id,
        series=held.series,
        size_wad=held.size_wad,
        settlement_wad=settlement_wad,
        value_wad=value_wad,
        round_id=NEWEST,
        block_number=head.number,
        reason=(
            f"{units(abs(held.size_wad), 18)} {side} of the {name} {kind} at {usd(held.strike_wad)} expired "
            f"{_utc(held.expiry_s)} at {usd(settlement_wad)}: {usd(value_wad)} for the account."
        ),
    )


def intent_of(its: Settlement, head: Head, settings: Settings) -> Intent:
    """Return the call. Its sequence is the block it was found due at, so that another try is another intent."""
    chain = settings.chains[its.chain]
    desk = chain.option_desk
    if desk is None:
        raise ValueError(f"{its.chain} has no option desk")
    if its.series:
        action, item, gas = SETTLE_OPTION, item_of(its.series), SETTLE_GAS
        calldata = settle_call(its.series, [its.account_id])
    else:
        action, item, gas = FIX_SETTLEMENT, 0, FIX_GAS
        calldata = fix_call(market_key(its.market), its.expiry_s, its.round_id)
    return Intent(
        intent_id=digest([chain.chain_id, desk, its.settlement_id, head.number]),
        decision_id=its.settlement_id,
        chain=its.chain,
        chain_id=chain.chain_id,
        contract=desk,
        account_id=its.account_id,
        position_key=position_key(its),
        action=action,
        item=item,
        sequence=head.number,
        calldata="0x" + calldata.hex(),
        gas_limit=gas,
        value_wad=abs(its.value_wad),
        valid_until_s=0,
        max_cost_wei=settings.options.settle_max_cost_wei,
    )


def position_key(its: Settlement) -> str:
    """Return what at most one live intent may be for."""
    return f"settle/{its.series}" if its.series else fixing_key(market_key(its.market), its.expiry_s)


def fixing_key(market: str, expiry_s: int) -> str:
    """Return the same for what a market, by its key, came to at an expiry."""
    return f"fix/{market}/{expiry_s}"


def _utc(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
