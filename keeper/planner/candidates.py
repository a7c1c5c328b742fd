"""Every step the hubs would let through now, each at its largest, and why others are not possible.

The bounds here are the hubs' and the account's: close factor, dust, cooldown, balances, claims, the
price band. What the keeper itself can afford comes on top (see `plan`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from chains.hub.attestation import Action
from chains.hub.options import item_of
from config.units import BPS, WAD, mul_div_down, mul_div_up
from keeper.domain.account import Leg, OptionPosition, PendingClaim
from keeper.planner.conditions import Conditions
from keeper.planner.effects import Move
from keeper.planner.facts import MarketFacts, TokenFacts, VenueFacts
from keeper.planner.ground import Ground, balance_of, debt_of, position_of
from keeper.planner.hub_arithmetic import amount_down, amount_up, value_down, value_up, with_penalty
from keeper.planner.reasons import describe

Slot: TypeAlias = "tuple[Action, str, int, str]"
"""What one step is taken of at a time: (action, chain, item, claim). A cooldown goes by it too."""

Key: TypeAlias = "tuple[Action, str, int, str, str, str]"
"""A slot, and the target's chain and token."""

CRUMB_WAD = WAD
"""USD of collateral that roundings may leave behind and that nobody can be paid to fetch."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A move at its largest. `everything` is the size that would leave nothing of what it acts on.

    `asset` is what is closed or taken. `price_wad` is the price of `unit` of what the size counts.
    """

    move: Move
    asset: str
    everything: int
    price_wad: int
    unit: int

    @property
    def key(self) -> Key:
        """What the step is, whatever its size; unlike the slot it tells targets apart."""
        return *slot_of(self.move), self.move.target_chain or "", self.move.target_token or ""

    @property
    def name(self) -> str:
        """What the step is, for people."""
        return describe(self.move, self.asset)


def slot_of(move: Move) -> Slot:
    """Return the slot a move takes."""
    return move.action, move.chain, move.item, move.claim or ""


@dataclass(frozen=True, slots=True)
class Impossible:
    """A step that can not be taken now, and why."""

    candidate: Candidate
    reason: str

    def __str__(self) -> str:
        return f"{self.candidate.name}: {self.reason}"


Found: TypeAlias = "Candidate | Impossible"


def reducing(ground: Ground, conditions: Conditions, *, whole: bool) -> Iterator[Found]:
    """Yield every CLOSE, OPTION_CLOSE, REPAY and REPAY_CROSS, leg by leg in that order.

    With `whole` a repayment may ask for more than its collateral is worth by the price band, so that the
    hub takes all of it even at a higher price; it scales the repayment down by itself.
    """
    facts = conditions.prices.facts
    for leg in ground.account.legs:
        venue = facts.get(leg.chain)
        if venue is None:
            continue
        for market in venue.markets:
            yield from _close(leg, venue, market, conditions)
        for option in leg.options:
            yield _close_option(leg, venue, option, conditions)
        if leg.debt is None:
            continue
        for token in venue.tokens:
            yield from _repay(leg, venue, token, conditions, whole=whole)
        for backing in ground.account.legs:
            target = facts.get(backing.chain)
            if target is not None and backing.chain != leg.chain:
                for token in target.tokens:
                    yield from _repay_cross(leg, venue, backing, target, token, conditions)


def seizing(ground: Ground, conditions: Conditions) -> Iterator[tuple[PendingClaim, Found]]:
    """Yield SEIZE for every pending claim."""
    for leg in ground.account.legs:
        venue = conditions.prices.facts.get(leg.chain)
        for claim in leg.claims:
            token = venue.token_at(claim.token) if venue is not None else None
            if venue is not None and token is not None:
                yield claim, _seize(leg, venue, token, claim, conditions)


