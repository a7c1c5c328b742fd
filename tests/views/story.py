"""A short story for a log: one account on two chains, found liquidatable, liquidated, and healthy again."""

from __future__ import annotations

from dataclasses import replace

from eth_account import Account as Signer

from chains.blocks import Head
from chains.hub.attestation import Attestation
from chains.hub.codec import LIQUIDATE, attested_call
from chains.hub.signatures import assemble, sign
from chains.hub.signatures import digest as attestation_digest
from chains.keys import Key
from config.canonical import canonical_json, digest
from config.risk_settings import LiquidateWhen
from config.units import WAD
from keeper.domain.account import Account, Collateral, CutPoint, Debt, Leg, Position
from keeper.domain.decision import Decision
from keeper.domain.health import AccountState, UnifiedHealth
from keeper.domain.intent import Attempt, Intent, IntentState
from keeper.margin.health import evaluate
from keeper.margin.parameters import AssetRisk, LegAges, MarketRisk, RiskPolicy, Tier
from keeper.planner.decide import decide
from keeper.planner.facts import ChainInventory, GasCosts, Inventory, MarketFacts, TokenFacts, VenueFacts
from keeper.state import entries as e
from keeper.state import observations as o
from oracles.price import FailureKind, Price, PriceSet, PriceStatus, Quote, QuoteFailure, QuoteUse
from oracles.record import price_set

ACCOUNT = "0x" + "a1" * 32
HEALTHY_ACCOUNT = "0x" + "b2" * 32
OWNER = "0x00000000000000000000000000000000000000AA"
HUB = "0x" + "b1" * 20
USDC = "0x" + "c0" * 20
SHARE = "0x" + "c1" * 20
ZERO = "0x" + "00" * 32
SENDER = Signer.from_key("0x" + "11" * 32)
ATTESTORS = {name: Key(bytes([number]) * 32) for number, name in enumerate(("ash", "elm", "oak"), start=1)}
ARBOR, BIRCH = 31101, 31102

SETTINGS = {
    "attestation": {
        "threshold": 2,
        "attestors": [{"name": name, "address": key.address} for name, key in ATTESTORS.items()],
    },
    "spending": {
        "max_per_transaction_wei": 1_000_000,
        "max_per_hour_wei": 5_000_000,
        "max_per_day_wei": 9_000_000,
    },
    "risk": {"price_band_bps": 150},
    "assets": {
        "USDC": {"min_sources": 1, "min_groups": 1},
        "ETH": {"min_sources": 2, "min_groups": 2},
        "vETH": {"min_sources": 1, "min_groups": 1},
    },
    "sources": [
        {"name": name, "max_age_s": "30.0"} for name in ("alpha", "beta", "gamma", "delta", "rate", "peg")
    ],
}
WEIGHTS = AssetRisk(8_000, 7_500, 10_000, 10_000)
POLICY = RiskPolicy(
    liquidate_when=LiquidateWhen.CERTAIN,
    margin_call_health_wad=110 * WAD // 100,
    margin_call_clear_health_wad=112 * WAD // 100,
    target_health_wad=105 * WAD // 100,
    gain_weight_bps=8_000,
    dust_value_wad=50 * WAD,
    missing_leg_uplift_bps=10_000,
    price_band_bps=150,
    assets={"USDC": AssetRisk(9_700, 9_500, 10_000, 10_000), "ETH": WEIGHTS, "vETH": WEIGHTS},
    markets={"ETH-PERP": MarketRisk("ETH", (Tier(10**6 * WAD, 500, 1_000),))},
    chains={chain: LegAges(30_000, 60_000) for chain in ("arbor", "birch")},
)


def block_hash(number: int) -> str:
    return f"0x{number:064x}"


