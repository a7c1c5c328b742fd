"""What an attestor must find for itself before it signs. Pure: everything it saw comes in as values.

Checks run from the cheapest to the dearest, and the first that fails is the answer, with the
figures that failed it. Liquidation steps need the account certainly liquidatable in this
attestor's own eyes, and a size within its own plan's bounds; a seizure needs a claim it has seen
opened; an owner's action needs unified initial health to remain after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chains.hub.attestation import Action, Attestation
from chains.hub.reader import HubFacts
from chains.hub.signatures import blocks_root
from config.settings import AttestorSettings, ChainSettings
from config.units import BPS, WAD, format_wad, mul_div_up
from keeper.attest.cut import CutView
from keeper.attest.option_judge import ON_OPTIONS, named_option, price_refusal
from keeper.attest.promises import OWN_ACTIONS
from keeper.attest.wire import CutBlock, RefusalReason, Refused
from keeper.book.catalogue import KnownChain
from keeper.domain.account import Account, Leg, OptionPosition
from keeper.domain.health import UnifiedHealth
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy, policy_hash
from keeper.margin.states import ACTIONABLE, next_state
from keeper.planner.bounds import BoundKey, bounds
from keeper.planner.effects import Move
from keeper.planner.facts import VenueFacts
from keeper.planner.initial import RiskAction, initial_after
from oracles.price import PriceSet

MAX_SKEW_S = 30
MAX_DEADLINE_S = 600


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything an attestor judges by. `now_ms` is its own clock.

    `initial_policy` is for what adds risk: `policy`, or stricter by this attestor's own measures.
    """

    own: AttestorSettings
    chains: Mapping[str, ChainSettings]
    policy: RiskPolicy
    prices: PriceSet
    facts: Mapping[str, HubFacts]
    venues: Mapping[str, VenueFacts]
    now_ms: int
    known: Mapping[str, KnownChain]
    initial_policy: RiskPolicy | None = None


def judge(
    attestation: Attestation,
    chain: str,
    cut: Sequence[CutBlock],
    view: CutView,
    terms: Terms,
    live: Sequence[Move] = (),
) -> Refused | None:
    """Return why this must not be signed, or None if it may. `live` are steps that were signed and may still be mined."""
    difference = view.contradicted.get(attestation.account)
    if difference is not None:
        return Refused(RefusalReason.CUT, difference)
    account = view.accounts.get(attestation.account)
    if account is None:
        return Refused(RefusalReason.UNKNOWN_ACCOUNT, f"{attestation.account} is on no chain")
    refusal = _form(attestation, chain, cut, terms) or _leg(attestation, chain, account)
    if refusal is not None:
        return refusal
    action = Action(attestation.action)
    health = evaluate(account, terms.prices.prices, view.points, terms.policy, price_set=terms.prices.id)
    option = _option(attestation, chain, account, view, terms) if action in ON_OPTIONS else None
    if isinstance(option, Refused):
        return option
    refusal = _price(attestation, chain, action, option, terms)
    if refusal is not None:
        return refusal
    if action is Action.SEIZE:
        return _claim(attestation, chain, account, view, terms) or _size(
            attestation, chain, action, account, health, terms
        )
    if action in OWN_ACTIONS:
        return _own_action(attestation, chain, action, account, option, view, terms)
    return _health(attestation, action, health, terms) or _size(
        attestation, chain, action, account, health, terms, live
    )


