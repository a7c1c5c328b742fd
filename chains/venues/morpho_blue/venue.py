"""Morpho Blue behind the venue interface: a borrower is an account in one of the configured markets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chains.blocks import Head
from chains.errors import MalformedAnswer
from chains.venues.morpho_blue import codec
from chains.venues.morpho_blue.liquidation import best_liquidation, health
from chains.venues.morpho_blue.state import Market, MarketParameters, MarketsState
from chains.venues.reading import Answers, CallChain, ask
from chains.venues.rehearsal import constant_code
from chains.venues.venue import (
    Blocked,
    Borrower,
    Liquidation,
    Obstacle,
    Outcome,
    Position,
    VenueCall,
    VenueHealth,
)
from chains.venues.words import read_words
from config.units import BPS


async def read_markets(
    chain: CallChain, morpho: str, markets: Sequence[str], head: Head
) -> tuple[MarketParameters, ...]:
    """Return the parameters of markets given by id. Raises `MalformedAnswer` for an id that no market has."""
    questions = [(morpho, codec.parameters_call(market)) for market in markets]
    answers = await ask(chain, questions, head.hash)
    found = tuple(answers.read(question, codec.read_parameters) for question in questions)
    for market, parameters in zip(markets, found, strict=True):
        if codec.market_id(parameters) != market.lower():
            raise MalformedAnswer(f"no market has the id {market}")
    return found


class MorphoBlue:
    """These markets on one chain. Values are raw units of a market's loan asset."""

    def __init__(self, chain: CallChain, morpho: str, markets: Sequence[MarketParameters]) -> None:
        self._chain = chain
        self._morpho = morpho
        self._markets = {codec.market_id(parameters): parameters for parameters in markets}

    def emitters(self, state: MarketsState | None) -> tuple[str, ...]:  # noqa: ARG002 - one contract tells all
        """Return the one contract."""
        return (self._morpho,)

    def touched(self, logs: Sequence[Mapping[str, Any]]) -> frozenset[Borrower]:
        """Return the borrowers of our markets that these logs changed. Raises ``ValueError`` for another shape."""
        return frozenset(each for each in codec.touched(logs) if each.market in self._markets)

    async def read(
        self, borrowers: Sequence[Borrower], head: Head, known: MarketsState | None = None
    ) -> MarketsState:
        """Return the markets and these borrowers as of this block, others as in `known`, in two rounds.

        A price or a rate that reverts stops its own market only. Raises what the chain's `call_many`
        raises, and `MalformedAnswer`.
        """
        answers = await ask(
            self._chain,
            [
                *((self._morpho, codec.market_call(market)) for market in self._markets),
                *((parameters.oracle, codec.PRICE) for parameters in self._markets.values()),
                *((self._morpho, codec.position_call(borrower)) for borrower in borrowers),
            ],
            head.hash,
        )
        totals = {market: self._totals(answers, market) for market in self._markets}
        rates = await ask(
            self._chain,
            [
                (parameters.irm, codec.rate_call(parameters, totals[market]))
                for market, parameters in self._markets.items()
                if parameters.irm != codec.NO_IRM
            ],
            head.hash,
        )
        taken_over = dict(known.holdings) if known else {}
        return MarketsState(
            block_hash=head.hash,
            timestamp_s=head.timestamp,
            markets={
                market: self._market(market, totals[market], answers, rates) for market in self._markets
            },
            holdings=taken_over
            | {
                borrower: answers.read((self._morpho, codec.position_call(borrower)), codec.read_holding)
                for borrower in borrowers
            },
        )

    def positions(self, state: MarketsState, borrower: Borrower, now_s: int) -> tuple[Position, ...]:
        """Return the collateral and the debt."""
        market, holding = state.markets.get(borrower.market), state.holdings.get(borrower)
        if market is None or holding is None:
            return ()
        owed = market.accrued(now_s).owed(holding.borrow_shares)
        return (
            Position(market.parameters.collateral_asset, holding.collateral, 0, is_collateral=True),
            Position(market.parameters.loan_asset, 0, owed, is_collateral=False),
        )

    def health(self, state: MarketsState, borrower: Borrower, now_s: int) -> VenueHealth:
        """Return what may be owed over what is owed, in a block of this time."""
        market, holding = state.markets.get(borrower.market), state.holdings.get(borrower)
        if market is None or holding is None:
            return VenueHealth(None, 0, 0, Obstacle.UNKNOWN_ACCOUNT)
        return health(market.accrued(now_s), holding)

    def best(
        self, state: MarketsState, borrower: Borrower, now_s: int, *, limits: Mapping[str, int] | None = None
    ) -> Liquidation | Blocked:
        """Return the liquidation of as much as there is, or as the limit pays for."""
        return best_liquidation(state, borrower, now_s, limits)

    def call(self, liquidation: Liquidation) -> VenueCall:
        """Return the call. Raises ``KeyError`` for a market that is not ours."""
        parameters = self._markets[liquidation.borrower.market]
        return VenueCall(self._morpho, codec.liquidate_call(parameters, liquidation))

    def outcomes(self, logs: Sequence[Mapping[str, Any]]) -> tuple[Outcome, ...]:
        """Return the liquidations in our markets among these logs."""
        return codec.outcomes(logs, self._markets)

    def with_collateral_at(self, state: MarketsState, borrower: Borrower, share_bps: int) -> MarketsState:
        """Return the state with the price of the borrower's market at this share."""
        market = state.markets[borrower.market]
        price = None if market.price is None else market.price * share_bps // BPS
        return replace(state, markets={**state.markets, borrower.market: replace(market, price=price)})

    def pretended_prices(self, state: MarketsState) -> dict[str, bytes]:
        """Return code that stands in for the markets' oracles."""
        return {
            market.parameters.oracle: constant_code(market.price)
            for market in state.markets.values()
            if market.price is not None
        }

    def refusal(self, revert_data: bytes) -> Obstacle | None:
        """Return why the contract refused a call, None if it says nothing of the borrower."""
        return codec.refusal(revert_data)

    def _totals(self, answers: Answers, market: str) -> tuple[int, ...]:
        totals = answers.read((self._morpho, codec.market_call(market)), lambda answer: read_words(answer, 6))
        if totals[4] == 0:
            raise MalformedAnswer(f"no market has the id {market}")
        return totals

    def _market(self, market: str, totals: tuple[int, ...], answers: Answers, rates: Answers) -> Market:
        parameters = self._markets[market]
        price = answers.read_or_none((parameters.oracle, codec.PRICE), _one)
        rate: int | None = 0
        if parameters.irm != codec.NO_IRM:
            rate = rates.read_or_none((parameters.irm, codec.rate_call(parameters, totals)), _one)
        # Without a rate the protocol can not accrue, so nothing can be done there, as without a price.
        supply_assets, supply_shares, borrow_assets, borrow_shares, updated_s, fee_wad = totals
        return Market(
            parameters=parameters,
            supply_assets=supply_assets,
            supply_shares=supply_shares,
            borrow_assets=borrow_assets,
            borrow_shares=borrow_shares,
            updated_s=updated_s,
            fee_wad=fee_wad,
            rate_wad=rate or 0,
            price=None if rate is None else price,
        )


def _one(answer: bytes) -> int:
    return read_words(answer, 1)[0]
