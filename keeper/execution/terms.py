"""The terms a lane works under, resolved once from the settings: what may be signed, spent and waited for."""

from __future__ import annotations

from dataclasses import dataclass

from chains.errors import NeverSign
from chains.hub.codec import KEEPER_SELECTORS
from chains.hub.settlement import SETTLEMENT_SELECTORS
from chains.transactions import TransactionPolicy
from chains.venues.executor.codec import EXECUTE
from config.checks.spending import GIVE_UP_AFTER_BLOCKS
from config.settings import ChainSettings, SpendingSettings
from keeper.execution.spending import SpendingLimits

MAX_GAS_LIMIT = 5_000_000


@dataclass(frozen=True, slots=True)
class LaneTerms:
    """One chain's rules. Depths and waits are in blocks. With `rehearse` all is checked and nothing signed.

    `max_in_flight` holds for each signer, `limits` for all together. A nonce that is the lowest open one for
    `give_up_after_blocks` is freed with a cancel, so that it is not in the way of all that follow.
    """

    chain: str
    chain_id: int
    max_in_flight: int
    bump_after_blocks: int
    max_bumps: int
    finality_depth: int
    policy: TransactionPolicy
    limits: SpendingLimits
    resend_after_blocks: int = 2
    give_up_after_blocks: int = GIVE_UP_AFTER_BLOCKS
    rehearse: bool = False


def lane_terms(
    chain: str,
    settings: ChainSettings,
    spending: SpendingSettings,
    *,
    rehearse: bool = False,
) -> LaneTerms:
    """Return the terms of one configured chain: only calls of its hub, its option desk and its executor are signed."""
    hub = settings.hub.lower()
    allowed = {(hub, selector) for selector in KEEPER_SELECTORS}
    if settings.option_desk is not None:
        allowed |= {(settings.option_desk.lower(), selector) for selector in SETTLEMENT_SELECTORS}
    if settings.executor is not None:
        allowed.add((settings.executor.address.lower(), EXECUTE))
    policy = TransactionPolicy(
        chain_id=settings.chain_id,
        allowed=frozenset(allowed),
        max_gas_limit=MAX_GAS_LIMIT,
        max_fee_per_gas_wei=settings.max_fee_per_gas_wei,
        max_cost_wei=spending.max_per_transaction_wei,
    )
    limits = SpendingLimits(
        max_per_transaction_wei=spending.max_per_transaction_wei,
        max_per_hour_wei=spending.max_per_hour_wei,
        max_per_day_wei=spending.max_per_day_wei,
        cancel_reserve_wei=spending.cancel_reserve_wei,
        max_per_target_per_day_wei=spending.max_per_target_per_day_wei,
    )
    return LaneTerms(
        chain=chain,
        chain_id=settings.chain_id,
        max_in_flight=settings.max_in_flight,
        bump_after_blocks=settings.bump_after_blocks,
        max_bumps=settings.max_bumps,
        finality_depth=settings.finality_depth,
        policy=policy,
        limits=limits,
        rehearse=rehearse,
    )


@dataclass(frozen=True, slots=True)
class NoKey:
    """The signer of a rehearsal: it has an address and never signs."""

    address: str

    async def sign_payload(self, payload: bytes) -> tuple[int, int, int]:
        """Refuse."""
        raise NeverSign(f"a rehearsal signs nothing, not even these {len(payload)} bytes")
