"""What transactions cost and what they should earn, in USD and in a chain's own coin.

What a call may cost at most is what it should earn, or the operator's share of that: a liquidation that needs more
than it brings is not bumped but given up. Both are exact integers, rounded against spending.
"""

from __future__ import annotations

from chains.hub.attestation import Action
from chains.l1_fees import NOTHING
from config.settings import Settings
from config.units import BPS, WAD, mul_div_down, mul_div_up
from keeper.domain.plan import Step
from keeper.planner.facts import GasCosts
from keeper.watch.evidence import Evidence

GAS_USED = {
    Action.CLOSE: 260_000,
    Action.REPAY: 240_000,
    Action.REPAY_CROSS: 190_000,
    Action.SEIZE: 190_000,
    Action.WRITE_OFF: 130_000,
    Action.OPTION_CLOSE: 330_000,
}
"""Measured on the hub, rounded up; what a step is expected to cost, not its limit."""
TIP_WEI = 10**9


def gas_costs(chain: str, evidence: Evidence, settings: Settings) -> GasCosts:
    """Return what each step is expected to cost on a chain, its fee for data included, USD wad."""
    costs = {action: cost_wad(action, chain, evidence, settings) for action in GAS_USED}
    return GasCosts(
        close_wad=costs[Action.CLOSE],
        repay_wad=costs[Action.REPAY],
        repay_cross_wad=costs[Action.REPAY_CROSS],
        seize_wad=costs[Action.SEIZE],
        write_off_wad=costs[Action.WRITE_OFF],
        option_close_wad=costs[Action.OPTION_CLOSE],
    )


def cost_wad(action: Action, chain: str, evidence: Evidence, settings: Settings) -> int:
    """Return what one step is expected to cost, USD wad, rounded up."""
    head = evidence.statuses[chain].head
    price_wei = 2 * (head.base_fee_wei if head else 0) + TIP_WEI
    charge = evidence.data_charges.get(chain, NOTHING)
    return in_usd((GAS_USED[action] + charge.gas) * price_wei + charge.fee_wei, chain, evidence, settings)


def in_usd(wei: int, chain: str, evidence: Evidence, settings: Settings) -> int:
    """Return native wei in USD wad, rounded up. Without a price of the native asset it counts as nothing."""
    price = evidence.prices.prices.get(settings.chains[chain].native_asset)
    mid_wad = price.mid_wad if price is not None else None
    return mul_div_up(wei, mid_wad, WAD) if mid_wad is not None else 0


def worth_wei(step: Step, settings: Settings, evidence: Evidence) -> int | None:
    """Return the most that a step may cost in its chain's own coin: the configured share of what it should earn.

    None where it is not done for what it earns, or where the coin has no price: then the limits alone hold.
    """
    price = evidence.prices.prices.get(settings.chains[step.chain].native_asset)
    high_wad = price.high_wad if price is not None else None
    earned_wad = _earned_wad(step, settings, evidence)
    if not high_wad or earned_wad <= 0:
        return None
    share_wad = mul_div_down(earned_wad, settings.spending.max_profit_share_bps, BPS)
    return mul_div_down(share_wad, WAD, high_wad)


def _earned_wad(step: Step, settings: Settings, evidence: Evidence) -> int:
    """Return what is left of the penalty after the insurance's part, USD wad.

    Who repaid on one chain for a claim on another earns it there, and pays for both transactions. When the claim is
    taken what was repaid is spent already: all that it brings is earned.
    """
    paid_on = step.target_chain or step.chain
    insured_bps = evidence.facts[paid_on].limits.insurance_share_bps
    reward_wad = mul_div_down(step.penalty_wad, BPS - insured_bps, BPS)
    match step.action:
        case Action.WRITE_OFF:
            return 0
        case Action.REPAY_CROSS:
            return reward_wad - cost_wad(Action.SEIZE, paid_on, evidence, settings)
        case Action.SEIZE:
            return step.value_wad + reward_wad
        case _:
            return reward_wad
