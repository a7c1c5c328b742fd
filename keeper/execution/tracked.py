"""A lane's memory of its live intents: never ahead of the log, rebuilt from it at any time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from chains.answers import Receipt
from chains.transactions import Fees, SignedTransaction, TransactionRequest
from keeper.domain.intent import Attempt, Intent, IntentState
from keeper.execution.events import Mined
from keeper.execution.lifecycle import UNMINED_STATES, AttemptView, Blocked, IntentView
from keeper.execution.spending import DAY_MS, Outlay, Spent, worst_case_wei
from keeper.state.live import LiveIntent, StoredCost


@dataclass(slots=True)
class Tracked:
    """One live intent. `newest_at_block` is when its newest attempt first went out, `last_sent_block` the last time.

    `lowest_since_block` is since when no lower nonce of its signer is open.
    """

    intent: Intent
    view: IntentView
    attempts: dict[str, Attempt]
    reason: str = ""
    newest_at_block: int | None = None
    last_sent_block: int | None = None
    lowest_since_block: int | None = None

    @property
    def nonce(self) -> int:
        """The intent's nonce for ever."""
        assert self.view.nonce is not None  # noqa: S101 - tracked from its slot on
        return self.view.nonce

    @property
    def newest(self) -> Attempt:
        """The attempt with the highest fees: the one that is resent and bumped."""
        return self.attempts[self.view.attempts[-1].tx_hash]

    @property
    def is_open(self) -> bool:
        """Whether none of its transactions is mined."""
        return self.view.state in UNMINED_STATES

    @property
    def bumps(self) -> int:
        """How often its call was signed again with a higher fee."""
        return sum(not attempt.is_cancel for attempt in self.attempts.values()) - 1

    @property
    def reserved_wei(self) -> int:
        """The most that it can still cost: the dearest of its attempts while none is mined."""
        if not self.is_open:
            return 0
        return max(
            worst_case_wei(one.max_fee_per_gas_wei, one.gas_limit, one.l1_fee_wei)
            for one in self.attempts.values()
        )

    @property
    def outlay(self) -> Outlay:
        """What it can still cost, on which contract."""
        return Outlay(self.reserved_wei, target_of(self.intent))

    def add(self, attempt: Attempt) -> None:
        """Remember a newly signed attempt."""
        self.attempts[attempt.tx_hash] = attempt
        self.newest_at_block = None

    def sent(self, tx_hash: str, block_number: int) -> None:
        """Remember that an attempt went out."""
        self.last_sent_block = block_number
        if tx_hash == self.newest.tx_hash and self.newest_at_block is None:
            self.newest_at_block = block_number


def restore(live: LiveIntent) -> Tracked:
    """Return what the log knows of a live intent. Every attempt counts as handed over: it may have been."""
    receipt = live.receipt if live.state is IntentState.MINED else None
    sent_blocks = [one.last_sent_block for one in live.attempts if one.last_sent_block is not None]
    view = IntentView(
        state=live.state,
        nonce=live.nonce,
        attempts=tuple(
            AttemptView(one.attempt.tx_hash, one.attempt.is_cancel, handed_over=True) for one in live.attempts
        ),
        mined=None
        if receipt is None
        else Mined(receipt.tx_hash, receipt.block_hash, receipt.block_number, receipt.status),
        blocked=None if live.blocked is None else Blocked(live.blocked),
        cancelling=live.cancelling,
    )
    return Tracked(
        intent=live.intent,
        view=view,
        attempts={one.attempt.tx_hash: one.attempt for one in live.attempts},
        reason=live.reason,
        newest_at_block=live.attempts[-1].last_sent_block,
        last_sent_block=max(sent_blocks, default=None),
    )


def target_of(intent: Intent) -> str:
    """Return the contract that an intent's spending counts for."""
    return intent.contract.lower()


def attempt_of(
    signed: SignedTransaction, intent: Intent, number: int, *, is_cancel: bool, l1_fee_wei: int = 0
) -> Attempt:
    """Return the signed transaction as the log keeps it."""
    request = signed.request
    return Attempt(
        tx_hash=signed.tx_hash,
        intent_id=intent.intent_id,
        number=number,
        sender=signed.sender,
        nonce=request.nonce,
        raw="0x" + signed.raw.hex(),
        max_fee_per_gas_wei=request.max_fee_per_gas_wei,
        max_priority_fee_per_gas_wei=request.max_priority_fee_per_gas_wei,
        gas_limit=request.gas_limit,
        is_cancel=is_cancel,
        l1_fee_wei=l1_fee_wei,
    )


def request_of(intent: Intent, nonce: int, fees: Fees, *, gas_limit: int | None = None) -> TransactionRequest:
    """Return the intent's call as a transaction; `gas_limit` where it takes more gas than the intent's own."""
    return TransactionRequest(
        chain_id=intent.chain_id,
        nonce=nonce,
        max_priority_fee_per_gas_wei=fees.tip_wei,
        max_fee_per_gas_wei=fees.cap_wei,
        gas_limit=intent.gas_limit if gas_limit is None else gas_limit,
        to=intent.contract,
        data=bytes.fromhex(intent.calldata.removeprefix("0x")),
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    sender: str
    spent: Spent


@dataclass(slots=True)
class Ledger:
    """What was spent on one chain in the last day, by receipt, as the log has it."""

    _entries: dict[tuple[str, str], _Entry] = field(default_factory=dict)

    def add(self, sender: str, receipt: Receipt, target: str, at_ms: int) -> None:
        """Count a canonical receipt, once."""
        entry = _Entry(sender, Spent(at_ms, receipt.cost_wei, target))
        self._entries.setdefault((receipt.tx_hash, receipt.block_hash), entry)

    def load(self, sender: str, costs: Iterable[StoredCost]) -> None:
        """Take what the log knows. It is all of `sender`'s; of others, who may be writing now, it is added only."""
        self._entries = {place: entry for place, entry in self._entries.items() if entry.sender != sender}
        for cost in costs:
            entry = _Entry(cost.sender, Spent(cost.seen_at_ms, cost.cost_wei, cost.target))
            self._entries.setdefault((cost.tx_hash, cost.block_hash), entry)

    def remove(self, mined: Mined) -> None:
        """Take back a receipt whose block is no longer canonical."""
        self._entries.pop((mined.tx_hash, mined.block_hash), None)

    def since_a_day(self, now_ms: int) -> Iterator[Spent]:
        """Yield what still counts, and forget what no longer does."""
        for place in [
            place for place, entry in self._entries.items() if now_ms - entry.spent.at_ms >= DAY_MS
        ]:
            del self._entries[place]
        yield from [entry.spent for entry in self._entries.values()]
