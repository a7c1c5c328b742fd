"""What a verdict is made from, put together out of the evidence, a sight of the venue and the purse."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from chains.l1_fees import NOTHING
from chains.venues.venue import Borrower
from config.settings import Settings
from keeper.planner.codec import without_tree
from keeper.runtime.venue_sight import VenueSight
from keeper.venues.identity import account_of
from keeper.venues.inputs import Costs, Inputs, Means, Pool, Setback, Standing, Terms, Token
from keeper.venues.kinds import KINDS
from keeper.watch.evidence import Evidence
from oracles.policy import Liveness

TIP_WEI = 10**9


def tokens_of(settings: Settings, chain: str) -> dict[str, Token]:
    """Return what each token of a chain stands for."""
    own = settings.chains[chain]
    listed = {token.address: Token(token.asset, token.decimals) for token in own.tokens}
    return listed | {token.address: Token(token.asset, token.decimals) for token in own.venue_tokens}


class InputsOf:
    """Makes inputs for one chain. What is the same for all borrowers of a look is made once by `look`."""

    def __init__(self, chain: str, settings: Settings, evidence: Evidence) -> None:
        self._chain = chain
        self._settings = settings
        self._evidence = evidence
        self._own = settings.chains[chain]
        self.tokens = tokens_of(settings, chain)
        executor = self._own.executor
        flash = executor.pools if executor is not None and executor.flash else ()
        self._pools = tuple(Pool(each.address, each.base_token, each.quote_token) for each in flash)

    def terms(self, venue: str) -> Terms:
        """Return the terms at a venue."""
        decimals = self._own.venues[venue].price_decimals
        return Terms.of(self._own.executor, self._settings.risk.price_band_bps, decimals)

    def means(self, inventory: Mapping[str, int], *, usable: bool) -> Means | None:
        """Return what there is to pay with, None without an executor of ours."""
        executor = self._own.executor
        if executor is None or not usable:
            return None
        return Means(executor.address, dict(sorted(inventory.items())), self._pools)

    def of(
        self,
        sight: VenueSight,
        borrower: Borrower,
        standings: Mapping[str, Standing],
        means: Means | None,
        setback: Setback | None,
        *,
        live: bool,
    ) -> Inputs:
        """Return the inputs of one borrower, its state not written out yet and nothing quoted.

        It is judged for the block that was read, which is where the simulation before signing runs.
        """
        executor, own = self._own.executor, self._own
        blocks = executor.deadline_blocks if executor is not None else 1
        deadline_s = sight.head.timestamp + ceil(blocks * own.block_time_s) + 1
        pauses = self._evidence.pauses
        assets = {token.asset for token in self.tokens.values()} | {own.native_asset}
        prices = self._evidence.prices.prices
        return Inputs(
            chain=self._chain,
            venue=sight.venue,
            kind=sight.kind,
            account_id=account_of(borrower),
            borrower=borrower,
            block_number=sight.head.number,
            at_s=sight.head.timestamp,
            deadline_s=deadline_s,
            state="",
            tokens=self.tokens,
            price_set=self._evidence.prices.id,
            prices={asset: without_tree(prices[asset]) for asset in sorted(assets & prices.keys())},
            standings=standings,
            chain_health=self.chain_health(),
            held=pauses.on_chain(self._chain),
            held_assets=pauses.on_assets(),
            means=means,
            terms=self.terms(sight.venue),
            costs=self._costs(sight),
            live=live,
            setback=setback,
            quotes=None,
        )

    def chain_health(self) -> Liveness:
        """Return whether the chain may be acted on: it makes blocks, and its sequencer is not known to be down."""
        status, sequencer = self._evidence.statuses[self._chain], self._evidence.sequencers.get(self._chain)
        live = self._evidence.live(self._chain)
        if sequencer is None or not live:
            return Liveness(live, status.reason)
        return Liveness(live, sequencer.reason, sequencer_up=sequencer.up is True)

    def _costs(self, sight: VenueSight) -> Costs:
        charge = self._evidence.data_charges.get(self._chain, NOTHING)
        return Costs(
            gas=KINDS[sight.kind].gas_used + charge.gas,
            gas_price_wei=2 * sight.head.base_fee_wei + TIP_WEI,
            l1_fee_wei=charge.fee_wei,
            native_asset=self._own.native_asset,
        )
