"""The rescue of one account: which steps, on which chains, of which sizes, and why these.

Of all steps the hubs would let through, the one that brings the account nearer to its target at the
least penalty and gas is taken first, no larger than is needed to be certainly there, and so on
until it is. A plan of one step that costs less in all is preferred. A step that would lower
health is never part of a rescue; only where no other step that matters exists on any chain, or
the account is certainly bankrupt, is it closed whole.

Each step of a rescue by itself leaves the account no worse, so that they may be mined in any order and
any of them may fail. The steps of a whole close are in the order they must be mined on each chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chains.hub.attestation import Action
from keeper.domain.account import Account
from keeper.domain.health import UnifiedHealth
from keeper.domain.plan import Plan, Step
from keeper.margin.evidence import assets_of
from keeper.margin.parameters import RiskPolicy
from keeper.margin.states import may_be_liquidated
from keeper.planner.appraisal import EXACT, Appraiser, Standing
from keeper.planner.candidates import (
    Candidate,
    Found,
    Impossible,
    Key,
    seizing,
    slot_of,
    writing_off,
)
from keeper.planner.conditions import Conditions
from keeper.planner.effects import Effect, Move, effect
from keeper.planner.facts import Inventory, VenueFacts
from keeper.planner.ground import Ground, Prices
from keeper.planner.means import Lack, Means
from keeper.planner.optimum import Search
from keeper.planner.option_marks import marks_of
from keeper.planner.option_steps import option_of
from keeper.planner.reasons import ratio, sized, span, usd
from keeper.planner.rescue import Choice, Rescue, Survey, bill_wad, not_needed
from keeper.planner.sizing import Trial, Workbench
from oracles.price import Price


def plan(
    account: Account,
    health: UnifiedHealth,
    prices: Mapping[str, Price],
    policy: RiskPolicy,
    facts: Mapping[str, VenueFacts],
    inventory: Inventory,
    live: Sequence[Step] = (),
) -> Plan:
    """Return the steps to send now for `account`, possibly none.

    `health` is the account's health by `prices`; `facts` go by chain, and steps are planned only on
    chains they name. `live` are steps of earlier plans that may still be mined: the account is taken as
    it will be after them, and what they act on is left alone. The keeper's own pending claims are
    taken whatever the health is, unless it is unknown.
    """
    return Planning(account, health, prices, policy, facts, inventory, live).plan()


class Planning:
    """One call of `plan`."""

    def __init__(
        self,
        account: Account,
        health: UnifiedHealth,
        prices: Mapping[str, Price],
        policy: RiskPolicy,
        facts: Mapping[str, VenueFacts],
        inventory: Inventory,
        live: Sequence[Step],
    ) -> None:
        self._health = health
        self._policy = policy
        appraiser = Appraiser(health, prices, policy)
        options_wad = marks_of(account, prices, policy, health.cut)
        self._prices = Prices(appraiser.mids_wad, facts, options_wad)
        self._conditions = Conditions(health, self._prices, policy)
        self._bench = Workbench(appraiser, self._prices)
        self._account = account
        cash = {chain: venue.pool_cash for chain, venue in facts.items()}
        self._start = self._ground = self._after(Ground(account, cash), live)
        self._means = Means(inventory)
        self._steps: list[Step] = []
        self._rejected: dict[Key, str] = {}
        self._used = {slot_of(move_of(step)) for step in live}

    def plan(self) -> Plan:
        """Return the plan."""
        if self._health.unknown_because:
            return self._finished("Nothing is done while the account is unknown.")
        self._take_claims()
        if not may_be_liquidated(self._health, self._policy):
            return self._finished("The account is left alone.")
        if self._write_off():
            return self._finished(
                "Nothing is left anywhere that could pay the debt: it is recorded as bad.", whole=True
            )
        before = self._bench.appraiser.standing(self._ground.account)
        if before.shortfall <= 0:
            return self._finished("Steps already under way restore the account.")
        return self._rescue(before)

    def _rescue(self, before: Standing) -> Plan:
        rescue = Rescue(self._bench, self._conditions, self._policy.dust_value_wad, self._used)
        survey = rescue.survey(self._ground, before, self._means)
        bankrupt = self._health.equity.high < 0
        if bankrupt or rescue.only_toxic(survey):
            chosen, refused = rescue.everything(self._ground, before, self._means, bankrupt=bankrupt)
            cost_wad = bill_wad(chosen, self._means)
            self._take(chosen)
            self._rejected |= refused
            why = (
                f"equity is at best {usd(self._health.equity.high)}"
                if bankrupt
                else f"every step that matters would lower health ({next(iter(survey.reasons.values()))})"
            )
            outcome = (
                _summary(chosen, before, cost_wad) if chosen else _outcome(chosen, before, self._policy, 0)
            )
            return self._finished(f"Closed whole, since {why}: {outcome}", whole=True)
        greedy, refused = rescue.cheapest_relief_first(self._ground, before, self._means, survey)
        cheapest, compared = self._cheapest(rescue, survey, before, greedy)
        chosen = list(cheapest)
        self._rejected |= survey.reasons | refused
        if chosen:
            taken = [choice.candidate.key for choice in chosen]
            for key in taken:
                self._rejected.pop(key, None)
            self._rejected |= not_needed(survey.options, {*taken, *refused}, taken[0])
        cost_wad = bill_wad(chosen, self._means)
        self._take(chosen)
        return self._finished(_outcome(chosen, before, self._policy, cost_wad) + compared)

    def _cheapest(
        self, rescue: Rescue, survey: Survey, before: Standing, greedy: Sequence[Choice]
    ) -> tuple[Sequence[Choice], str]:
        """Return the steps that reach the target at the least cost, and how much more the next best would cost."""
        if not survey.options:
            return greedy, ""
        search = Search(
            rescue, self._bench, self._conditions, self._ground, before, self._means, survey.options
        )
        way = search.cheapest(greedy)
        if not search.is_safe(way.chosen):
            return way.chosen[:1], " More at once could leave the account worse if only a part were mined."
        if not way.reaches:
            return way.chosen, ""
        other = search.next_best(way)
        if other is None:
            return way.chosen, "" if search.is_exhausted else " Nothing else would do."
        more = usd(max(other.cost_wad - way.cost_wad, 0))
        return way.chosen, (
            f" The next best ({'; '.join(other.names)}) costs at least {usd(other.cost_wad)}, {more} more."
        )

    def _after(self, ground: Ground, steps: Iterable[Step]) -> Ground:
        """Return the ground after the steps, without those the hub would refuse there."""
        for step in steps:
            outcome = effect(ground, move_of(step), self._prices)
            ground = outcome.ground if isinstance(outcome, Effect) else ground
        return ground

    def _take_claims(self) -> None:
        """Take the keeper's claims. The rescue is planned as if they were still pending: taking one may fail."""
        ground = self._ground
        for claim, found in seizing(self._ground, self._conditions):
            leg_chain = _candidate(found).move.chain
            if self._means.is_ours(leg_chain, claim.beneficiary):
                self._take_fixed(found)
        self._ground = ground

    def _write_off(self) -> bool:
        """Write debt off where nothing backs it; by what is there now, not by what earlier steps may leave."""
        ground = Ground(self._account, self._ground.pool_cash)
        found = list(writing_off(ground, self._conditions))
        for its in found:
            self._take_fixed(its)
        return bool(found)

    def _take_fixed(self, found: Found) -> None:
        """Take a step whose size is not a choice, if it can be taken."""
        candidate = _candidate(found)
        slot = slot_of(candidate.move)
        if slot in self._used:
            return
        lack = found.reason if isinstance(found, Impossible) else ""
        affordable = self._means.affordable(candidate)
        if isinstance(affordable, Lack):
            lack = lack or affordable.reason
        trial = self._bench.attempt(self._ground, candidate.move)
        if not isinstance(trial, Trial):
            lack = lack or trial.reason
        elif not lack:
            lack = self._means.unprofitable(candidate, trial.effect)
        if lack or not isinstance(trial, Trial):
            self._rejected[candidate.key] = f"{candidate.name}: {lack}"
            return
        before = self._bench.appraiser.standing(self._ground.account)
        self._take([Choice(candidate, trial, before, 0)])

    def _take(self, chosen: Iterable[Choice]) -> None:
        for choice in chosen:
            self._steps.append(self._step(choice))
            self._used.add(slot_of(choice.trial.move))
            self._means = self._means.after(choice.trial.move, choice.trial.effect)
            self._ground = choice.trial.effect.ground

    def _step(self, choice: Choice) -> Step:
        move, result, candidate = choice.trial.move, choice.trial.effect, choice.candidate
        venue = self._prices.facts[move.chain]
        asset = venue.stable.asset if move.action.name in {"REPAY_CROSS", "WRITE_OFF"} else candidate.asset
        return Step(
            action=move.action,
            chain=move.chain,
            item=move.item,
            asset=asset,
            size=move.size,
            price_wad=self._price(move, asset),
            value_wad=result.value_wad,
            penalty_wad=result.penalty_wad,
            target_chain=move.target_chain,
            target_token=move.target_token,
            claim=move.claim,
            reason=(
                f"{sized(move, result.size, candidate.asset, venue)}, worth {usd(result.value_wad)}, at a penalty of"
                f" {usd(result.penalty_wad)}: health goes from {span(choice.before.health)} to"
                f" {span(choice.trial.standing.health)}"
            ),
        )

    def _price(self, move: Move, asset: str) -> int:
        """Return the price that is to be attested: of an option its mark."""
        leg = self._ground.leg(move.chain)
        option = option_of(leg, move.item) if leg and move.action is Action.OPTION_CLOSE else None
        mark_wad = self._prices.option(option.series) if option is not None else None
        return self._prices.mids_wad[asset] if mark_wad is None else mark_wad

    def _finished(self, reason: str, *, whole: bool = False) -> Plan:
        health = None
        if not self._health.unknown_because:
            account = self._after(self._start, self._steps).account
            health = self._bench.appraiser.standing(account).health
        return Plan(
            account_id=self._account.account_id,
            steps=tuple(self._steps),
            expected_health_wad=health.low if health is not None else None,
            penalty_wad=sum(step.penalty_wad for step in self._steps),
            whole_account=whole,
            reason=reason,
            rejected=(*self._rejected.values(), *(self._small() if self._steps else ())),
        )

    def _small(self) -> Iterator[str]:
        """Say for each asset of the account why steps with it are smaller than the hub allows."""
        assets = set(assets_of(self._account, self._policy))
        for chain, venue in self._prices.facts.items():
            for asset, why in sorted({**venue.small_sales, **venue.small_assets}.items()):
                if asset in assets:
                    yield f"only small steps with {asset} on {chain}: {why}"


