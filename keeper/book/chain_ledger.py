"""One chain's part of the book: its accounts and claims as of the newest block, and how to undo.

Each block leaves a record of what it replaced. As many records are kept as blocks can be
reorganised (`finality_depth`); what falls out of them is final.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from chains.blocks import Block, ChainUpdate, Head
from chains.hub.events import ClaimOpened, ClaimPaid, SettlementFixed
from chains.hub.options import OptionHeld
from keeper.book.catalogue import KnownChain
from keeper.book.errors import DeeperThanUndo, OutOfStep
from keeper.book.leg_state import LegState

NO_LEG = LegState()

Expiry: TypeAlias = tuple[str, int]
"""An option market's key and a time (unix seconds)."""


@dataclass(frozen=True, slots=True)
class ClaimSeen:
    """A claim as its source chain logged it, in block `number`."""

    account: str
    claim: str
    target_chain_id: int
    target_token: str
    value_wad: int
    beneficiary: str
    number: int


@dataclass(slots=True)
class UndoRecord:
    """What one block replaced, and whose. `legs` holds None for an account that was not here before."""

    before: Head | None
    legs: dict[str, LegState | None] = field(default_factory=dict)
    opened: list[ClaimSeen] = field(default_factory=list)
    paid: list[tuple[str, str]] = field(default_factory=list)
    fixed: list[Expiry] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Before:
    """What undoing the newest `blocks` makes of an account: its state, and the claims not opened, or not paid, then.

    `not_fixed` are expiries of which it was not known then what they came to.
    """

    blocks: int
    state: LegState
    not_opened: frozenset[str]
    not_paid: frozenset[str]
    not_fixed: frozenset[Expiry] = frozenset()


@dataclass(frozen=True, slots=True)
class Finalised:
    """Claims whose opening or payment (account, claim) can not be undone any more."""

    opened: tuple[ClaimSeen, ...]
    paid: tuple[tuple[str, str], ...]