def writing_off(ground: Ground, conditions: Conditions) -> Iterator[Found]:
    """Yield WRITE_OFF for every leg with nothing but debt, once nothing anywhere could still pay it."""
    legs = ground.account.legs
    facts = conditions.prices.facts
    if any(
        leg.positions or leg.options or leg.claims or leg.unreadable or leg.chain not in facts for leg in legs
    ):
        return
    left_wad = sum(
        value_up(held.amount, token, conditions.prices.at(leg.chain, token.asset))
        for leg in legs
        for held in leg.collateral
        if (token := facts[leg.chain].token_at(held.token)) is not None
    )
    if left_wad > CRUMB_WAD:
        return
    for leg in legs:
        if leg.debt is not None and not leg.collateral:
            venue = facts[leg.chain]
            stable, amount = venue.stable, leg.debt.amount
            move = Move(Action.WRITE_OFF, leg.chain, 0, amount)
            price_wad = conditions.prices.at(leg.chain, stable.asset)
            candidate = Candidate(move, stable.asset, amount, price_wad, 10**stable.decimals)
            obstacle = conditions.obstacle(leg, venue, move, stable.asset)
            yield Impossible(candidate, obstacle) if obstacle else candidate


def _close(leg: Leg, venue: VenueFacts, market: MarketFacts, conditions: Conditions) -> Iterator[Found]:
    position = position_of(leg, market)
    if position is None:
        return
    held, stable = abs(position.size_wad), venue.stable.asset
    price_wad = conditions.prices.at(leg.chain, market.asset)
    small = _only_small(venue, market.asset)
    size = conditions.largest_step(venue, held, price_wad, WAD, small=small)
    move = Move(Action.CLOSE, leg.chain, market.hub_id, size)
    candidate = Candidate(move, market.asset, held, price_wad, WAD)
    obstacle = conditions.obstacle(leg, venue, move, market.asset, stable)
    yield Impossible(candidate, obstacle) if obstacle else candidate


def _close_option(leg: Leg, venue: VenueFacts, option: OptionPosition, conditions: Conditions) -> Found:
    prices, held, item = conditions.prices, abs(option.size_wad), item_of(option.series)
    underlying_wad = prices.at(leg.chain, option.asset) if prices.known(leg.chain, option.asset) else 0
    small = _only_small(venue, option.asset)
    largest = conditions.largest_step(venue, held, underlying_wad, WAD, small=small)
    move = Move(Action.OPTION_CLOSE, leg.chain, item, largest)
    candidate = Candidate(move, option.asset, held, underlying_wad, WAD)
    obstacle = conditions.obstacle(leg, venue, move, option.asset, venue.stable.asset)
    obstacle = obstacle or conditions.expiry_obstacle(venue, option.expiry_s)
    if not obstacle and prices.option(option.series) is None:
        obstacle = f"the option on {option.asset} has no price"
    return Impossible(candidate, obstacle) if obstacle else candidate


def _repay(
    leg: Leg, venue: VenueFacts, token: TokenFacts, conditions: Conditions, *, whole: bool
) -> Iterator[Found]:
    available = _unclaimed(leg, venue, token, conditions)
    if available == 0:
        return
    prices, stable = conditions.prices, venue.stable
    backed_wad = _backed(available, token, prices.at(leg.chain, token.asset))
    if whole and available == balance_of(leg, token):
        backed_wad = mul_div_up(backed_wad + 1, BPS + 2 * venue.price_band_bps, BPS)
    candidate = _repayment(leg, venue, conditions, Action.REPAY, venue, token, backed_wad)
    obstacle = conditions.obstacle(leg, venue, candidate.move, token.asset, stable.asset)
    obstacle = obstacle or conditions.sale_obstacle(venue, token.asset)
    yield Impossible(candidate, obstacle) if obstacle else candidate


