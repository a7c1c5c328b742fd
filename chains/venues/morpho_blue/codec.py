"""Morpho Blue's wire format: markets' ids, questions, answers, and logs. Source: IMorpho and EventsLib 1.0.0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from eth_hash.auto import keccak

from chains.hub.codec import selector, word
from chains.venues.morpho_blue.state import Holding, MarketParameters
from chains.venues.venue import Borrower, Liquidation, Obstacle, Outcome
from chains.venues.words import (
    PANIC,
    address_word,
    log_words,
    read_address_word,
    read_words,
    revert_text,
    topic,
)

Log: TypeAlias = Mapping[str, Any]

_PARAMETERS = "(address,address,address,address,uint256)"
PRICE = selector("price()")
MARKET = selector("market(bytes32)")
POSITION = selector("position(bytes32,address)")
PARAMETERS = selector("idToMarketParams(bytes32)")
RATE = selector(f"borrowRateView({_PARAMETERS},(uint128,uint128,uint128,uint128,uint128,uint128))")
LIQUIDATE = selector(f"liquidate({_PARAMETERS},address,uint256,uint256,bytes)")
NO_IRM = "0x" + "00" * 20


def parameter_words(parameters: MarketParameters) -> bytes:
    """Return a market's parameters as the contracts encode them."""
    addresses = (parameters.loan_asset, parameters.collateral_asset, parameters.oracle, parameters.irm)
    return b"".join((*map(address_word, addresses), word(parameters.lltv_wad)))


def market_id(parameters: MarketParameters) -> str:
    """Return a market's id, 0x hex."""
    return "0x" + bytes(keccak(parameter_words(parameters))).hex()


def market_call(market: str) -> bytes:
    """Return the question for a market's totals."""
    return MARKET + bytes.fromhex(market[2:])


def parameters_call(market: str) -> bytes:
    """Return the question for a market's parameters."""
    return PARAMETERS + bytes.fromhex(market[2:])


def position_call(borrower: Borrower) -> bytes:
    """Return the question for what a borrower has."""
    return POSITION + bytes.fromhex(borrower.market[2:]) + address_word(borrower.account)


def rate_call(parameters: MarketParameters, totals: Sequence[int]) -> bytes:
    """Return the question for what a second costs, for a market with these six totals."""
    return RATE + parameter_words(parameters) + b"".join(map(word, totals))


def liquidate_call(parameters: MarketParameters, liquidation: Liquidation) -> bytes:
    """Return calldata of ``liquidate``, by assets or by shares, without a callback."""
    return b"".join(
        (
            LIQUIDATE,
            parameter_words(parameters),
            address_word(liquidation.borrower.account),
            word(liquidation.seize_argument),
            word(liquidation.repay_argument),
            word(32 * 9),
            word(0),
        )
    )


def read_parameters(answer: bytes) -> MarketParameters:
    """Return a market's parameters. Raises ``ValueError`` for another shape."""
    loan, collateral, oracle, irm, lltv = read_words(answer, 5)
    return MarketParameters(
        loan_asset=read_address_word(loan),
        collateral_asset=read_address_word(collateral),
        oracle=read_address_word(oracle),
        irm=read_address_word(irm),
        lltv_wad=lltv,
    )


def read_holding(answer: bytes) -> Holding:
    """Return what a borrower has. Raises ``ValueError`` for another shape."""
    _, borrow_shares, collateral = read_words(answer, 3)
    return Holding(borrow_shares, collateral)


_LIQUIDATE = topic("Liquidate(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)")
# Each event that changes what a borrower has: its data words, and which topic after the first is the borrower.
_TOUCHING = {
    topic("Borrow(bytes32,address,address,address,uint256,uint256)"): (3, 1),
    topic("Repay(bytes32,address,address,uint256,uint256)"): (2, 2),
    topic("SupplyCollateral(bytes32,address,address,uint256)"): (1, 2),
    topic("WithdrawCollateral(bytes32,address,address,address,uint256)"): (2, 1),
    _LIQUIDATE: (5, 2),
}


def touched(logs: Sequence[Log]) -> frozenset[Borrower]:
    """Return the borrowers that these logs changed, of every market."""
    found = set()
    for log in logs:
        known = _TOUCHING.get(log["topics"][0].lower()) if log["topics"] else None
        if known is not None:
            words, at = known
            fields, _ = log_words(log, 3, words)
            found.add(Borrower(read_address_word(fields[at]), "0x" + fields[0].to_bytes(32).hex()))
    return frozenset(found)


_UNDERFLOW = PANIC + word(0x11)


def refusal(revert_data: bytes) -> Obstacle | None:
    """Return what a revert of ``liquidate`` means; what is no longer there shows as an underflow."""
    if revert_data == _UNDERFLOW:
        return Obstacle.LESS_THAN_ASKED
    return Obstacle.HEALTHY if revert_text(revert_data) == "position is healthy" else None


def outcomes(logs: Sequence[Log], markets: Mapping[str, MarketParameters]) -> tuple[Outcome, ...]:
    """Return the liquidations of these markets among the logs."""
    found = []
    for log in logs:
        if not log["topics"] or log["topics"][0].lower() != _LIQUIDATE:
            continue
        (market, caller, borrower), (repaid, _, seized, bad_debt, _) = log_words(log, 3, 5)
        name = "0x" + market.to_bytes(32).hex()
        if name in markets:
            found.append(
                Outcome(
                    borrower=Borrower(read_address_word(borrower), name),
                    liquidator=read_address_word(caller),
                    debt_asset=markets[name].loan_asset,
                    collateral_asset=markets[name].collateral_asset,
                    repaid=repaid,
                    seized=seized,
                    bad_debt=bad_debt,
                )
            )
    return tuple(found)
