"""Limits of spending and fees: what must fit into what."""

from __future__ import annotations

from collections.abc import Iterator

from config.errors import Remark
from config.settings import Settings, SpendingSettings

GIVE_UP_AFTER_BLOCKS = 16
"""How long the lowest open nonce may be in the way of all others: within twenty it is mined or cancelled."""
CANCEL_GAS = 21_000
"""Gas of a plain transfer, by which a stuck nonce is freed."""


def check_spending(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with the order of spending limits and fee ceilings."""
    spending = settings.spending
    transaction, hour, day = (
        spending.max_per_transaction_wei,
        spending.max_per_hour_wei,
        spending.max_per_day_wei,
    )
    reserve = spending.cancel_reserve_wei
    if transaction > hour:
        message = f"{transaction} wei is above max_per_hour_wei, {hour} wei"
        yield Remark(
            ("spending", "max_per_transaction_wei"), "E326", message, "one transaction must fit into an hour"
        )
    if hour > day:
        message = f"{hour} wei is above max_per_day_wei, {day} wei"
        yield Remark(("spending", "max_per_hour_wei"), "E326", message, "one hour must fit into a day")
    yield from _target(spending)
    if transaction <= hour and transaction + reserve > hour:
        message = f"{reserve} wei leaves less of an hour's limit than one transaction may cost"
        advice = (
            "set it so that cancel_reserve_wei and max_per_transaction_wei together fit into max_per_hour_wei"
        )
        yield Remark(("spending", "cancel_reserve_wei"), "E327", message, advice)
    for name, chain in settings.chains.items():
        if chain.bump_after_blocks >= GIVE_UP_AFTER_BLOCKS:
            message = f"a nonce that is stuck for {GIVE_UP_AFTER_BLOCKS} blocks is freed: no bump ever comes"
            advice = f"set it below {GIVE_UP_AFTER_BLOCKS}; a third of that leaves room for a few bumps"
            yield Remark(("chains", name, "bump_after_blocks"), "W340", message, advice)
        cancel = chain.max_fee_per_gas_wei * CANCEL_GAS
        at = ("chains", name, "max_fee_per_gas_wei")
        if cancel > transaction:
            message = (
                f"at this fee even a plain transfer costs {cancel} wei, more than max_per_transaction_wei"
            )
            advice = (
                f"lower it (1 gwei is 1000000000 wei), or raise max_per_transaction_wei above {transaction}"
            )
            yield Remark(at, "E328", message, advice)
        elif cancel > reserve:
            message = f"at this fee a cancel costs {cancel} wei, more than cancel_reserve_wei, {reserve} wei"
            yield Remark(at, "W329", message, "raise spending.cancel_reserve_wei, or lower this ceiling")


def _target(spending: SpendingSettings) -> Iterator[Remark]:
    target, day = spending.max_per_target_per_day_wei, spending.max_per_day_wei
    if target is None:
        return
    at = ("spending", "max_per_target_per_day_wei")
    if target > day:
        message = f"{target} wei is above max_per_day_wei, {day} wei"
        yield Remark(at, "E326", message, "what one contract may cost must fit into a day")
    if target < spending.max_per_transaction_wei:
        message = f"{target} wei is below max_per_transaction_wei, {spending.max_per_transaction_wei} wei"
        yield Remark(at, "E326", message, "one transaction must fit into what its contract may cost")