def _form(attestation: Attestation, chain: str, cut: Sequence[CutBlock], terms: Terms) -> Refused | None:
    """Check what needs no evidence: policy, epoch, times, the root of the cut, the action."""
    now_s = terms.now_ms // 1000
    ours = policy_hash(terms.policy)
    if attestation.policy_hash != ours or terms.facts[chain].policy_hash != ours:
        return Refused(
            RefusalReason.POLICY,
            f"asked under {attestation.policy_hash[:10]}, the hub has {terms.facts[chain].policy_hash[:10]}, "
            f"this attestor {ours[:10]}",
        )
    if attestation.epoch != terms.facts[chain].epoch:
        return Refused(
            RefusalReason.EPOCH, f"epoch {attestation.epoch}, the hub is at {terms.facts[chain].epoch}"
        )
    if abs(attestation.observed_at - now_s) > MAX_SKEW_S:
        return Refused(RefusalReason.TIME, f"observed at {attestation.observed_at}, it is {now_s}")
    if not now_s < attestation.deadline <= now_s + MAX_DEADLINE_S:
        return Refused(RefusalReason.TIME, f"deadline {attestation.deadline}, it is {now_s}")
    if attestation.blocks_root != blocks_root((b.chain_id, b.number, b.hash) for b in cut):
        return Refused(RefusalReason.CUT, "the root is not that of the blocks")
    if attestation.action not in set(Action):
        return Refused(RefusalReason.ACTION, f"action {attestation.action} is none")
    return None


def _leg(attestation: Attestation, chain: str, account: Account) -> Refused | None:
    """Check that the attestation fits the leg it is for: version and sequence."""
    leg = _leg_on(account, chain)
    version = leg.version if leg is not None else 0
    if attestation.version != version:
        return Refused(RefusalReason.VERSION, f"version {attestation.version}, on {chain} it is {version}")
    last = leg.last_sequence if leg is not None else 0
    if attestation.sequence <= last:
        return Refused(RefusalReason.SEQUENCE, f"sequence {attestation.sequence}, {last} was used")
    return None


def _option(
    attestation: Attestation, chain: str, account: Account, view: CutView, terms: Terms
) -> OptionPosition | Refused:
    opened = view.series.get((chain, attestation.item))
    return named_option(attestation, _leg_on(account, chain), opened, terms.known[chain])