def move_of(step: Step) -> Move:
    """Return the step as the hub's arithmetic takes it."""
    return Move(
        step.action, step.chain, step.item, step.size, step.target_chain, step.target_token, step.claim
    )


def _candidate(found: Found) -> Candidate:
    return found.candidate if isinstance(found, Impossible) else found


def _end(chosen: Sequence[Choice], before: Standing) -> Standing:
    return chosen[-1].trial.standing if chosen else before


def _outcome(chosen: Sequence[Choice], before: Standing, policy: RiskPolicy, cost_wad: int) -> str:
    """Say what the steps do together."""
    if not chosen:
        return f"no step can be taken now, {usd(before.shortfall // EXACT)} short of the target."
    end = _end(chosen, before)
    target = ratio(policy.target_health_wad)
    if end.shortfall <= 0:
        return f"{_summary(chosen, before, cost_wad)} The target of {target} is certain."
    short = usd(end.shortfall // EXACT)
    return f"{_summary(chosen, before, cost_wad)} {short} short of the target of {target}; no more can be done now."


def _summary(chosen: Sequence[Choice], before: Standing, cost_wad: int) -> str:
    steps = "one step" if len(chosen) == 1 else f"{len(chosen)} steps"
    penalty_wad = sum(choice.cost_wad for choice in chosen)
    of = "penalty and gas" if penalty_wad == cost_wad else "penalty, gas and slippage"
    return f"{steps} for {usd(cost_wad)} of {of}; health goes to {span(_end(chosen, before).health)}."
