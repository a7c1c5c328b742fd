"""A lane on a real node: one key, a contract that logs its calldata, a log file, blocks mined on demand."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from chains.answers import FeeQuote, Receipt
from chains.blocks import Head
from chains.client import ChainClient
from chains.endpoint import Endpoint
from chains.errors import MalformedAnswer, NotYetThere, SignerUnavailable
from chains.keys import Key
from chains.send_errors import SendOutcome
from chains.transactions import TransactionPolicy, TransactionRequest
from config.secrets import SecretUrl
from keeper.domain.intent import Intent, IntentState
from keeper.execution.lane import Lane
from keeper.execution.ports import LaneChain
from keeper.execution.purse import Purse
from keeper.execution.spending import SpendingLimits
from keeper.execution.terms import LaneTerms
from keeper.state.log import StateLog
from keeper.state.options import LogOptions
from keeper.state.reader import LogReader, Row
from keeper.state.verify import verify

CHAIN_ID = 31_198
EMITTER = "0x" + "e1" * 20
EMITTER_CODE = "0x5f355f52600160205fa100"
"""Logs its first word of calldata under topic 1."""
REVERTER = "0x" + "12" * 20
REVERTER_CODE = "0x63deadbeef5f526004601cfd"
"""Reverts with 0xdeadbeef."""
SELECTOR = bytes.fromhex("aabbccdd")
SECRET = bytes.fromhex("42" * 32)
ETHER = 10**18
FINALITY_DEPTH = 3
LIMITS = SpendingLimits(ETHER, 10 * ETHER, 50 * ETHER, ETHER // 100)


def terms(**changes: Any) -> LaneTerms:
    policy = TransactionPolicy(
        chain_id=CHAIN_ID,
        allowed=frozenset({(EMITTER, SELECTOR), (REVERTER, SELECTOR)}),
        max_gas_limit=1_000_000,
        max_fee_per_gas_wei=500 * 10**9,
        max_cost_wei=LIMITS.max_per_transaction_wei,
    )
    values: dict[str, Any] = {
        "chain": "alpha",
        "chain_id": CHAIN_ID,
        "max_in_flight": 16,
        "bump_after_blocks": 3,
        "max_bumps": 2,
        "finality_depth": FINALITY_DEPTH,
        "policy": policy,
        "limits": LIMITS,
    }
    return LaneTerms(**values | changes)


def call(number: int, *, contract: str = EMITTER, valid_until_s: int = 0) -> Intent:
    """An intent that logs its own number, so that doing it twice shows."""
    return Intent(
        intent_id=f"0x{number:064x}",
        decision_id="0xdec1de",
        chain="alpha",
        chain_id=CHAIN_ID,
        contract=contract,
        account_id=f"0x{number:064x}",
        position_key="debt/ETH",
        action=2,
        item=1,
        sequence=number,
        calldata="0x" + (SELECTOR + number.to_bytes(28, "big")).hex(),
        gas_limit=60_000,
        value_wad=100 * ETHER,
        valid_until_s=valid_until_s,
    )


class Meddler:
    """A chain client with faults: what is not set goes to the real node."""

    def __init__(self, client: ChainClient) -> None:
        self.client = client
        self.sent: list[bytes] = []
        self.swallow = 0
        self.answer: SendOutcome | None = None
        self.blind_receipts = 0
        self.asked_first = "a node"
        self.broken_receipts = False
        self.other_shows = False
        self.blind_state_below = 0
        self.counts_asked = 0
        self.blind_blocks = 0
        self.wrong_block = False
        self.nonce_lag = 0

    async def block(self, at: int | str) -> Head:
        if self.blind_blocks > 0:
            self.blind_blocks -= 1
            raise NotYetThere("the node lags")
        return await self.client.block(at)

    async def sent_in(self, block_hash: str, sender: str) -> Mapping[int, str]:
        return await self.client.sent_in(block_hash, sender)

    async def find_receipt(self, tx_hash: str) -> Receipt | None:
        return await (self.client if self.other_shows else self).receipt(tx_hash)

    async def receipt(self, tx_hash: str) -> Receipt | None:
        if self.broken_receipts:
            raise MalformedAnswer("no receipt")
        if self.blind_receipts > 0:
            self.blind_receipts -= 1
            return None
        found = await self.client.receipt(tx_hash)
        if found is not None and self.wrong_block:
            return Receipt(
                **{name: getattr(found, name) for name in found.__slots__} | {"block_hash": "0x" + "66" * 32}
            )
        return found

    async def transaction_count(self, address: str, block: int | str = "latest") -> int:
        self.counts_asked += 1
        if isinstance(block, int) and block < self.blind_state_below:
            raise NotYetThere("missing trie node")
        return max(0, await self.client.transaction_count(address, block) - self.nonce_lag)

    async def fees(self) -> FeeQuote:
        return await self.client.fees()

    async def simulate(
        self, transaction: TransactionRequest, sender: str, block: int | str = "pending"
    ) -> bytes:
        return await self.client.simulate(transaction, sender, block)

    async def send_raw(self, raw: bytes) -> SendOutcome:
        self.sent.append(raw)
        if self.swallow > 0:
            self.swallow -= 1
            honest = self.answer
            assert honest is not None
            return SendOutcome(honest.send_class, "", honest.text, "", may_be_pooled=True)
        outcome = await self.client.send_raw(raw)
        return outcome if self.answer is None else self.answer


class Moody:
    """A key behind a signer that does not always answer."""

    def __init__(self, key: Key) -> None:
        self.address = key.address
        self.asked = 0
        self.silent: set[int] = set()
        self._key = key

    async def sign_payload(self, payload: bytes) -> tuple[int, int, int]:
        self.asked += 1
        if self.asked in self.silent:
            raise SignerUnavailable("the signer does not answer")
        return await self._key.sign_payload(payload)


class Node:
    """A local chain that is told what to do, whoever started it."""

    def __init__(self, url: str, genesis_hash: str = "") -> None:
        self.url = url
        self.genesis_hash = genesis_hash
        self._admin = self._endpoint()

    async def __call__(self, method: str, *params: Any) -> Any:
        return await self._admin.request(method, list(params))

    async def mine(self, blocks: int = 1) -> None:
        await self("anvil_mine", hex(blocks))

    def client(self) -> ChainClient:
        return ChainClient("alpha", CHAIN_ID, self.genesis_hash, [self._endpoint()])

    async def aclose(self) -> None:
        await self._admin.aclose()

    def _endpoint(self) -> Endpoint:
        return Endpoint(SecretUrl(self.url), max_requests_per_s=10_000)


class Scene:
    """Mines, tells the lane, and looks at what came of it."""

    def __init__(self, node: Node, client: ChainClient, path: Path) -> None:
        self.node = node
        self.client = client
        self.path = path
        self.key = Key(SECRET)
        self.signer = Moody(self.key)
        self.others: list[Key] = []
        self.other_lanes: list[Lane] = []
        self.chain = Meddler(client)
        self.foreign: set[str] = set()
        self.ends: list[tuple[int, IntentState, str]] = []
        self._canonical: dict[int, Head] = {}
        self.log: StateLog
        self.lane: Lane

    async def open(self, **changes: Any) -> None:
        """Start with what the log holds, as a process does."""
        options = LogOptions(flush_interval_s=0.005, retry_interval_s=0.02, busy_timeout_ms=50)
        self.log = StateLog.open(self.path, "live", lambda: time.time_ns() // 1_000_000, options=options)
        clock = lambda: time.time_ns() // 1_000_000  # noqa: E731 - one line says it
        rules, chain = terms(**changes), cast("LaneChain", self.chain)
        purse = Purse(rules.limits, clock)
        self.lane, *self.other_lanes = (
            Lane(rules, chain, signer, self.log, clock, self.told, purse=purse)
            for signer in (self.signer, *(Moody(key) for key in self.others))
        )
        head = await self.client.head()
        for lane in (self.lane, *self.other_lanes):
            await lane.recover(head)

    def more_keys(self, count: int) -> None:
        """Have so many more keys send, from the next `open` on."""
        self.others = [Key(bytes([SECRET[0] + at]) * 32) for at in range(1, count + 1)]

    async def submit(self, intents: Sequence[Intent]) -> None:
        """Spread intents over all lanes, each always to the same."""
        lanes = [self.lane, *self.other_lanes]
        for at, lane in enumerate(lanes):
            await lane.submit(intents[at :: len(lanes)])

    async def close(self) -> None:
        await self.log.close()

    def told(self, intent: Intent, state: IntentState, reason: str) -> None:
        self.ends.append((intent.sequence, state, reason))

    async def look(self) -> Head:
        """Let the lane see the newest head, and which blocks are no longer canonical."""
        head = await self.client.head()
        walked = head
        removed = [old.hash for number, old in self._canonical.items() if number > head.number]
        while walked.number and self._canonical.get(walked.number) != walked:
            old = self._canonical.get(walked.number)
            if old is not None:
                removed.append(old.hash)
            self._canonical[walked.number] = walked
            try:
                walked = await self.client.block(walked.parent_hash)
            except NotYetThere:
                break
        for lane in (self.lane, *self.other_lanes):
            await lane.on_head(head, removed)
        return head

    async def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            await self.node.mine()
            await self.look()

    async def emitted(self) -> Counter[int]:
        """How often each intent's call is on the canonical chain."""
        head = await self.client.head()
        logs = await self.client.logs_range(0, head.number, EMITTER)
        return Counter(int(log["data"][10:], 16) for log in logs)

    async def pooled(self) -> int:
        status = await self.node("txpool_status")
        return int(status["pending"], 16) + int(status["queued"], 16)

    def rows(self, sql: str) -> list[Row]:
        with LogReader(self.path) as reader:
            return reader.select(sql)

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows("SELECT state FROM intents ORDER BY intent_id")]

    def alerts(self) -> list[str]:
        return [
            row["dedupe_key"].split("/")[0]
            for row in self.rows("SELECT * FROM alerts WHERE closed_at_ms IS NULL")
        ]

    async def assert_sound(self) -> None:
        """What must hold after any scene: the log is good, and nothing of ours is on chain that it does not know."""
        assert () == verify(self.path).findings
        known = {row["tx_hash"] for row in self.rows("SELECT tx_hash FROM attempts")}
        head = await self.client.head()
        for number in range(head.number + 1):
            block = await self.node("eth_getBlockByNumber", hex(number), True)
            senders = {key.address.lower() for key in (self.key, *self.others)}
            ours = {tx["hash"] for tx in block["transactions"] if tx["from"] in senders}
            assert ours <= known | self.foreign
        assert all(times == 1 for times in (await self.emitted()).values())