def _repay_cross(
    leg: Leg,
    venue: VenueFacts,
    backing: Leg,
    target: VenueFacts,
    token: TokenFacts,
    conditions: Conditions,
) -> Iterator[Found]:
    available = _unclaimed(backing, target, token, conditions)
    if available == 0:
        return
    backed_wad = _backed(available, token, conditions.prices.at(target.chain, token.asset))
    candidate = _repayment(leg, venue, conditions, Action.REPAY_CROSS, target, token, backed_wad)
    obstacle = (
        conditions.obstacle(leg, venue, candidate.move, venue.stable.asset)
        or conditions.chain_obstacle(target)
        or conditions.price_obstacle(target, token.asset)
        or conditions.sale_obstacle(target, token.asset)
        or ("" if backing.cross_margin else f"the leg on {target.chain} does not back other chains")
    )
    yield Impossible(candidate, obstacle) if obstacle else candidate


def _repayment(
    leg: Leg,
    venue: VenueFacts,
    conditions: Conditions,
    action: Action,
    target: VenueFacts,
    token: TokenFacts,
    backed_wad: int,
) -> Candidate:
    stable, debt = venue.stable, debt_of(leg)
    price_wad, unit = conditions.prices.at(leg.chain, stable.asset), 10**stable.decimals
    backed = amount_down(backed_wad, stable, price_wad)
    small = _only_small(venue, stable.asset) or _only_small(target, token.asset, sold=True)
    size = min(conditions.largest_step(venue, debt, price_wad, unit, small=small), backed)
    move = Move(action, leg.chain, token.token_id, size)
    if action is Action.REPAY_CROSS:
        move = Move(action, leg.chain, 0, size, target.chain, token.token)
    return Candidate(move, token.asset, min(debt, backed), price_wad, unit)


def _seize(
    leg: Leg, venue: VenueFacts, token: TokenFacts, claim: PendingClaim, conditions: Conditions
) -> Found:
    price_wad = conditions.prices.at(leg.chain, token.asset)
    # Room for the hub's price to be lower by its band: what is not taken now is lost, the claim is single use.
    owed_wad = mul_div_up(with_penalty(claim.value_wad, token.penalty_bps), BPS, BPS - venue.price_band_bps)
    size = min(amount_up(owed_wad, token, price_wad), balance_of(leg, token))
    move = Move(Action.SEIZE, leg.chain, token.token_id, size, claim=claim.claim)
    candidate = Candidate(move, token.asset, size, price_wad, 10**token.decimals)
    source = conditions.prices.facts.get(claim.source_chain)
    confirmations = source.claim_confirmations if source is not None else 0
    obstacle = (
        conditions.chain_obstacle(venue)
        or conditions.price_obstacle(venue, token.asset)
        or conditions.claim_obstacle(claim.source_chain, claim.opened_number, confirmations)
        or ("" if leg.cross_margin else f"the leg on {leg.chain} does not back other chains any more")
        or ("" if size else f"no {token.asset} is left on {leg.chain}")
    )
    return Impossible(candidate, obstacle) if obstacle else candidate


def _only_small(venue: VenueFacts, asset: str, *, sold: bool = False) -> bool:
    """Whether steps with an asset, or those that take it to be `sold`, are to be small."""
    return asset in venue.small_assets or (sold and asset in venue.small_sales)


def _unclaimed(leg: Leg, venue: VenueFacts, token: TokenFacts, conditions: Conditions) -> int:
    """Return the raw balance that no pending claim will be paid from."""
    claimed_wad = sum(
        with_penalty(claim.value_wad, token.penalty_bps) for claim in leg.claims if claim.token == token.token
    )
    balance = balance_of(leg, token)
    if not claimed_wad:
        return balance
    return max(balance - amount_up(claimed_wad, token, conditions.prices.at(venue.chain, token.asset)), 0)


def backing_wad(leg: Leg, venue: VenueFacts, token: TokenFacts, conditions: Conditions) -> int:
    """Return the USD that can be repaid for what the leg has of a token and no pending claim will take."""
    available = _unclaimed(leg, venue, token, conditions)
    return _backed(available, token, conditions.prices.at(leg.chain, token.asset))


def _backed(available: int, token: TokenFacts, price_wad: int) -> int:
    """Return the USD that can be repaid for an amount of a token and its penalty."""
    return mul_div_down(value_down(available, token, price_wad), BPS, BPS + token.penalty_bps)
