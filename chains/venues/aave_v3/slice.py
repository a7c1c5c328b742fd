"""One account of a pool with all that its health and its liquidation depend on, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from chains.venues.aave_v3.health import used_reserves
from chains.venues.aave_v3.state import Account, Balance, EMode, PoolState, Reserve
from chains.venues.venue import Borrower


@dataclass(frozen=True, slots=True)
class ReserveBalance:
    """What the account has in one reserve."""

    reserve_id: int
    balance: Balance


@dataclass(frozen=True, slots=True)
class PoolSlice:
    """A `PoolState` of one account, flat, so that it can be written down. `emode` is the account's own, if it has one."""

    block_hash: str
    timestamp_s: int
    oracle: str
    sentinel_allows: bool | None
    reserves: tuple[Reserve, ...]
    emode: EMode | None
    account: str
    configuration: int
    emode_category: int
    balances: tuple[ReserveBalance, ...]


def cut(state: PoolState, borrower: Borrower) -> PoolSlice:
    """Return the borrower's part of the state. Raises ``KeyError`` for one that was not read."""
    account = state.accounts[borrower.account]
    return PoolSlice(
        block_hash=state.block_hash,
        timestamp_s=state.timestamp_s,
        oracle=state.oracle,
        sentinel_allows=state.sentinel_allows,
        reserves=tuple(used_reserves(state, account)),
        emode=state.emodes.get(account.emode_category),
        account=borrower.account,
        configuration=account.configuration,
        emode_category=account.emode_category,
        balances=tuple(ReserveBalance(key, balance) for key, balance in sorted(account.balances.items())),
    )


def join(part: PoolSlice) -> PoolState:
    """Return the state that holds this account alone."""
    account = Account(
        part.configuration, part.emode_category, {each.reserve_id: each.balance for each in part.balances}
    )
    return PoolState(
        block_hash=part.block_hash,
        timestamp_s=part.timestamp_s,
        oracle=part.oracle,
        reserves={reserve.reserve_id: reserve for reserve in part.reserves},
        emodes={} if part.emode is None else {part.emode.category: part.emode},
        accounts={part.account: account},
        sentinel_allows=part.sentinel_allows,
    )
