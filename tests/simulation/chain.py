"""A simulated chain: blocks that know their parent, forks, a pool with geth's rules, and a hub."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Any, cast

import rlp
from eth_hash.auto import keccak
from eth_utils import to_checksum_address

from chains.answers import Receipt
from chains.blocks import Head
from chains.hub.attestation import Attestation
from chains.hub.codec import KEEPER_SELECTORS
from chains.hub.events import HubEvent
from chains.send_errors import SendClass
from tests.simulation.hub import HubReverts, HubState

GWEI = 10**9
GAS_USED = 200_000
PER_BLOCK = 6
FOREIGN = "foreign"


@dataclass(frozen=True)
class Transaction:
    """A decoded transaction; `raw` is what was handed over."""

    tx_hash: str
    nonce: int
    tip_wei: int
    cap_wei: int
    gas_limit: int
    to: str
    data: bytes
    raw: bytes = b""

    @property
    def is_foreign(self) -> bool:
        """Whether someone else signed it with the same key."""
        return self.tx_hash.startswith(FOREIGN)

    @staticmethod
    def of(raw: bytes) -> Transaction:
        parts: list[bytes] = rlp.decode(raw[1:])
        nonce, tip_wei, cap_wei, gas_limit = (int.from_bytes(part, "big") for part in parts[1:5])
        tx_hash = "0x" + keccak(raw).hex()
        to = "0x" + parts[5].hex()
        return Transaction(tx_hash, nonce, tip_wei, cap_wei, gas_limit, to, parts[7], raw)


@dataclass(frozen=True)
class Deposit:
    """What an owner adds: raw units of an asset."""

    account: str
    asset: str
    amount: int


@dataclass(frozen=True)
class Block:
    """A block with everything that was true after it."""

    head: Head
    hub: HubState
    nonce: int
    events: tuple[HubEvent, ...] = ()
    mined: tuple[tuple[Transaction, Receipt], ...] = ()
    deposits: tuple[Deposit, ...] = ()


def attestation_of(data: bytes) -> Attestation:
    """Return the attestation that calldata carries."""
    read: dict[str, object] = {}
    for at, each in enumerate(fields(Attestation)):
        word = data[4 + 32 * at : 36 + 32 * at]
        if each.name in {"target", "beneficiary"}:
            read[each.name] = to_checksum_address(word[12:])
        else:
            read[each.name] = "0x" + word.hex() if each.type == "str" else int.from_bytes(word, "big")
    return Attestation(**cast("dict[str, Any]", read))


@dataclass
class SimChain:
    """One chain with one interesting sender. `mine` and `reorganise` are what the world does to it."""

    name: str
    chain_id: int
    sender: str
    random: Random
    base_fee_wei: int = GWEI
    blocks: dict[str, Block] = field(default_factory=dict)
    pool: dict[int, Transaction] = field(default_factory=dict)
    tip: str = ""
    forks: int = 0
    seen: dict[str, Transaction] = field(default_factory=dict)

    def begin(self, hub: HubState, events: tuple[HubEvent, ...], now_s: int) -> None:
        """Make the first blocks."""
        first = Head(self.name, 0, self._hash(0), "0x" + "00" * 32, now_s - 2, self.base_fee_wei)
        self.blocks[first.hash] = Block(first, hub, 0)
        self.tip = first.hash
        self.mine(now_s, events=events)

    @property
    def head(self) -> Block:
        return self.blocks[self.tip]

    def at(self, block: int | str) -> Block | None:
        """Return a block by hash, or the canonical one by number."""
        if isinstance(block, str) and block.startswith("0x"):
            return self.blocks.get(block)
        walked = self.head
        if isinstance(block, str):
            return walked
        while walked.head.number > block:
            walked = self.blocks[walked.head.parent_hash]
        return walked if walked.head.number == block else None

    def canonical(self) -> list[Block]:
        """Return every canonical block, oldest first."""
        found, walked = [self.head], self.head
        while walked.head.number:
            walked = self.blocks[walked.head.parent_hash]
            found.append(walked)
        return found[::-1]

    def mine(
        self,
        now_s: int,
        *,
        price_wad: int | None = None,
        events: tuple[HubEvent, ...] = (),
        deposits: tuple[Deposit, ...] = (),
        empty: bool = False,
    ) -> Block:
        """Add a block with what owners do and what the pool holds. `events` are logs of what began before it."""
        parent = self.head
        hub = parent.hub if price_wad is None else replace(parent.hub, price_wad=price_wad)
        number, nonce, logs = parent.head.number + 1, parent.nonce, list(events)
        mined: list[tuple[Transaction, Receipt]] = []
        for deposit in deposits:
            hub, log = hub.deposited(deposit.account, deposit.asset, deposit.amount)
            logs.append(log)
        head = Head(self.name, number, self._hash(number), parent.head.hash, now_s, self.base_fee_wei)
        while not empty and len(mined) < PER_BLOCK and nonce in self.pool:
            transaction = self.pool[nonce]
            if transaction.cap_wei < self.base_fee_wei:
                break
            hub, its, succeeded = self._executed(hub, transaction, now_s)
            logs += its
            mined.append((transaction, self._receipt(transaction, head, succeeded=succeeded)))
            nonce += 1
        self.pool = {at: one for at, one in self.pool.items() if at >= nonce}
        self.blocks[head.hash] = Block(head, hub, nonce, tuple(logs), tuple(mined), deposits)
        self.tip = head.hash
        return self.head

    def reorganise(self, depth: int, now_s: int, *, lose: bool) -> list[Block]:
        """Replace the newest `depth` blocks by one more of others; their transactions go back or are lost."""
        removed: list[Block] = []
        while len(removed) < depth and self.head.head.number > 1:
            removed.append(self.head)
            self.tip = self.head.head.parent_hash
        self.forks += 1
        for block in removed:
            for transaction, _ in block.mined:
                if not lose:
                    self.pool.setdefault(transaction.nonce, transaction)
        for block in reversed(removed):
            price_wad = block.hub.price_wad
            self.mine(block.head.timestamp, price_wad=price_wad, deposits=block.deposits, empty=True)
        self.mine(now_s)
        return removed

    def take(self, transaction: Transaction) -> tuple[SendClass, str]:
        """Let a transaction into the pool as geth would."""
        if transaction.nonce < self.head.nonce:
            return SendClass.NONCE_USED, "nonce too low"
        there = self.pool.get(transaction.nonce)
        if there is not None and there.tx_hash == transaction.tx_hash:
            return SendClass.PUBLISHED, "already known"
        if there is not None:
            dear = all(
                new * 10 >= old * 11
                for new, old in (
                    (transaction.tip_wei, there.tip_wei),
                    (transaction.cap_wei, there.cap_wei),
                )
            )
            if not dear:
                return SendClass.REPLACE_UNDERPRICED, "replacement transaction underpriced"
        self.pool[transaction.nonce] = transaction
        self.seen[transaction.tx_hash] = transaction
        return SendClass.PUBLISHED, ""

    def foreign(self) -> None:
        """Let someone else use the key's next nonce."""
        nonce = self.head.nonce
        self.pool[nonce] = Transaction(f"{FOREIGN}{nonce}", nonce, 10**12, 10**13, 21_000, "0x", b"")

    def forget(self) -> None:
        """Let the pool lose what the keeper sent."""
        self.pool = {nonce: each for nonce, each in self.pool.items() if each.is_foreign}

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Return the receipt of a canonical transaction."""
        for block in reversed(self.canonical()):
            for transaction, receipt in block.mined:
                if transaction.tx_hash == tx_hash:
                    return receipt
        return None

    def sent_in(self, block_hash: str) -> dict[int, str] | None:
        """Return the hashes of the sender's transactions in a block, by nonce. None if there is no such block."""
        block = self.blocks.get(block_hash)
        return None if block is None else {each.nonce: each.tx_hash for each, _ in block.mined}

    def _executed(
        self, hub: HubState, transaction: Transaction, now_s: int
    ) -> tuple[HubState, list[HubEvent], bool]:
        if transaction.data[:4] not in KEEPER_SELECTORS:
            return hub, [], True
        att = attestation_of(transaction.data)
        claim = "0x" + keccak(f"{self.name}{att.account}{att.sequence}".encode()).hex()
        try:
            after, logs = hub.executed(att, self.sender, now_s, claim)
        except HubReverts:
            return hub, [], False
        return after, logs, True

    def _receipt(self, transaction: Transaction, head: Head, *, succeeded: bool) -> Receipt:
        tip_wei = min(transaction.tip_wei, transaction.cap_wei - self.base_fee_wei)
        gas = GAS_USED if transaction.data else 21_000
        price_wei = self.base_fee_wei + tip_wei
        return Receipt(transaction.tx_hash, head.number, head.hash, succeeded, gas, price_wei, 0, ())

    def _hash(self, number: int) -> str:
        return "0x" + keccak(f"{self.name}/{number}/{self.forks}".encode()).hex()
