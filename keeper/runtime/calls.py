"""From a step of a plan to what is signed for it, and from the signatures to the call that is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from eth_utils import to_checksum_address

from chains.hub.attestation import Action, Attestation
from chains.hub.codec import LIQUIDATE, SEIZE, WRITE_OFF, attested_call
from chains.hub.signatures import digest as attestation_digest
from config.canonical import digest
from config.settings import Settings
from config.units import WAD
from keeper.attest.wire import CutBlock
from keeper.book.catalogue import KnownChain
from keeper.domain.account import Leg
from keeper.domain.decision import Decision
from keeper.domain.health import Interval
from keeper.domain.intent import Intent
from keeper.domain.plan import Step
from keeper.planner.option_steps import option_of
from keeper.runtime.worth import worth_wei
from keeper.watch.evidence import Evidence

GAS_LIMITS: Mapping[Action, int] = {
    Action.CLOSE: 600_000,
    Action.REPAY: 600_000,
    Action.REPAY_CROSS: 500_000,
    Action.SEIZE: 500_000,
    Action.WRITE_OFF: 400_000,
    Action.OPTION_CLOSE: 700_000,
}
CARRIES_VALUE = frozenset({Action.REPAY_CROSS, Action.SEIZE, Action.OPTION_CLOSE})
"""Actions whose attestation says more in its `value`: a chain, a claim's worth, the underlying's price."""
_STEPS = frozenset(int(action) for action in Action)
NO_BYTES32 = "0x" + "00" * 32
NO_ADDRESS = "0x" + "00" * 20

Key: TypeAlias = tuple[str, str]
"""Account and chain."""


@dataclass(frozen=True, slots=True)
class Task:
    """One step of one decision, ready to be attested."""

    decision: Decision
    step: Step
    attestation: Attestation
    chain_id: int

    @property
    def key(self) -> Key:
        """What at most one step at a time is under way for."""
        return self.decision.account_id, self.step.chain


class Calls:
    """Makes attestations to ask for, and the intents they let through."""

    def __init__(
        self, settings: Settings, evidence: Evidence, now_ms: Callable[[], int], policy_hash: str
    ) -> None:
        self.settings = settings
        self._evidence = evidence
        self._now_ms = now_ms
        self._policy_hash = policy_hash
        self._last_sequence = 0

    def attestation(
        self, decision: Decision, step: Step, root: str, sender: str | None = None
    ) -> Attestation | None:
        """Return what to ask for, resting on the cut of that root, or None if the leg or the claim is gone.

        Only `sender` may use it; without one, the chain's first signer.
        """
        account = self._evidence.book.account(decision.account_id)
        leg = next((leg for leg in account.legs if leg.chain == step.chain), None) if account else None
        senders = self.settings.chains[step.chain].senders
        if leg is None or not senders:
            return None
        now_s = self._now_ms() // 1000
        self._last_sequence = max(self._now_ms(), self._last_sequence + 1, leg.last_sequence + 1)
        value = step.value_wad
        if step.action is Action.REPAY_CROSS:
            value = self.settings.chains[step.target_chain or ""].chain_id
        claim = next((each for each in leg.claims if each.claim == step.claim), None)
        if step.action is Action.SEIZE:
            if claim is None:
                return None
            value = claim.value_wad
        if step.action is Action.OPTION_CLOSE:
            underlying_wad = self._underlying(leg, step)
            if underlying_wad is None:
                return None
            value = underlying_wad
        settings = self.settings.attestation
        return Attestation(
            action=int(step.action),
            account=decision.account_id,
            version=leg.version,
            sequence=self._last_sequence,
            epoch=self._evidence.facts[step.chain].epoch,
            item=step.item,
            max_size=step.size,
            price=step.price_wad,
            health=attested_health(decision.health.health),
            value=value if step.action in CARRIES_VALUE else 0,
            claim=step.claim or NO_BYTES32,
            target=step.target_token or NO_ADDRESS,
            beneficiary=sender or self.settings.signers[senders[0]].address,
            blocks_root=root,
            policy_hash=self._policy_hash,
            price_set=decision.health.price_set,
            observed_at=now_s,
            deadline=now_s + round(settings.deadline_s if settings else 60),
        )

    def _underlying(self, leg: Leg, step: Step) -> int | None:
        """Return what the option's underlying is attested at: the hub's own price, or the reference price's middle."""
        option = option_of(leg, step.item)
        if option is None:
            return None
        own_wad = self._evidence.hub_prices.get(step.chain, {}).get(option.asset)
        price = self._evidence.prices.prices.get(option.asset)
        mid_wad = price.mid_wad if price is not None else None
        return mid_wad if own_wad is None else own_wad

    def cut(self) -> tuple[CutBlock, ...]:
        """Return the newest block of every chain: what the attestors are asked to look at."""
        return tuple(
            CutBlock(self.settings.chains[point.chain].chain_id, point.number, point.hash)
            for point in self._evidence.cut(self._now_ms())
        )

    def intent(self, task: Task, signatures: Sequence[bytes]) -> Intent:
        """Return the call that the signatures let through."""
        step, attestation = task.step, task.attestation
        function = {Action.SEIZE: SEIZE, Action.WRITE_OFF: WRITE_OFF}.get(step.action, LIQUIDATE)
        hub = self.settings.chains[step.chain].hub
        identity = [
            task.chain_id,
            hub,
            attestation.account,
            int(step.action),
            step.item,
            attestation.sequence,
        ]
        return Intent(
            intent_id=digest(identity),
            decision_id=task.decision.decision_id,
            chain=step.chain,
            chain_id=task.chain_id,
            contract=hub,
            account_id=attestation.account,
            position_key=position_key(step),
            action=int(step.action),
            item=step.item,
            sequence=attestation.sequence,
            calldata="0x" + attested_call(function, (), attestation, signatures).hex(),
            gas_limit=GAS_LIMITS[step.action],
            value_wad=step.value_wad,
            valid_until_s=attestation.deadline,
            max_cost_wei=worth_wei(step, self.settings, self._evidence),
        )

    def digest(self, task: Task) -> str:
        """Return what is to be signed for a task."""
        hub = self.settings.chains[task.step.chain].hub
        return "0x" + attestation_digest(task.attestation, task.chain_id, hub).hex()


