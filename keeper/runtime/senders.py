"""Who sends: of several signers the least busy one that can carry a step out.

A step that repays takes stable from whoever sends it, and a claim is paid to whoever opened it, on the other
chain too: so not every signer can do every step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chains.hub.attestation import Action
from keeper.domain.account import Account
from keeper.domain.decision import Decision
from keeper.domain.plan import Step
from keeper.planner.means import PAID
from keeper.runtime.calls import Key, step_of
from keeper.runtime.chain_lanes import ChainLanes
from keeper.watch.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that is under way, and the address it will be sent from."""

    decision: Decision
    step: Step
    sender: str

    @property
    def key(self) -> Key:
        """What at most one step at a time is under way for."""
        return self.decision.account_id, self.step.chain


class Senders:
    """Chooses addresses. `of` says who would send for an account, so that it is planned with what they hold."""

    def __init__(self, lanes: Mapping[str, ChainLanes], evidence: Evidence) -> None:
        self._lanes = lanes
        self._evidence = evidence

    def of(self, account: Account, under_way: Iterable[Begun] = ()) -> dict[str, str]:
        """Return who would send for this account now, by chain: plans are made with what they hold.

        Whoever has a claim on the account takes it. Otherwise one key on all chains, where there is one: it can open
        a claim on one chain and take it on another. Who has little left to repay with does not stand for those who
        have more.
        """
        found = self._claimants(account)
        begun = list(under_way)
        common = set.intersection(*(set(lanes.senders) for lanes in self._lanes.values()))
        first = next((sender for sender in found.values() if sender in common), None)
        for chain, lanes in self._lanes.items():
            if chain not in found:
                able = self._wealthy(chain, begun)
                sender = lanes.choose({first}) if first else lanes.choose(common & able)
                found[chain] = sender or lanes.choose(able) or lanes.choose() or lanes.senders[0]
                first = first or (sender if sender in common else None)
        return found

    def choose(self, decision: Decision, step: Step, under_way: Iterable[Begun]) -> str | None:
        """Return who sends a step that is begun now; None if nobody can."""
        lanes = self._lanes[step.chain]
        if len(lanes.senders) == 1:
            return lanes.choose()
        able = set(lanes.senders)
        if step.action is Action.SEIZE:
            able &= {self._claimant(decision.account_id, step)}
        if step.action is Action.REPAY_CROSS:
            there = self._lanes.get(step.target_chain or "")
            able &= set(there.senders) if there is not None else set()
        if step.action in PAID:
            begun = list(under_way)
            able = {sender for sender in able if self._stable_left(step.chain, sender, begun) >= step.size}
        return lanes.choose(able)

    def _claimants(self, account: Account) -> dict[str, str]:
        return {
            leg.chain: claim.beneficiary
            for leg in account.legs
            for claim in leg.claims
            if leg.chain in self._lanes and claim.beneficiary in self._lanes[leg.chain].senders
        }

    def _claimant(self, account_id: str, step: Step) -> str:
        """Return whose claim a step takes."""
        account = self._evidence.book.account(account_id)
        claims = [claim for leg in (account.legs if account is not None else ()) for claim in leg.claims]
        return next((claim.beneficiary for claim in claims if claim.claim == step.claim), "")

    def _wealthy(self, chain: str, begun: Iterable[Begun]) -> set[str]:
        """Return the signers that have at least half of what the one with the most stable has left."""
        senders = self._lanes[chain].senders
        if len(senders) == 1:
            return set(senders)
        left = {sender: self._stable_left(chain, sender, begun) for sender in senders}
        return {sender for sender in senders if 2 * left[sender] >= max(left.values())}

    def _stable_left(self, chain: str, sender: str, under_way: Iterable[Begun]) -> int:
        """Return what a signer holds beyond what its steps that may still be mined will take, raw."""
        taken = sum(
            one.step.size
            for one in under_way
            if one.step.chain == chain and one.sender == sender and one.step.action in PAID
        )
        for live in self._lanes[chain].live_of(sender):
            if live.is_open and live.intent.action in PAID:
                taken += step_of(live.intent, self._evidence.known).size
        return self._evidence.stable_of(chain, sender) - taken
