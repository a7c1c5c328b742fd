"""What a lane offers for a transaction: the market's fees under every ceiling, and the fee for its data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chains.answers import FeeQuote
from chains.blocks import Head
from chains.l1_fees import NOTHING, DataCharge
from chains.transactions import INTRINSIC_GAS, Fees, TransactionRequest, cancellation
from keeper.domain.intent import Intent
from keeper.execution.data_fees import DataFees
from keeper.execution.fees import first_offer, next_offer, work_ceiling_wei
from keeper.execution.ports import LaneChain
from keeper.execution.spending import Outlay, highest_cap_wei, worst_case_wei
from keeper.execution.terms import LaneTerms
from keeper.execution.tracked import Tracked, request_of, target_of

MAX_NONCE = 2**32
"""What a transaction's size is measured with while its own nonce is not known: it takes no more bytes."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an intent's first transaction is signed with."""

    intent: Intent
    fees: Fees
    charge: DataCharge

    def request(self, nonce: int) -> TransactionRequest:
        """Return the transaction at a nonce."""
        return request_of(self.intent, nonce, self.fees, gas_limit=self.intent.gas_limit + self.charge.gas)

    @property
    def outlay(self) -> Outlay:
        """What it may cost at most, on which contract."""
        gas_limit = self.intent.gas_limit + self.charge.gas
        cost_wei = worst_case_wei(self.fees.cap_wei, gas_limit, self.charge.fee_wei)
        return Outlay(cost_wei, target_of(self.intent))


@dataclass(frozen=True, slots=True)
class Replacement:
    """A bump or a cancel at an intent's nonce, to be signed."""

    request: TransactionRequest
    l1_fee_wei: int
    outlay: Outlay


class Pricing:
    """Prices the transactions of one lane. Calls stay under what they should earn; cancels only under the ceiling."""

    def __init__(self, terms: LaneTerms, chain: LaneChain, sender: str, data_fees: DataFees | None) -> None:
        self._terms = terms
        self._chain = chain
        self._sender = sender
        self._data_fees = data_fees

    async def quote(self) -> FeeQuote:
        """Return what the chain asks now. Raises `ChainError`."""
        return await self._chain.fees()

    def is_too_dear(self, quote: FeeQuote) -> bool:
        """Whether nothing can be begun under the operator's ceiling."""
        return first_offer(quote, work_ceiling_wei(self._terms.policy.max_fee_per_gas_wei)) is None

    async def first(self, intent: Intent, quote: FeeQuote, head: Head) -> Offer | str:
        """Return what the intent would be signed with, or why it is not worth that. Raises `ChainError`."""
        least = Fees(quote.tip_wei, quote.base_fee_wei + quote.tip_wei)
        charge = await self._charge(request_of(intent, MAX_NONCE, least), head)
        gas_limit = intent.gas_limit + charge.gas
        bound = highest_cap_wei(intent.max_cost_wei, gas_limit, charge.fee_wei)
        fees = first_offer(quote, work_ceiling_wei(self._terms.policy.max_fee_per_gas_wei, bound))
        if fees is None:
            cost_wei = worst_case_wei(least.cap_wei, gas_limit, charge.fee_wei)
            return f"it may cost {cost_wei} wei, and {intent.max_cost_wei} wei is all it should earn"
        return Offer(intent, fees, charge)

    async def replacement(self, tracked: Tracked, *, is_cancel: bool, head: Head) -> Replacement | str:
        """Return the next transaction at the intent's nonce, or which ceiling forbids it. Raises `ChainError`.

        Neither its gas nor its fee for data is ever less than before.
        """
        quote = await self._chain.fees()
        newest = tracked.newest
        previous = Fees(newest.max_priority_fee_per_gas_wei, newest.max_fee_per_gas_wei)
        request = request_of(tracked.intent, tracked.nonce, previous, gas_limit=newest.gas_limit)
        if is_cancel:
            request = cancellation(request, self._sender, previous)
        charge = await self._charge(request, head)
        if is_cancel:
            request = replace(request, gas_limit=INTRINSIC_GAS + charge.gas)
            l1_fee_wei, ceiling_wei = charge.fee_wei, self._terms.policy.max_fee_per_gas_wei
        else:
            l1_fee_wei = max(charge.fee_wei, newest.l1_fee_wei)
            bound = highest_cap_wei(tracked.intent.max_cost_wei, request.gas_limit, l1_fee_wei)
            ceiling_wei = work_ceiling_wei(self._terms.policy.max_fee_per_gas_wei, bound)
        fees = next_offer(previous, quote, ceiling_wei)
        if fees is None:
            return f"the next cap would pass {max(0, ceiling_wei)} wei per gas"
        request = replace(
            request, max_priority_fee_per_gas_wei=fees.tip_wei, max_fee_per_gas_wei=fees.cap_wei
        )
        worst_wei = worst_case_wei(fees.cap_wei, request.gas_limit, l1_fee_wei)
        target = "" if is_cancel else target_of(tracked.intent)
        return Replacement(request, l1_fee_wei, Outlay(worst_wei, target))

    async def _charge(self, request: TransactionRequest, head: Head) -> DataCharge:
        if self._data_fees is None:
            return NOTHING
        return await self._data_fees.charge(request, head.hash)
