"""What an account may come to be if the newest blocks of its chains are undone.

A chain can fall back to any of its blocks that is not final, each chain by itself. So an account may be any
combination of what its legs were; each is a whole account, since amounts that never stood beside each other
must not be mixed: after a liquidation the larger collateral belongs to the larger debt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import groupby, product
from math import prod

from keeper.domain.account import Account, EarlierLeg, Leg, PendingClaim

MOST = 100
"""Combinations that are looked at. For an account with more of them fewer blocks count, on every chain alike.

Otherwise one that changes with every block would be undecided, and safe, for as long as it does so.
"""


def possible(account: Account) -> Iterator[Account]:
    """Yield the account as it is, then as it may be again, nothing of which is unfinal."""
    if not account.unfinal:
        yield account
        return
    by_chain = _by_chain(counted(account.unfinal))
    for chosen in product(*([None, *its] for its in by_chain)):
        yield _as_of(account, [earlier for earlier in chosen if earlier is not None])


def counted(unfinal: Sequence[EarlierLeg]) -> Sequence[EarlierLeg]:
    """Return those that are looked at: of as many blocks as leave no more than `MOST` combinations."""
    while prod(1 + len(its) for its in _by_chain(unfinal)) > MOST:
        oldest = max(earlier.blocks for earlier in unfinal)
        unfinal = [earlier for earlier in unfinal if earlier.blocks < oldest]
    return unfinal


def _by_chain(unfinal: Sequence[EarlierLeg]) -> list[list[EarlierLeg]]:
    return [list(its) for _, its in groupby(unfinal, key=lambda earlier: earlier.leg.chain)]


def _as_of(account: Account, chosen: Sequence[EarlierLeg]) -> Account:
    """Return the account with these legs in place of its own."""
    legs = {leg.chain: leg for leg in account.legs}
    pending = {chain: leg.claims for chain, leg in legs.items()}
    not_opened = {claim for earlier in chosen for claim in earlier.not_opened}
    for earlier in chosen:
        chain = earlier.leg.chain
        legs[chain] = earlier.leg
        pending[chain] = (*pending.get(chain, ()), *earlier.not_paid)
    return replace(
        account,
        legs=tuple(_with_claims(leg, pending[chain], not_opened) for chain, leg in sorted(legs.items())),
        unfinal=(),
    )


def _with_claims(leg: Leg, pending: Sequence[PendingClaim], not_opened: AbstractSet[str]) -> Leg:
    claims = (claim for claim in pending if claim.claim not in not_opened)
    return replace(leg, claims=tuple(sorted(claims, key=lambda claim: claim.claim)))
