"""Aave v3.0's wire format: questions as calldata, answers as values, logs as who was touched and what came.

Source: IPool, IPoolAddressesProvider, IScaledBalanceToken, IStableDebtToken of Aave v3.0.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from chains.hub.codec import selector, word
from chains.venues.aave_v3.configuration import read_configuration
from chains.venues.aave_v3.state import EMode, Reserve
from chains.venues.venue import Borrower, Liquidation, Obstacle, Outcome
from chains.venues.words import address_word, log_words, read_address_word, read_words, revert_text, topic

Log: TypeAlias = Mapping[str, Any]

PROVIDER = selector("ADDRESSES_PROVIDER()")
RESERVES = selector("getReservesList()")
PRICE_ORACLE = selector("getPriceOracle()")
SENTINEL = selector("getPriceOracleSentinel()")
SENTINEL_ALLOWS = selector("isLiquidationAllowed()")
LIQUIDATION_CALL = selector("liquidationCall(address,address,address,uint256,bool)")
_RESERVE_WORDS = 15


def about(function: str, address: str) -> bytes:
    """Return calldata of a function whose one argument is an address."""
    return selector(f"{function}(address)") + address_word(address)


def emode_call(category: int) -> bytes:
    """Return the question for an efficiency mode."""
    return selector("getEModeCategoryData(uint8)") + word(category)


def liquidation_call(liquidation: Liquidation, *, receive_a_token: bool = False) -> bytes:
    """Return calldata of ``liquidationCall``."""
    return b"".join(
        (
            LIQUIDATION_CALL,
            address_word(liquidation.collateral_asset),
            address_word(liquidation.debt_asset),
            address_word(liquidation.borrower.account),
            word(liquidation.repay_argument),
            word(receive_a_token),
        )
    )


def read_reserve(asset: str, answer: bytes, price: int | None = None, available: int = 0) -> Reserve:
    """Return a reserve from ``getReserveData``. Raises ``ValueError`` for another shape."""
    row = read_words(answer, _RESERVE_WORDS)
    bits, index, rate, debt_index, debt_rate, _, updated_s, reserve_id, a_token, stable, variable, *_ = row
    return Reserve(
        reserve_id=reserve_id,
        asset=asset,
        configuration=read_configuration(bits),
        liquidity_index=index,
        liquidity_rate=rate,
        variable_borrow_index=debt_index,
        variable_borrow_rate=debt_rate,
        updated_s=updated_s,
        a_token=read_address_word(a_token),
        stable_debt_token=read_address_word(stable),
        variable_debt_token=read_address_word(variable),
        price=price,
        available=available,
    )


def read_emode(category: int, answer: bytes) -> EMode:
    """Return a mode, still without its price. Raises ``ValueError`` for another shape."""
    if len(answer) < 32 * 6 or answer[:32] != word(32):
        raise ValueError(f"{len(answer)} bytes are not an efficiency mode")
    ltv, threshold, bonus, source = read_words(answer[32 : 32 * 5], 4)
    return EMode(category, ltv, threshold, bonus, read_address_word(source) if source else "", price=None)


# Each event that changes what an account has, and which of its indexed fields hold such an account.
_TOUCHING = {
    topic(signature): (indexed, words, accounts)
    for signature, indexed, words, accounts in (
        ("Supply(address,address,address,uint256,uint16)", 3, 2, (1,)),
        ("MintUnbacked(address,address,address,uint256,uint16)", 3, 2, (1,)),
        ("Withdraw(address,address,address,uint256)", 3, 1, (1,)),
        ("Borrow(address,address,address,uint256,uint8,uint256,uint16)", 3, 4, (1,)),
        ("Repay(address,address,address,uint256,bool)", 3, 2, (1, 2)),
        ("SwapBorrowRateMode(address,address,uint8)", 2, 1, (1,)),
        ("RebalanceStableBorrowRate(address,address)", 2, 0, (1,)),
        ("ReserveUsedAsCollateralEnabled(address,address)", 2, 0, (1,)),
        ("ReserveUsedAsCollateralDisabled(address,address)", 2, 0, (1,)),
        ("UserEModeSet(address,uint8)", 1, 1, (0,)),
        ("LiquidationCall(address,address,address,uint256,uint256,address,bool)", 3, 4, (2,)),
        ("BalanceTransfer(address,address,uint256,uint256)", 2, 2, (0, 1)),
    )
}
_LIQUIDATED = topic("LiquidationCall(address,address,address,uint256,uint256,address,bool)")


def touched(logs: Sequence[Log]) -> frozenset[Borrower]:
    """Return the accounts that these logs of the pool and its receipt tokens changed."""
    found = set()
    for log in logs:
        known = _TOUCHING.get(log["topics"][0].lower()) if log["topics"] else None
        if known is not None:
            indexed, words, accounts = known
            fields, _ = log_words(log, indexed, words)
            found |= {Borrower(read_address_word(fields[at])) for at in accounts}
    return frozenset(found)


_REFUSALS = {
    "27": Obstacle.INACTIVE,
    "29": Obstacle.PAUSED,
    "45": Obstacle.HEALTHY,
    "46": Obstacle.NOT_COLLATERAL,
    "47": Obstacle.NO_DEBT,
    "59": Obstacle.SENTINEL,
}


def refusal(revert_data: bytes) -> Obstacle | None:
    """Return what a revert of ``liquidationCall`` means; the pool's errors are numbers as text."""
    return _REFUSALS.get(revert_text(revert_data))


def outcomes(logs: Sequence[Log]) -> tuple[Outcome, ...]:
    """Return the liquidations among these logs."""
    found = []
    for log in logs:
        if log["topics"] and log["topics"][0].lower() == _LIQUIDATED:
            (collateral, debt, user), (repaid, seized, liquidator, _) = log_words(log, 3, 4)
            found.append(
                Outcome(
                    borrower=Borrower(read_address_word(user)),
                    liquidator=read_address_word(liquidator),
                    debt_asset=read_address_word(debt),
                    collateral_asset=read_address_word(collateral),
                    repaid=repaid,
                    seized=seized,
                )
            )
    return tuple(found)
