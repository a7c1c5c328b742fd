"""A short story in a log: one account on two chains, found liquidatable, liquidated, and healthy again."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as Signer

from chains.blocks import Head
from chains.hub.attestation import Action, Attestation
from chains.hub.codec import LIQUIDATE, attested_call
from chains.hub.signatures import assemble, sign
from chains.hub.signatures import digest as attestation_digest
from chains.keys import Key
from config.canonical import canonical_json, digest
from config.units import WAD
from keeper.domain.account import Account, Collateral, CutPoint, Debt, Leg, Position
from keeper.domain.decision import Decision
from keeper.domain.health import AccountState, Interval, UnifiedHealth
from keeper.domain.intent import Attempt, Intent, IntentState
from keeper.domain.plan import Plan, Step
from keeper.state import entries as e
from keeper.state import observations as o
from keeper.state.journal import EMPTY, link
from keeper.state.journal import Head as JournalHead
from keeper.state.log import StateLog
from keeper.views.cli import main
from oracles.price import FailureKind, Price, PriceSet, PriceStatus, Quote, QuoteFailure, QuoteUse

ACCOUNT = "0x" + "a1" * 32
HEALTHY_ACCOUNT = "0x" + "b2" * 32
OWNER = "0x00000000000000000000000000000000000000AA"
HUB = "0x" + "b1" * 20
TOKEN = "0x00000000000000000000000000000000000000C1"
SENDER = Signer.from_key("0x" + "11" * 32)
ATTESTORS = {name: Key(bytes([number]) * 32) for number, name in enumerate(("ash", "elm", "oak"), start=1)}
ARBOR, BIRCH = 31101, 31102
SETTINGS = {
    "attestation": {
        "threshold": "2",
        "attestors": [{"name": name, "address": key.address} for name, key in ATTESTORS.items()],
    },
    "spending": {
        "max_per_transaction_wei": "1000000",
        "max_per_hour_wei": "5000000",
        "max_per_day_wei": "9000000",
    },
    "risk": {"price_band_bps": "150"},
    "assets": {"ETH": {"min_sources": "2", "min_groups": "2"}},
    "sources": [{"name": "alpha", "max_age_s": "30.0"}, {"name": "beta", "max_age_s": "30.0"}],
}


def block_hash(number: int) -> str:
    return f"0x{number:064x}"


class Story:
    """Everything that is said about the account, as of `at_ms`."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms
        self.prices = self._prices()
        self.before = self._health(Interval(93 * WAD // 100, 94 * WAD // 100, 95 * WAD // 100), -60 * WAD)
        self.after = self._health(Interval(105 * WAD // 100, 106 * WAD // 100, 107 * WAD // 100), 40 * WAD)
        self.account = self._account()
        self.plan = self._plan()
        self.decision = self._decision()
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
        moved = (intent_id, IntentState.FINAL_OK, None, False, "", 105)
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
            e.IntentMoved(*moved),
        ]

    def observations(self) -> list[o.Observation]:
        """Return what is only seen."""
        head = Head("arbor", 104, block_hash(104), block_hash(103), self.at_ms // 1000, 1)
        healthy = self._health(Interval(3 * WAD, 3 * WAD, 3 * WAD), 900 * WAD, HEALTHY_ACCOUNT)
        return [
            o.HeadSeen(head, canonical=True),
            o.ChainStatusSeen("arbor", "live", "", 104, head.hash, head.timestamp, self.at_ms),
            o.ChainStatusSeen("birch", "live", "", 98, block_hash(98), head.timestamp, self.at_ms),
            o.PriceSetSeen(self.prices),
            o.LegsSeen(self.account),
            o.HealthSeen(AccountState.HEALTHY, self.after),
            o.HealthSeen(AccountState.HEALTHY, healthy),
        ]

    def _prices(self) -> PriceSet:
        def quote(source: str, value: int) -> Quote:
            return Quote(
                source,
                source[0],
                "ETH/USD",
                1,
                value * WAD,
                0,
                self.at_ms - 900,
                self.at_ms - 400,
                self.at_ms,
            )

        uses = (
            QuoteUse(quote("alpha", 1_800), used=True, reason=""),
            QuoteUse(quote("beta", 1_802), used=True, reason=""),
            QuoteUse(quote("gamma", 1_100), used=False, reason="outlier: 49 % from the median"),
            QuoteUse(
                QuoteFailure("delta", "d", "ETH/USD", FailureKind.UNREACHABLE, "status 502", self.at_ms),
                False,
                "",
            ),
        )
        eth = Price("ETH", PriceStatus.OK, "", 1_799 * WAD, 1_801 * WAD, 1_803 * WAD, self.at_ms - 900, uses)
        rate = QuoteUse(
            Quote("rate", "vault", "vETH/ETH", 1, WAD, 0, None, self.at_ms, self.at_ms), used=True, reason=""
        )
        share = Price(
            "vETH", PriceStatus.OK, "", 1_799 * WAD, 1_801 * WAD, 1_803 * WAD, self.at_ms - 900, (rate,), eth
        )
        return PriceSet(digest("prices"), self.at_ms, {"ETH": eth, "vETH": share})

    def _health(self, health: Interval, surplus: int, account: str = ACCOUNT) -> UnifiedHealth:
        cut = (
            CutPoint("arbor", 103, block_hash(103), self.at_ms // 1000, 400),
            CutPoint("birch", 98, block_hash(98), self.at_ms // 1000, 1_200),
        )
        around = Interval(surplus - WAD, surplus, surplus + WAD)
        return UnifiedHealth(
            account, around, around, health, around, 940 * WAD, 1_000 * WAD, 50 * WAD, cut, self.prices.id
        )

    def _account(self) -> Account:
        debt = Leg(
            "arbor",
            3,
            True,
            (),
            Debt("USDC", 6, 900 * 10**6),
            (Position("ETH-PERP", 0, "ETH", WAD, 1_900 * WAD),),
        )
        collateral = Leg("birch", 5, True, (Collateral(TOKEN, "vETH", 18, WAD // 2),), None, ())
        return Account(ACCOUNT, OWNER, 7, (debt, collateral))

    def _plan(self) -> Plan:
        step = Step(
            Action.CLOSE, "arbor", 0, "ETH", WAD // 2, 1_801 * WAD, 900 * WAD, 9 * WAD, reason="cheapest"
        )
        return Plan(ACCOUNT, (step,), 105 * WAD // 100, 9 * WAD, False, "restores 1.05", ("repay: dearer",))

    def _decision(self) -> Decision:
        inputs, result = canonical_json({"n": 1}), canonical_json({"n": 2})
        return Decision(
            digest([inputs, result]),
            ACCOUNT,
            AccountState.MARGIN_CALL,
            AccountState.LIQUIDATABLE,
            self.before,
            self.plan,
            "high health under 1",
            inputs,
            result,
            self.at_ms - 5_000,
        )

    def _attestation(self) -> Attestation:
        zero = "0x" + "00" * 32
        return Attestation(
            Action.CLOSE, ACCOUNT, 3, 12, 1, 0, WAD // 2, 1_801 * WAD, 95 * WAD // 100, 0, zero, HUB, SENDER.address,
            zero, zero, self.prices.id, self.at_ms // 1000, self.at_ms // 1000 + 60,
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
            digest("intent"), self.decision.decision_id, "arbor", ARBOR, HUB, ACCOUNT, "position:0", Action.CLOSE, 0, 12,
            self.calldata, 300_000, 900 * WAD, self.at_ms // 1000 + 60,
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


@pytest.fixture
def story() -> Story:
    return Story(time.time_ns() // 1_000_000)


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[..., Path]:
    """Write a real log and return where it is."""

    def write(
        entries: Sequence[e.Entry], observations: Sequence[o.Observation] = (), at_ms: int | None = None
    ) -> Path:
        path = tmp_path / "keeper.db"
        moment = time.time_ns() // 1_000_000 if at_ms is None else at_ms

        async def run() -> None:
            async with StateLog.open(path, "live", lambda: moment) as log:
                for entry in entries:
                    await log.write(entry)
                log.observe(*observations)

        asyncio.run(run())
        return path

    return write


@pytest.fixture
def log(story: Story, write_log: Callable[..., Path]) -> Path:
    return write_log(story.entries(), story.observations())


@pytest.fixture
def write_journal(tmp_path: Path) -> Callable[..., Path]:
    """Write only a journal, whatever it says: what the real log would refuse can be told here."""

    def write(rows: Sequence[tuple[str, dict[str, Any]]], at_ms: int = 1_000, step_ms: int = 1) -> Path:
        path = tmp_path / f"journal-{len(list(tmp_path.iterdir()))}.db"
        connection = sqlite3.connect(path)
        connection.execute(
            "CREATE TABLE journal (seq INTEGER, at_ms INTEGER, kind TEXT, body TEXT, prev_hash TEXT, hash TEXT)"
        )
        head = EMPTY
        for number, (kind, body) in enumerate(rows):
            row = link(head, at_ms + number * step_ms, kind, canonical_json(body))
            connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)", row)
            head = JournalHead(row.seq, row.hash)
        connection.commit()
        connection.close()
        return path

    return write


@pytest.fixture
def rows(story: Story) -> list[tuple[str, dict[str, Any]]]:
    """The story's journal as kinds and bodies, to be altered."""
    return [(entry.kind, json.loads(canonical_json(entry.body()))) for entry in story.entries()]


@pytest.fixture
def keeper(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process; return exit code, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