def attested_health(health: Interval | None) -> int:
    """Return the health that an attestation states: the high end where that is below one, as "certain" needs.

    Where "likely" is enough it is the middle: the hub lets nothing through at one or above.
    """
    if health is None:
        return 0
    return max(0, health.high if health.high < WAD else health.mid)


def position_key(step: Step) -> str:
    """Return what at most one live intent of an account may be for."""
    return f"{step.action.name.lower()}/{step.item}"


def is_step(intent: Intent) -> bool:
    """Whether an intent is a step at a hub, and not a liquidation at a venue of others."""
    return intent.action in _STEPS


def step_of(intent: Intent, known: Mapping[str, KnownChain]) -> Step:
    """Return the step that an intent's calldata asks for: all of it is in the attestation it carries."""
    raw = bytes.fromhex(intent.calldata[10:])
    size, price_wad, value = (int.from_bytes(raw[32 * at : 32 * at + 32]) for at in (6, 7, 9))
    its, action = known[intent.chain], Action(intent.action)
    step = Step(action, intent.chain, intent.item, its.stable.asset, size, price_wad, intent.value_wad, 0)
    if action is Action.CLOSE:
        return replace(step, asset=its.markets[intent.item].asset)
    if action is Action.REPAY_CROSS:
        target = next((name for name, each in known.items() if each.chain_id == value), None)
        return replace(step, target_chain=target, target_token=to_checksum_address(raw[364:384]))
    if action in {Action.REPAY, Action.SEIZE}:
        step = replace(
            step,
            asset=next(token.asset for token in its.tokens.values() if token.token_id == intent.item),
        )
    return replace(step, claim="0x" + raw[320:352].hex()) if action is Action.SEIZE else step