def _price(
    attestation: Attestation, chain: str, action: Action, option: OptionPosition | None, terms: Terms
) -> Refused | None:
    """Check the attested price against this attestor's own, both ways by ratio."""
    if option is not None:
        prices, band_bps = terms.prices.prices, terms.own.price_band_bps
        return price_refusal(attestation, option, prices, terms.policy, band_bps, terms.now_ms // 1000)
    asset = _asset(attestation, chain, action, terms)
    if asset is None:
        return Refused(RefusalReason.ACTION, f"{chain} has no item {attestation.item} for {action.name}")
    price = terms.prices.prices.get(asset)
    own = price.mid_wad if price is not None else None
    if own is None:
        reason = price.reason if price is not None else "not configured"
        return Refused(RefusalReason.NO_PRICE, f"no price of {asset} here: {reason}")
    if action is Action.UNLINK:
        return None
    larger, smaller = max(attestation.price, own), min(attestation.price, own)
    if larger * BPS > smaller * (BPS + terms.own.price_band_bps):
        return Refused(
            RefusalReason.PRICE,
            f"{asset} at {format_wad(attestation.price, 2)}, here it is {format_wad(own, 2)}",
        )
    return None


def _asset(attestation: Attestation, chain: str, action: Action, terms: Terms) -> str | None:
    venue = terms.venues[chain]
    if action in {Action.CLOSE, Action.TRADE}:
        market = venue.market_number(attestation.item)
        return None if market is None else market.asset
    if action in {Action.REPAY, Action.SEIZE, Action.WITHDRAW}:
        token = venue.token_number(attestation.item)
        return None if token is None else token.asset
    return venue.stable.asset


def _health(attestation: Attestation, action: Action, health: UnifiedHealth, terms: Terms) -> Refused | None:
    """Check that the account is certainly liquidatable, and that the attested figure is not below this one's range."""
    if health.unknown_because:
        return Refused(RefusalReason.UNKNOWN_HEALTH, "; ".join(health.unknown_because))
    state = next_state(None, health, terms.policy)
    found = health.health
    shown = "infinite" if found is None else f"{format_wad(found.low)} to {format_wad(found.high)}"
    if state not in ACTIONABLE or found is None:
        return Refused(RefusalReason.HEALTHY, f"{state}: health is {shown}")
    if action is Action.WRITE_OFF:
        return None
    if attestation.health < found.low or attestation.health >= WAD:
        return Refused(
            RefusalReason.HEALTH_FIGURE, f"health {format_wad(attestation.health)}, here it is {shown}"
        )
    return None


def _size(
    attestation: Attestation,
    chain: str,
    action: Action,
    account: Account,
    health: UnifiedHealth,
    terms: Terms,
    live: Sequence[Move] = (),
) -> Refused | None:
    """Check the size against what this attestor would allow itself."""
    if health.unknown_because:
        return Refused(RefusalReason.UNKNOWN_HEALTH, "; ".join(health.unknown_because))
    tolerance_bps = terms.own.size_tolerance_bps
    allowed = bounds(account, health, terms.prices.prices, terms.policy, terms.venues, live, tolerance_bps)
    key = BoundKey(action, chain, attestation.item)
    if action is Action.REPAY_CROSS:
        target = next((name for name, its in terms.chains.items() if its.chain_id == attestation.value), None)
        key = BoundKey(action, chain, attestation.item, target, attestation.target)
    elif action is Action.SEIZE:
        key = BoundKey(action, chain, attestation.item, claim=attestation.claim)
    most = mul_div_up(allowed.get(key, 0), BPS + tolerance_bps, BPS)
    if not 0 < attestation.max_size <= most:
        return Refused(RefusalReason.SIZE, f"{action.name} of {attestation.max_size}, at most {most} here")
    return None


def _claim(
    attestation: Attestation, chain: str, account: Account, view: CutView, terms: Terms
) -> Refused | None:
    """Check that the claim was opened on its source chain, deep enough, and not yet paid here."""
    leg = _leg_on(account, chain)
    claim = next((each for each in (leg.claims if leg else ()) if each.claim == attestation.claim), None)
    if claim is None:
        return Refused(RefusalReason.CLAIM, f"claim {attestation.claim[:10]} is not pending on {chain}")
    token = terms.venues[chain].token_number(attestation.item)
    if token is None or token.token != claim.token:
        return Refused(RefusalReason.CLAIM, f"the claim is on {claim.token}, not on item {attestation.item}")
    if claim.value_wad != attestation.value or claim.beneficiary != attestation.beneficiary:
        return Refused(
            RefusalReason.CLAIM,
            f"it is worth {format_wad(claim.value_wad, 2)} and belongs to {claim.beneficiary}",
        )
    source = next((point for point in view.points if point.chain == claim.source_chain), None)
    depth = (source.number - claim.opened_number + 1) if source is not None else 0
    needed = terms.chains[claim.source_chain].claim_confirmations
    if depth < needed:
        return Refused(
            RefusalReason.CLAIM, f"opened {depth} blocks deep on {claim.source_chain}, {needed} are needed"
        )
    return None


def _own_action(
    attestation: Attestation,
    chain: str,
    action: Action,
    account: Account,
    option: OptionPosition | None,
    view: CutView,
    terms: Terms,
) -> Refused | None:
    """Check unified initial health after the owner's action, at its largest, in its worse direction."""
    asked = RiskAction(action, chain, attestation.item, attestation.max_size, option, attestation.price)
    policy = terms.initial_policy or terms.policy
    after = initial_after(account, asked, terms.prices.prices, view.points, policy, terms.venues)
    if after.refused:
        return Refused(RefusalReason.MARGIN, after.refused)
    if not after.allowed:
        return Refused(
            RefusalReason.MARGIN,
            f"initial surplus would be {format_wad(after.surplus.low, 2)} USD at the low end"
            + (", with the newest changes undone where that is worse" if account.unfinal else ""),
        )
    return None


def _leg_on(account: Account, chain: str) -> Leg | None:
    return next((leg for leg in account.legs if leg.chain == chain), None)
