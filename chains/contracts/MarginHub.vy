# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize codesize
"""
@title Margin hub
@license Apache-2.0
@notice One chain's part of unified accounts: collateral, a stable debt and perpetuals against a pool. Adding
    risk needs local initial margin, or (cross margin) a quorum's attestation of unified initial health.
    Liquidation needs an attestation that unified health is below one; what it may do is bounded by this
    contract's own feeds, close factor and cooldown. Every function goes: id, checks, compute, effects, interact.
@custom:kill The owner's `set_paused(True)` stops what adds risk, and liquidations. Deposits, repayments and
    reductions go on.
"""

import ownership
import quorum
import listings
import prices
import ledger
import treasury
import desk
import actions
import liquidation

initializes: ownership
initializes: quorum[ownership := ownership]
initializes: listings[ownership := ownership]
initializes: prices[listings := listings]
initializes: ledger[listings := listings, prices := prices]
initializes: treasury[ownership := ownership, listings := listings, ledger := ledger]
initializes: desk[ledger := ledger, ownership := ownership]
initializes: actions[quorum := quorum, listings := listings, prices := prices, ledger := ledger, treasury := treasury, desk := desk]
initializes: liquidation[quorum := quorum, listings := listings, prices := prices, ledger := ledger, treasury := treasury, desk := desk]

exports: (
    ownership.owner,
    ownership.pending_owner,
    ownership.transfer_ownership,
    ownership.accept_ownership,
    quorum.epoch,
    quorum.threshold,
    quorum.policy_hash,
    quorum.is_signer,
    quorum.signers,
    quorum.set_signers,
    quorum.set_policy,
    quorum.attestation_digest,
    listings.paused,
    listings.limits,
    listings.token_count,
    listings.market_count,
    listings.token_info,
    listings.market_info,
    prices.token_price,
    prices.market_price,
    listings.add_token,
    listings.add_market,
    listings.set_limits,
    listings.set_paused,
    ledger.legs,
    ledger.account_id_of,
    ledger.pool_cash,
    ledger.insurance,
    ledger.bad_debt_total,
    ledger.claim_value,
    ledger.claim_paid,
    treasury.fund_pool,
    treasury.fund_insurance,
    treasury.withdraw_pool,
    treasury.withdraw_insurance,
    actions.deposit,
    actions.withdraw,
    actions.borrow,
    actions.repay,
    actions.change_position,
    actions.trade_option,
    actions.set_cross_margin,
    liquidation.liquidate,
    liquidation.seize,
    liquidation.write_off,
    desk.option_desk,
    desk.set_option_desk,
    desk.settle_option,
)


@deploy
def __init__(stable: address, stable_feed: address, stable_decimals: uint256):
    """
    @notice The deployer becomes owner. The stable is listed as token 0, and cautious limits are set.
    @param stable The token that is lent, and that gains and losses are settled in.
    @param stable_feed Its USD feed.
    @param stable_decimals Its decimals.
    """
    ownership.__init__()
    listings.__init__(stable, stable_feed, stable_decimals)