class Story:
    """Everything that is said about the account, as of `at_ms`."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms
        self.prices = self._prices()
        self.cut = (
            CutPoint("arbor", 103, block_hash(103), at_ms // 1000, 400),
            CutPoint("birch", 98, block_hash(98), at_ms // 1000, 1_200),
        )
        self.account = self._account()
        self.decision = self._decision()
        self.before = self.decision.health
        self.after = self.health_of(
            replace(self.account, legs=(self._collateral_leg(2 * WAD), self._debt_leg()))
        )
        self.attestation = self._attestation()
        self.signed_digest = attestation_digest(self.attestation, ARBOR, HUB)
        self.attestation_digest = "0x" + self.signed_digest.hex()
        self.calldata = "0x" + attested_call(LIQUIDATE, (), self.attestation, self._signatures()).hex()
        self.intent = self._intent()
        self.attempt = self._attempt()

    def entries(self) -> list[e.Entry]:
        """Return what is journaled, in order."""
        text = canonical_json(SETTINGS)
        intent_id, tx_hash = self.intent.intent_id, self.attempt.tx_hash
        return [
            e.ConfigUsed(digest(SETTINGS), text),
            e.RunStarted("run-1", "live", "0.1.0", 4242, digest(SETTINGS)),
            e.ChainKnown("arbor", ARBOR, block_hash(1)),
            e.ChainKnown("birch", BIRCH, block_hash(2)),
            e.NoticeSent(ACCOUNT, "called", 108 * WAD // 100, 20 * WAD, "health 1.08"),
            e.DecisionMade(self.decision),
            e.AttestationAsked(
                self.attestation_digest, self.decision.decision_id, "arbor", ARBOR, HUB, self.attestation
            ),
            e.AttestationAnswered(self.attestation_digest, "ash", "signed", "", self._signature("ash")),
            e.AttestationAnswered(self.attestation_digest, "elm", "refused", "price: 30 % off", None),
            e.AttestationAnswered(self.attestation_digest, "oak", "signed", "", self._signature("oak")),
            e.IntentSigned(self.intent, self.attempt),
            e.AttemptSent(intent_id, tx_hash, "published", "", 103),
            e.ReceiptSeen(intent_id, tx_hash, block_hash(104), 104, 1, 90_000, 2, 180_000),
            e.IntentMoved(intent_id, IntentState.FINAL_OK, None, False, "", 105),
        ]

    def observations(self) -> list[o.Observation]:
        """Return what is only seen."""
        head = Head("arbor", 104, block_hash(104), block_hash(103), self.at_ms // 1000, 1)
        healthy = Account(HEALTHY_ACCOUNT, OWNER, 8, (self._collateral_leg(3 * WAD), self._debt_leg()))
        return [
            o.HeadSeen(head, canonical=True),
            o.ChainStatusSeen("arbor", "live", "", 104, head.hash, head.timestamp, self.at_ms),
            o.ChainStatusSeen("birch", "live", "", 98, block_hash(98), head.timestamp, self.at_ms),
            o.PriceSetSeen(self.prices),
            o.LegsSeen(self.account),
            o.HealthSeen(AccountState.HEALTHY, self.after),
            o.LegsSeen(healthy),
            o.HealthSeen(AccountState.HEALTHY, self.health_of(healthy)),
        ]

    def health_of(self, account: Account) -> UnifiedHealth:
        """Return an account's health on the story's evidence."""
        return evaluate(account, self.prices.prices, self.cut, POLICY, price_set=self.prices.id)

    def _prices(self) -> PriceSet:
        def quote(source: str, value_wad: int, pair: str = "ETH/USD", *, made: bool = True) -> Quote:
            made_ms = self.at_ms - 5_900 if made else None
            return Quote(
                source, source[0], pair, 1, value_wad, 0, made_ms, self.at_ms - 5_400, self.at_ms - 5_400
            )

        def price(
            asset: str, mid: int, around: int, uses: tuple[QuoteUse, ...], via: Price | None = None
        ) -> Price:
            low, high = (mid * WAD - around * WAD, mid * WAD + around * WAD)
            return Price(asset, PriceStatus.OK, "", low, mid * WAD, high, self.at_ms - 5_900, uses, via)

        failure = QuoteFailure(
            "delta", "d", "ETH/USD", FailureKind.UNREACHABLE, "status 502", self.at_ms - 5_000
        )
        eth = price(
            "ETH",
            1_801,
            2,
            (
                QuoteUse(quote("alpha", 1_800 * WAD), used=True, reason=""),
                QuoteUse(quote("beta", 1_802 * WAD), used=True, reason=""),
                QuoteUse(quote("gamma", 1_100 * WAD), used=False, reason="outlier: 49 % from the median"),
                QuoteUse(failure, used=False, reason=""),
            ),
        )
        rate = QuoteUse(quote("rate", WAD, "vETH/ETH", made=False), used=True, reason="")
        peg = QuoteUse(quote("peg", WAD, "USDC/USD"), used=True, reason="")
        made = {
            "ETH": eth,
            "USDC": price("USDC", 1, 0, (peg,)),
            "vETH": price("vETH", 1_801, 2, (rate,), eth),
        }
        return price_set(self.at_ms - 5_000, made)

    def _account(self) -> Account:
        return Account(ACCOUNT, OWNER, 7, (self._debt_leg(), self._collateral_leg(72 * WAD // 100)))

    def _debt_leg(self) -> Leg:
        position = Position("ETH-PERP", 0, "ETH", WAD, 1_900 * WAD)
        return Leg("arbor", 3, True, (), Debt("USDC", 6, 900 * 10**6), (position,))

    def _collateral_leg(self, amount: int) -> Leg:
        return Leg("birch", 5, True, (Collateral(SHARE, "vETH", 18, amount),), None, ())

    def _decision(self) -> Decision:
        usdc = TokenFacts(0, USDC, "USDC", 6, 500)
        share = TokenFacts(1, SHARE, "vETH", 18, 600)
        market = MarketFacts(0, "ETH-PERP", "ETH", 100)
        bounds = (5_000, 97 * WAD // 100, 1, 200, 2_000, 100 * WAD, 1, 10**12)
        facts = {
            "arbor": VenueFacts("arbor", *bounds, (usdc,), (market,)),
            "birch": VenueFacts("birch", *bounds, (usdc, share)),
        }
        gas = GasCosts(*[WAD // 100] * 5)
        held = {chain: ChainInventory(chain, SENDER.address, 10**12, gas, 1_000 * WAD) for chain in facts}
        decision = decide(
            self.account,
            AccountState.MARGIN_CALL,
            self.prices,
            self.cut,
            POLICY,
            facts,
            Inventory(held),
            self.at_ms - 5_000,
        )
        assert decision is not None
        return decision

    def _attestation(self) -> Attestation:
        assert self.decision.plan is not None
        assert self.before.health is not None
        step = self.decision.plan.steps[0]
        return Attestation(
            step.action, ACCOUNT, 3, 12, 1, step.item, step.size, step.price_wad, self.before.health.high, 0, ZERO,
            HUB, SENDER.address, ZERO, ZERO, self.prices.id, self.at_ms // 1000, self.at_ms // 1000 + 60,
        )  # fmt: skip

    def _signature(self, attestor: str) -> str:
        return "0x" + sign(ATTESTORS[attestor], self.signed_digest).hex()

    def _signatures(self) -> tuple[bytes, ...]:
        signed = {
            ATTESTORS[name].address: bytes.fromhex(self._signature(name)[2:]) for name in ("ash", "oak")
        }
        return assemble(signed, 2)

    def _intent(self) -> Intent:
        return Intent(
            digest("intent"), self.decision.decision_id, "arbor", ARBOR, HUB, ACCOUNT, "close/0",
            self.attestation.action, 0, 12, self.calldata, 300_000, 1_801 * WAD, self.at_ms // 1000 + 60, 900_000,
        )  # fmt: skip

    def _attempt(self) -> Attempt:
        fields = {
            "type": 2, "chainId": ARBOR, "nonce": 5, "maxFeePerGas": 3, "maxPriorityFeePerGas": 1, "gas": 300_000,
            "to": bytes.fromhex(HUB[2:]), "value": 0, "data": self.calldata,
        }  # fmt: skip
        signed = SENDER.sign_transaction(fields)
        return Attempt(
            signed.hash.to_0x_hex(), self.intent.intent_id, 1, SENDER.address, 5, signed.raw_transaction.to_0x_hex(),
            3, 1, 300_000, is_cancel=False,
        )  # fmt: skip
