"""What the pure planner is given: the evidence as venue facts, inventory and prices of one moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from config.settings import Settings
from keeper.domain.account import Account, CutPoint, Leg, PendingClaim
from keeper.domain.decision import Decision
from keeper.domain.health import AccountState
from keeper.domain.plan import Step
from keeper.margin.parameters import RiskPolicy
from keeper.planner.decide import Assessment, assess, decide
from keeper.planner.facts import ChainInventory, Inventory, VenueFacts
from keeper.runtime.worth import gas_costs, in_usd
from keeper.state.entries import ClaimMoved
from keeper.watch.evidence import Evidence
from keeper.watch.venues import venue_facts


class Planning:
    """Puts the planner's inputs together. Holds no state of its own.

    `effective` is the policy in force, where it may be stricter for new risk than the configured one. `senders` says
    who would send for an account now, by chain; without it, each chain's first signer.
    """

    def __init__(
        self,
        settings: Settings,
        policy: RiskPolicy,
        evidence: Evidence,
        effective: Callable[[], RiskPolicy] | None = None,
        senders: Callable[[Account], Mapping[str, str]] | None = None,
    ) -> None:
        self._settings = settings
        self._policy = effective or (lambda: policy)
        self._evidence = evidence
        self._senders = senders or (lambda _account: first_senders(settings))

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
            self.inventory(account),
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

    def inventory(self, account: Account | None = None) -> Inventory:
        """Return what those hold who would send for the account, by chain."""
        senders = first_senders(self._settings) if account is None else self._senders(account)
        chains: dict[str, ChainInventory] = {}
        for name, sender in senders.items():
            chains[name] = ChainInventory(
                chain=name,
                sender=sender,
                stable=self._evidence.stable_of(name, sender),
                gas=gas_costs(name, self._evidence, self._settings),
                spending_left_wad=in_usd(
                    self._settings.spending.max_per_day_wei, name, self._evidence, self._settings
                ),
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


def first_senders(settings: Settings) -> dict[str, str]:
    """Return the address of each chain's first signer."""
    return {
        name: settings.signers[chain.senders[0]].address
        for name, chain in settings.chains.items()
        if chain.senders
    }
