"""Values to log: one of each kind, small and plausible."""

from __future__ import annotations

from chains.blocks import Head
from chains.hub.attestation import Action, Attestation
from keeper.domain.account import Account, Collateral, CutPoint, Debt, Leg
from keeper.domain.decision import Decision
from keeper.domain.health import AccountState, Interval, UnifiedHealth
from keeper.domain.intent import Attempt, Intent
from keeper.domain.plan import Plan, Step
from oracles.price import FailureKind, Price, PriceSet, PriceStatus, Quote, QuoteFailure, QuoteUse

WAD = 10**18
ACCOUNT = "0x" + "a1" * 32
SENDER = "0x" + "5e" * 20
CHAIN_ID = 31_101
PRICE_SET = "0x" + "9a" * 32


def head(number: int, chain: str = "alpha") -> Head:
    return Head(chain, number, f"0x{number:064x}", f"0x{number - 1:064x}", 1_700_000_000 + number, 10**9)


def intent(
    number: int = 1, *, position: str = "debt/ETH", account: str = ACCOUNT, valid_until_s: int = 0
) -> Intent:
    return Intent(
        intent_id=f"0x{number:064x}",
        decision_id="0xdec1de",
        chain="alpha",
        chain_id=CHAIN_ID,
        contract="0x" + "e1" * 20,
        account_id=account,
        position_key=position,
        action=int(Action.REPAY),
        item=1,
        sequence=number,
        calldata="0xaabbccdd",
        gas_limit=100_000,
        value_wad=1_234_500_000_000_000_000_000,
        valid_until_s=valid_until_s,
    )


def attempt(number: int = 1, *, nonce: int | None = None, tx: str = "", try_number: int = 0) -> Attempt:
    return Attempt(
        tx_hash=tx or f"0x{number:063x}f",
        intent_id=f"0x{number:064x}",
        number=try_number,
        sender=SENDER,
        nonce=number if nonce is None else nonce,
        raw="0x02f8",
        max_fee_per_gas_wei=2 * 10**9,
        max_priority_fee_per_gas_wei=10**9,
        gas_limit=100_000,
        is_cancel=False,
    )


def health(account: str = ACCOUNT, mid: int | None = WAD * 9 // 10) -> UnifiedHealth:
    return UnifiedHealth(
        account_id=account,
        surplus=Interval(-120 * WAD, -100 * WAD, -5 * WAD // 10),
        initial_surplus=Interval(-220 * WAD, -200 * WAD, -180 * WAD),
        health=None if mid is None else Interval(mid - WAD // 100, mid, mid + WAD // 100),
        equity=Interval(90 * WAD, 100 * WAD, 110 * WAD),
        assets_mid=900 * WAD,
        requirement_mid=1_000 * WAD,
        maintenance_mid=50 * WAD,
        cut=(CutPoint("alpha", 7, "0xb7", 1_700_000_007, 250),),
        price_set=PRICE_SET,
    )


def decision(number: int = 1) -> Decision:
    step = Step(
        action=Action.REPAY,
        chain="alpha",
        item=1,
        asset="ETH",
        size=2**70,
        price_wad=2_000 * WAD,
        value_wad=400 * WAD,
        penalty_wad=20 * WAD,
        reason="cheapest",
    )
    return Decision(
        decision_id=f"0xdec1de{number}",
        account_id=ACCOUNT,
        previous=AccountState.AT_RISK,
        state=AccountState.LIQUIDATABLE,
        health=health(),
        plan=Plan(ACCOUNT, (step,), WAD * 105 // 100, 20 * WAD, False, "restores 1.05", ("beta: no pool",)),
        reason="high 0.91 < 1",
        inputs='{"in":"1"}',
        result='{"out":"2"}',
        at_ms=1_700_000_000_123,
    )


def account() -> Account:
    leg = Leg(
        chain="alpha",
        version=3,
        cross_margin=True,
        collateral=(Collateral("0x" + "77" * 20, "ETH", 18, 5 * WAD // 10),),
        debt=Debt("USDC", 6, 1_000_000_000),
        positions=(),
    )
    return Account(ACCOUNT, "0x" + "0e" * 20, 0, (leg,))


def price_set(name: str = PRICE_SET) -> PriceSet:
    good = Quote(
        "kraken",
        "kraken",
        "ETH/USD",
        1,
        2_000 * WAD,
        0,
        1_700_000_000_000,
        1_700_000_000_100,
        1_700_000_000_000,
    )
    bad = QuoteFailure("gemini", "gemini", "ETH/USD", FailureKind.STALE, "41 s old", 1_700_000_000_100)
    price = Price(
        asset="ETH",
        status=PriceStatus.DEGRADED,
        reason="one source is stale",
        low_wad=1_999 * WAD,
        mid_wad=2_000 * WAD,
        high_wad=2_001 * WAD + 1,
        oldest_ms=1_700_000_000_000,
        uses=(QuoteUse(good, True, "used"), QuoteUse(bad, False, "stale")),
    )
    return PriceSet(name, 1_700_000_000_200, {"ETH": price})


def attestation(sequence: int = 1) -> Attestation:
    return Attestation(
        action=int(Action.REPAY),
        account=ACCOUNT,
        version=3,
        sequence=sequence,
        epoch=1,
        item=1,
        max_size=2**200,
        price=2_000 * WAD,
        health=WAD * 91 // 100,
        value=0,
        claim="0x" + "00" * 32,
        target="0x" + "00" * 20,
        beneficiary=SENDER,
        blocks_root="0x" + "b1" * 32,
        policy_hash="0x" + "b2" * 32,
        price_set=PRICE_SET,
        observed_at=1_700_000_000,
        deadline=1_700_000_060,
    )