class ChainLedger:
    """The accounts of one chain. `opened` are claims this chain is the source of, `paid` those paid here.

    `settlements` are what underlyings came to at expiries, USD wad, where that is fixed.
    """

    def __init__(self, known: KnownChain) -> None:
        self.known = known
        self.cursor: Head | None = None
        self.legs: dict[str, LegState] = {}
        self.opened: dict[str, dict[str, ClaimSeen]] = {}
        self.paid: dict[str, set[str]] = {}
        self.settlements: dict[Expiry, int] = {}
        self._holders: dict[str, None] = {}
        self._undo: deque[UndoRecord] = deque()

    def check(self, update: ChainUpdate) -> None:
        """Raise `DeeperThanUndo` or `OutOfStep` unless the update continues what is here."""
        tip = self.cursor
        if len(update.removed) > len(self._undo):
            raise DeeperThanUndo(
                f"{update.chain}: {len(update.removed)} blocks to undo, {len(self._undo)} are held"
            )
        for head, record in zip(update.removed, reversed(self._undo), strict=False):
            if tip is None or head.hash != tip.hash:
                raise OutOfStep(
                    f"{update.chain}: asked to undo block {head.number} {head.hash}, which is not the tip"
                )
            tip = record.before
        for block in update.added:
            _check_follows(block.head, tip, backfill=update.backfill)
            tip = block.head

    def apply(self, update: ChainUpdate) -> tuple[set[str], Finalised]:
        """Take a checked update. Returns the accounts it touched, and the claims that became final.

        An account that changed lately is touched by every block until what it was before does not count any more.
        """
        touched = self._changed_lately()
        for _ in update.removed:
            touched |= self._undo_tip()
        for block in update.added:
            touched |= self._add(block)
        final = self._finalise(0 if update.backfill else self.known.finality_depth)
        return touched | self._changed_lately(), final

    def adopt(self, legs: Mapping[str, LegState]) -> Finalised:
        """Put these states in place of what is here. Nothing before them can be undone any more."""
        for account, state in legs.items():
            self._put(account, state)
        return self._finalise(0)

    def forget_opened(self, account: str, claim: str) -> None:
        """Drop a settled claim of which this chain is the source."""
        _discard(self.opened, account, claim)

    def forget_paid(self, account: str, claim: str) -> None:
        """Drop a settled claim that was paid here."""
        _discard(self.paid, account, claim)

    def is_paid(self, account: str, claim: str) -> bool:
        """Whether the claim was paid here."""
        return claim in self.paid.get(account, ())

    def claims_of(self, account: str) -> Iterator[ClaimSeen]:
        """Yield the claims against `account` that this chain is the source of."""
        yield from self.opened.get(account, {}).values()

    def expired(self, at_s: int) -> Iterator[tuple[str, OptionHeld]]:
        """Yield each option that is held here and expired by then, with whose it is."""
        for account in self._holders:
            for held in self.legs[account].options.values():
                if held.expiry_s <= at_s:
                    yield account, held

    def before(self, account: str) -> Iterator[Before]:
        """Yield what undoing blocks that are not final makes of `account`, the newest first, where it changes anything."""
        state = self.legs.get(account, NO_LEG)
        opened: frozenset[str] = frozenset()
        paid: frozenset[str] = frozenset()
        fixed: frozenset[Expiry] = frozenset()
        for blocks, record in enumerate(self._unfinal(), 1):
            if account in record.touched:
                if account in record.legs:
                    state = record.legs[account] or NO_LEG
                opened |= {seen.claim for seen in record.opened if seen.account == account}
                paid |= {claim for its, claim in record.paid if its == account}
                fixed |= set(record.fixed)
                yield Before(blocks, state, opened, paid, fixed)

    def _unfinal(self) -> Iterator[UndoRecord]:
        return islice(reversed(self._undo), self.known.unfinal_blocks)

    def _changed_lately(self) -> set[str]:
        return {account for record in self._unfinal() for account in record.touched}

    def _add(self, block: Block) -> set[str]:
        record = UndoRecord(self.cursor)
        for event in block.events:
            if isinstance(event, SettlementFixed):
                self._fix(event, record)
                continue
            account = event.account
            record.touched.add(account)
            match event:
                case ClaimOpened():
                    self._open(event, block.head.number, record)
                case ClaimPaid():
                    paid = self.paid.setdefault(account, set())
                    if event.claim not in paid:
                        paid.add(event.claim)
                        record.paid.append((account, event.claim))
                case _:
                    before = self.legs.get(account)
                    record.legs.setdefault(account, before)
                    self._put(account, (before or NO_LEG).after(event, block.head.timestamp))
        self._undo.append(record)
        self.cursor = block.head
        return record.touched

    def _open(self, event: ClaimOpened, number: int, record: UndoRecord) -> None:
        claims = self.opened.setdefault(event.account, {})
        if event.claim not in claims:
            seen = ClaimSeen(
                event.account,
                event.claim,
                event.target_chain_id,
                event.target_token,
                event.value_wad,
                event.beneficiary,
                number,
            )
            claims[event.claim] = seen
            record.opened.append(seen)

    def _fix(self, event: SettlementFixed, record: UndoRecord) -> None:
        """Take what an expiry came to; whoever holds what expired then is touched."""
        expiry = event.market, event.expiry_s
        if expiry in self.settlements:
            return
        self.settlements[expiry] = event.price_wad
        record.fixed.append(expiry)
        record.touched |= {
            account
            for account, held in self.expired(event.expiry_s)
            if (held.market, held.expiry_s) == expiry
        }

    def _put(self, account: str, state: LegState | None) -> None:
        if state is None:
            del self.legs[account]
        else:
            self.legs[account] = state
        if state is not None and state.options:
            self._holders[account] = None
        else:
            self._holders.pop(account, None)

    def _undo_tip(self) -> set[str]:
        record = self._undo.pop()
        self.cursor = record.before
        for account, state in record.legs.items():
            self._put(account, state)
        for expiry in record.fixed:
            del self.settlements[expiry]
        for seen in record.opened:
            self.forget_opened(seen.account, seen.claim)
        for account, claim in record.paid:
            self.forget_paid(account, claim)
        return record.touched

    def _finalise(self, kept: int) -> Finalised:
        opened: list[ClaimSeen] = []
        paid: list[tuple[str, str]] = []
        while len(self._undo) > kept:
            record = self._undo.popleft()
            opened += record.opened
            paid += record.paid
        return Finalised(tuple(opened), tuple(paid))


def _check_follows(head: Head, tip: Head | None, *, backfill: bool) -> None:
    if tip is None:
        return
    linked = head.number == tip.number + 1 and head.parent_hash == tip.hash
    if not linked and not (backfill and head.number > tip.number + 1):
        raise OutOfStep(
            f"{head.chain}: block {head.number} {head.hash} does not follow {tip.number} {tip.hash}"
        )


def _discard(
    by_account: dict[str, dict[str, ClaimSeen]] | dict[str, set[str]], account: str, claim: str
) -> None:
    claims = by_account[account]
    if isinstance(claims, dict):
        del claims[claim]
    else:
        claims.remove(claim)
    if not claims:
        del by_account[account]
