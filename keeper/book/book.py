"""The book: every account over all chains, kept from the chains' updates.

Synchronous and deterministic. Taking the same canonical blocks in any interleaving of
chains, with any reorganisations on the way, gives the same book.

A claim is opened on one chain and paid on another. It is pending, and lies on the leg it
will be paid from, exactly while its source chain says opened and its target does not say
paid; which of the two was seen first makes no difference.

An account that changed in blocks that are not final tells as well what it was before them (`EarlierLeg`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chains.blocks import ChainUpdate, Head
from chains.hub.options import OptionHeld
from keeper.book.catalogue import KnownChain
from keeper.book.chain_ledger import NO_LEG, Before, ChainLedger, ClaimSeen, Finalised
from keeper.book.differences import Difference, differences
from keeper.book.errors import OutOfStep
from keeper.book.leg_state import LegRow
from keeper.book.legs import leg, pending_claim, unreadable_claim
from keeper.domain.account import Account, EarlierLeg, Leg, PendingClaim


class Book:
    """Accounts by id. One instance per process, used from one task.

    `chains` is the dictionary of every chain that is followed, by name.
    """

    def __init__(self, chains: Mapping[str, KnownChain]) -> None:
        self._chains = {name: ChainLedger(known) for name, known in sorted(chains.items())}
        self._name_by_id = {known.chain_id: name for name, known in chains.items()}
        self._accounts: dict[str, Account | None] = {}
        self._final_opened: dict[tuple[str, str, str], ClaimSeen] = {}
        self._final_paid: set[tuple[str, str, str]] = set()

    def apply(self, update: ChainUpdate) -> frozenset[str]:
        """Take a chain's update and return the ids of the accounts it may have changed.

        Raises `DeeperThanUndo` or `OutOfStep`; the book is then as it was.
        """
        ledger = self._chains[update.chain]
        ledger.check(update)
        touched, final = ledger.apply(update)
        self._settle(update.chain, final)
        for account_id in touched:
            self._accounts[account_id] = None
        return frozenset(touched)

    def cursor(self, chain: str) -> Head | None:
        """Return the newest block of `chain` in the book, or None before the first."""
        return self._chains[chain].cursor

    def account(self, account_id: str) -> Account | None:
        """Return the account over all chains, or None if no chain has told of it."""
        if account_id not in self._accounts:
            return None
        found = self._accounts[account_id]
        if found is None:
            found = self._join(account_id)
            if found is None:
                del self._accounts[account_id]
            else:
                self._accounts[account_id] = found
        return found

    def expired(self, chain: str, at_s: int) -> Iterator[tuple[str, OptionHeld, int | None]]:
        """Yield the options held on `chain` that expired by then: whose, what, and what the underlying came to, if fixed."""
        ledger = self._chains[chain]
        for account_id, held in ledger.expired(at_s):
            yield account_id, held, ledger.settlements.get((held.market, held.expiry_s))

    def accounts(self) -> Iterator[Account]:
        """Yield every account, in the order they were first told of."""
        for account_id in list(self._accounts):
            found = self.account(account_id)
            if found is not None:
                yield found

    def reconcile(self, chain: str, block_hash: str, rows: Iterable[LegRow]) -> tuple[Difference, ...]:
        """Compare what the hub answered at a block with the book, account by account.

        Only the accounts in `rows` are looked at: what could not be read is no difference. Raises
        `OutOfStep` if the book is not at that block, since different blocks may well differ.
        """
        ledger = self._at(chain, block_hash)
        return tuple(
            difference
            for row in rows
            for difference in differences(
                chain, row.account, ledger.legs.get(row.account, NO_LEG), row.state(ledger.known, NO_LEG)
            )
        )

    def adopt(self, chain: str, block_hash: str, rows: Iterable[LegRow]) -> frozenset[str]:
        """Believe the hub's answer at the book's own block, for the accounts in `rows`; return their ids.

        Where the book was wrong its record of earlier blocks is worth nothing: a reorganisation
        below this block then raises `DeeperThanUndo`. Claims are told by events alone and stay.
        """
        ledger = self._at(chain, block_hash)
        states = {row.account: row.state(ledger.known, ledger.legs.get(row.account, NO_LEG)) for row in rows}
        # An account that was never here answers all zeros; that is no leg.
        found = {
            account: state for account, state in states.items() if state.version or account in ledger.legs
        }
        self._settle(chain, ledger.adopt(found))
        for account_id in found:
            self._accounts[account_id] = None
        return frozenset(found)

    def _at(self, chain: str, block_hash: str) -> ChainLedger:
        ledger = self._chains[chain]
        if ledger.cursor is None or ledger.cursor.hash != block_hash:
            raise OutOfStep(
                f"{chain}: the book is at {ledger.cursor and ledger.cursor.hash}, not at {block_hash}"
            )
        return ledger

    def _join(self, account_id: str) -> Account | None:
        claims: dict[str, list[PendingClaim]] = {}
        unreadable: dict[str, list[str]] = {}
        for source, seen in self._claims_of(account_id):
            target = self._name_by_id.get(seen.target_chain_id)
            if target is None:
                unreadable.setdefault(source, []).append(unreadable_claim(seen))
                continue
            if self._chains[target].is_paid(account_id, seen.claim):
                continue
            pending = pending_claim(seen, source, self._chains[target].known)
            if pending is None:
                unreadable.setdefault(target, []).append(unreadable_claim(seen))
            else:
                claims.setdefault(target, []).append(pending)
        legs = tuple(
            leg(
                ledger.known,
                ledger.legs.get(account_id, NO_LEG),
                claims.get(chain, ()),
                unreadable.get(chain, ()),
                ledger.settlements,
            )
            for chain, ledger in self._chains.items()
            if account_id in ledger.legs or chain in claims or chain in unreadable
        )
        if not legs:
            return None
        states = [ledger.legs[account_id] for ledger in self._chains.values() if account_id in ledger.legs]
        named = next((state for state in states if state.owner), NO_LEG)
        return Account(account_id, named.owner, named.subaccount, legs, self._unfinal(account_id, legs))

    def _claims_of(self, account_id: str) -> Iterator[tuple[str, ClaimSeen]]:
        """Yield every claim on the account, with the chain it was opened on."""
        for source, ledger in self._chains.items():
            for seen in ledger.claims_of(account_id):
                yield source, seen

    def _unfinal(self, account_id: str, legs: Sequence[Leg]) -> tuple[EarlierLeg, ...]:
        """Return what the account's legs may be again, each different from what it is and from the others."""
        found: list[EarlierLeg] = []
        now = {its.chain: its for its in legs}
        for chain, ledger in self._chains.items():
            known = {_content(EarlierLeg(0, now.get(chain) or leg(ledger.known, NO_LEG, (), ())))}
            for before in ledger.before(account_id):
                earlier = self._earlier(chain, account_id, before)
                if _content(earlier) not in known:
                    known.add(_content(earlier))
                    found.append(earlier)
        return tuple(found)

    def _earlier(self, chain: str, account_id: str, before: Before) -> EarlierLeg:
        ledger, not_paid, unreadable = self._chains[chain], [], []
        for source, seen in self._claims_of(account_id):
            if seen.claim in before.not_paid:
                pending = pending_claim(seen, source, ledger.known)
                if pending is None:
                    unreadable.append(unreadable_claim(seen))
                else:
                    not_paid.append(pending)
        settlements = {
            expiry: price_wad
            for expiry, price_wad in ledger.settlements.items()
            if expiry not in before.not_fixed
        }
        return EarlierLeg(
            before.blocks,
            leg(ledger.known, before.state, (), unreadable, settlements),
            tuple(sorted(before.not_opened)),
            tuple(sorted(not_paid, key=lambda claim: claim.claim)),
        )

    def _settle(self, chain: str, final: Finalised) -> None:
        """Forget claims that are both opened and paid for good, so that the book does not grow for ever."""
        for seen in final.opened:
            target = self._name_by_id.get(seen.target_chain_id)
            if target is not None:
                self._final_opened[target, seen.account, seen.claim] = seen
                self._forget_if_settled(target, seen.account, seen.claim)
        for account, claim in final.paid:
            self._final_paid.add((chain, account, claim))
            self._forget_if_settled(chain, account, claim)

    def _forget_if_settled(self, target: str, account: str, claim: str) -> None:
        key = (target, account, claim)
        if key not in self._final_opened or key not in self._final_paid:
            return
        source = next(ledger for ledger in self._chains.values() if claim in ledger.opened.get(account, ()))
        source.forget_opened(account, claim)
        self._chains[target].forget_paid(account, claim)
        del self._final_opened[key]
        self._final_paid.discard(key)


def _content(earlier: EarlierLeg) -> tuple[object, ...]:
    """Return what of a leg health depends on."""
    its = earlier.leg
    held = its.cross_margin, its.collateral, its.debt, its.positions, its.options, its.unreadable
    return *held, earlier.not_opened, earlier.not_paid
