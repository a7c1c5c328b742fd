"""What the pure planner is given: the evidence as venue facts, inventory and prices of one moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chains.hub.attestation import Action
from config.settings import Settings
from config.units import WAD, mul_div_up
from keeper.domain.account import Account, CutPoint, Leg, PendingClaim
from keeper.domain.decision import Decision
from keeper.domain.health import AccountState
from keeper.domain.plan import Step
from keeper.margin.parameters import RiskPolicy
from keeper.planner.decide import Assessment, assess, decide
from keeper.planner.facts import ChainInventory, GasCosts, Inventory, VenueFacts
from keeper.state.entries import ClaimMoved
from keeper.watch.evidence import Evidence
from keeper.watch.venues import venue_facts

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


class Planning:
    """Puts the planner's inputs together. Holds no state of its own.

    `effective` is the policy in force, where it may be stricter for new risk than the configured one.
    """

    def __init__(
        self,
        settings: Settings,
        policy: RiskPolicy,
        evidence: Evidence,
        effective: Callable[[], RiskPolicy] | None = None,
    ) -> None:
        self._settings = settings
        self._policy = effective or (lambda: policy)
        self._evidence = evidence

    def assess(self, account: Account, previous: AccountState | None, cut: Sequence[CutPoint]) -> Assessment:
        """Return the account's exact health now and the state that it puts the account in."""
        return assess(account, previous, self._evidence.prices, cut, self._policy())

    def decide(
        self,
        account: Account,
        previous: AccountState | None,
        cut: Sequence[CutPoint],
        now_ms: int,
        live: Sequence[Step],
    ) -> Decision | None:
        """Return the decision that the evidence calls for. `live` are steps that may still be mined."""
        return decide(
            account,
            previous,
            self._evidence.prices,
            cut,
            self._policy(),
            self.facts(),
            self.inventory(),
            now_ms,
            live,
        )

    def has_own_claim(self, account: Account) -> bool:
        """Whether a claim of ours on this account waits to be paid."""
        senders = {signer.address for signer in self._settings.signers.values()}
        return any(claim.beneficiary in senders for leg in account.legs for claim in leg.claims)

    def facts(self) -> dict[str, VenueFacts]:
        """Return every hub as the planner knows it."""
        return venue_facts(self._settings, self._evidence)

    def inventory(self) -> Inventory:
        """Return what the configured signers hold, by chain."""
        chains: dict[str, ChainInventory] = {}
        for name, chain in self._settings.chains.items():
            if chain.signer is None:
                continue
            chains[name] = ChainInventory(
                chain=name,
                sender=self._settings.signers[chain.signer].address,
                stable=self._evidence.stable_held.get(name, 0),
                gas=self._gas(name),
                spending_left_wad=self._in_usd(self._settings.spending.max_per_day_wei, name),
            )
        return Inventory(chains, depths_wad=self._evidence.estimates.depths_wad())

    def claim_moved(self, account: Account, leg: Leg, claim: PendingClaim) -> ClaimMoved:
        """Return the entry for a claim that is open."""
        head = self._evidence.book.cursor(claim.source_chain)
        return ClaimMoved(
            claim=claim.claim,
            state="open",
            account_id=account.account_id,
            source_chain=claim.source_chain,
            target_chain=leg.chain,
            target_token=claim.token,
            value_wad=claim.value_wad,
            beneficiary=claim.beneficiary,
            chain=claim.source_chain,
            block_number=claim.opened_number,
            block_hash=head.hash if head else "",
        )

    def claim_gone(self, moved: ClaimMoved) -> ClaimMoved:
        """Return the entry for a claim that is open no more: paid, or its opening undone."""
        head = self._evidence.book.cursor(moved.target_chain)
        return ClaimMoved(
            claim=moved.claim,
            state="paid",
            account_id=moved.account_id,
            source_chain=moved.source_chain,
            target_chain=moved.target_chain,
            target_token=moved.target_token,
            value_wad=moved.value_wad,
            beneficiary=moved.beneficiary,
            chain=moved.target_chain,
            block_number=head.number if head else 0,
            block_hash=head.hash if head else "",
        )

    def _gas(self, name: str) -> GasCosts:
        head = self._evidence.statuses[name].head
        price_wei = 2 * (head.base_fee_wei if head else 0) + TIP_WEI
        costs = {action: self._in_usd(gas * price_wei, name) for action, gas in GAS_USED.items()}
        return GasCosts(
            close_wad=costs[Action.CLOSE],
            repay_wad=costs[Action.REPAY],
            repay_cross_wad=costs[Action.REPAY_CROSS],
            seize_wad=costs[Action.SEIZE],
            write_off_wad=costs[Action.WRITE_OFF],
            option_close_wad=costs[Action.OPTION_CLOSE],
        )

    def _in_usd(self, wei: int, name: str) -> int:
        """Return native wei in USD wad, rounded up. Without a price of the native asset it counts as nothing."""
        price = self._evidence.prices.prices.get(self._settings.chains[name].native_asset)
        mid_wad = price.mid_wad if price is not None else None
        return mul_div_up(wei, mid_wad, WAD) if mid_wad is not None else 0
