"""What the rest of the project asks of a chain, in bytes and integers, over all its endpoints.

Reads that belong to one decision name a block hash and are answered for exactly that
block or not at all (EIP-1898 with ``requireCanonical``). Calldata goes in and return data
comes out as bytes: no ABI is known here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from copy import copy
from typing import Any, Self, TypeAlias

from eth_hash.auto import keccak

from chains.answers import (
    Emitters,
    FeeQuote,
    Log,
    Receipt,
    read_data,
    read_fees,
    read_head,
    read_logs,
    read_quantity,
    read_receipt,
    read_sent,
)
from chains.blocks import Head
from chains.endpoint import Call, Endpoint
from chains.endpoint_pool import Answer, EndpointPool
from chains.endpoint_report import Abilities
from chains.errors import AskForLess, ChainError, EndpointUnavailable, NotYetThere, Reverted
from chains.questions import (
    as_call,
    at_block,
    batched,
    calls_by_hash,
    logs_by_hash,
    pinned,
    present,
)
from chains.send_errors import SendClass, SendOutcome
from chains.transactions import TransactionRequest
from config.settings import ChainSettings

ContractCall: TypeAlias = tuple[str, bytes]
"""A contract's address and the calldata for it."""

LOG_SPAN_BLOCKS = 2_000
SPAN_DOUBLES_AFTER = 8


class ChainClient:
    """Reads and broadcasts on one chain through its endpoints. `connect` first, `aclose` last.

    Every read may raise `RetryLater` or `Unusable` when no endpoint gave a usable answer, and
    `ChainMismatch` when none serves the configured chain.
    """

    def __init__(
        self,
        name: str,
        chain_id: int,
        genesis_hash: str,
        endpoints: Sequence[Endpoint],
        *,
        agreeing: int = 1,
        block_time_s: float = 2.0,
    ) -> None:
        self.name = name
        self.chain_id = chain_id
        self.pool = EndpointPool(
            name, chain_id, genesis_hash, endpoints, agreeing=agreeing, block_time_s=block_time_s
        )
        self._is_decisive = False
        self._span_blocks = LOG_SPAN_BLOCKS
        self._spans_in_a_row = 0

    @classmethod
    def from_settings(cls, name: str, settings: ChainSettings) -> Self:
        """Return a client of the chain's configured endpoints."""
        endpoints = [
            Endpoint(each.url, max_requests_per_s=each.max_requests_per_s, timeout_s=each.timeout_s)
            for each in settings.endpoints
        ]
        return cls(
            name,
            settings.chain_id,
            settings.genesis_hash,
            endpoints,
            agreeing=settings.agreeing_endpoints,
            block_time_s=settings.block_time_s,
        )

    @property
    def decisive(self) -> Self:
        """This client for reads that decide whether something is sent: each answer is one that as many endpoints gave
        alike as the chain's settings demand. Raises `NotAgreed` where they did not.
        """
        if self.pool.agreeing == 1:
            return self
        twin = copy(self)
        twin._is_decisive = True  # noqa: SLF001 - its own kind
        return twin

    @property
    def has_several(self) -> bool:
        """Whether there is more than one endpoint to compare."""
        return len(self.pool.endpoints) > 1

    async def connect(self) -> None:
        """Check chain id and genesis hash. Raises `ChainMismatch`, or `RetryLater` if no endpoint answers."""
        await self.pool.connect()

    async def survey(self, at: int | None = None) -> None:
        """Let endpoints leave that lag, contradict the others or are foreign (see `EndpointPool.survey`)."""
        await self.pool.survey(at)

    async def aclose(self) -> None:
        """Close every connection."""
        await self.pool.aclose()

    async def head(self) -> Head:
        """Return the newest block."""
        return await self._block("eth_getBlockByNumber", "latest")

    async def head_and_final(self) -> tuple[Head, Head | None]:
        """Return the newest block and the newest that the chain calls finalized, if a node knows that, in one request."""

        async def question(endpoint: Endpoint) -> tuple[Head, Head | None]:
            newest, final = await endpoint.batch(
                [("eth_getBlockByNumber", ["latest", False]), ("eth_getBlockByNumber", ["finalized", False])]
            )
            head = read_head(self.name, present(newest, "block latest"))
            return head, read_head(self.name, final) if isinstance(final, dict) else None

        return await self._ask(question, needs=lambda its: its.finalized_tag)

    async def block(self, at: int | str) -> Head:
        """Return the block with this number or hash. Raises `NotYetThere` if no node has it."""
        if isinstance(at, int):
            found = await self._block("eth_getBlockByNumber", hex(at))
            wrong = found.number != at
        else:
            found = await self._block("eth_getBlockByHash", at)
            wrong = found.hash != at.lower()
        if wrong:
            raise NotYetThere(f"asked for block {at}, was given {found.number}")
        return found

    async def blocks(self, numbers: Sequence[int]) -> list[Head]:
        """Return the blocks with these numbers, in order. Raises `NotYetThere` if one is missing."""

        async def question(endpoint: Endpoint) -> list[Head]:
            results = await batched(
                endpoint, [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
            )
            heads = [read_head(self.name, present(result, "block")) for result in results]
            if [head.number for head in heads] != list(numbers):
                raise NotYetThere("the blocks are not those that were asked for")
            return heads

        return await self._ask(question)

    async def logs(self, block_hash: str, address: Emitters) -> list[Log]:
        """Return the logs of `address` in this block, in order. Raises `NotYetThere` if the block is not there."""
        return (await self.logs_by_block([block_hash], address))[0]

    async def logs_by_block(self, block_hashes: Sequence[str], address: Emitters) -> list[list[Log]]:
        """Return the logs of `address` of each of these blocks, in order."""

        async def question(endpoint: Endpoint) -> list[list[Log]]:
            calls: list[Call] = [
                ("eth_getLogs", [{"blockHash": h, "address": address}]) for h in block_hashes
            ]
            results = await batched(endpoint, calls)
            return [
                read_logs(present(result, "logs"), address=address, block_hash=block_hash)
                for result, block_hash in zip(results, block_hashes, strict=True)
            ]

        return await self._ask(question, needs=logs_by_hash)

    async def logs_range(self, first: int, last: int, address: Emitters, *, other: bool = False) -> list[Log]:
        """Return the logs of `address` of blocks `first` to `last`, both included, in order.

        The range is read in spans; a span that is too much for the node (by its words, by our cap,
        or by its silence) is halved. A node that does not have a span's last block is not believed
        about the span: many clip the range silently. Raises `NotYetThere` then, and `AskForLess` if
        a single block is too much. With `other` they are read from another endpoint than is usually asked.
        """
        logs: list[Log] = []
        while first <= last:
            end = min(last, first + self._span_blocks - 1)
            try:
                logs += await self._logs_span(first, end, address, other=other)
            except (AskForLess, EndpointUnavailable) as failure:
                silent = isinstance(failure, EndpointUnavailable)
                if first == end or (silent and not getattr(failure, "timed_out", False)):
                    raise
                self._span_blocks, self._spans_in_a_row = (end - first + 1) // 2, 0
                continue
            self._spans_in_a_row += 1
            if self._spans_in_a_row % SPAN_DOUBLES_AFTER == 0:
                self._span_blocks = min(LOG_SPAN_BLOCKS, self._span_blocks * 2)
            first = end + 1
        return logs

    async def call(self, to: str, data: bytes, block_hash: str) -> bytes:
        """Return what the contract answers at this block. Raises `Reverted`, or `NotYetThere` if the
        block is not (or no longer) on the node's chain.
        """
        params = [{"to": to, "data": "0x" + data.hex()}, pinned(block_hash)]

        async def question(endpoint: Endpoint) -> bytes:
            return read_data(await endpoint.request("eth_call", params))

        return await self._ask(question, needs=calls_by_hash)

    async def call_many(self, calls: Sequence[ContractCall], block_hash: str) -> list[bytes | Reverted]:
        """Return each call's answer at this block, in order; one that reverts fails only itself.

        Sent as JSON-RPC batches of at most 100 calls. Raises as `call` for anything but a revert.
        """
        pin = pinned(block_hash)
        wire: list[Call] = [("eth_call", [{"to": to, "data": "0x" + data.hex()}, pin]) for to, data in calls]

        async def question(endpoint: Endpoint) -> list[bytes | Reverted]:
            answers: list[bytes | Reverted] = []
            for result in await batched(endpoint, wire):
                if isinstance(result, ChainError) and not isinstance(result, Reverted):
                    raise result
                answers.append(result if isinstance(result, Reverted) else read_data(result))
            return answers

        return await self._ask(question, needs=calls_by_hash)

    @property
    def asked_first(self) -> str:
        """The name of the endpoint that is usually asked now, without what is secret in its URL."""
        return self.pool.asked_first

    async def receipt(self, tx_hash: str) -> Receipt | None:
        """Return the transaction's receipt, or None while the node knows none."""

        async def question(endpoint: Endpoint) -> Receipt | None:
            found = await endpoint.request("eth_getTransactionReceipt", [tx_hash])
            return None if found is None else read_receipt(found, tx_hash)

        return await self._ask(question)

    async def find_receipt(self, tx_hash: str) -> Receipt | None:
        """Return the receipt of a transaction that is mined, from whichever endpoint shows it: the usual one is asked
        last. None if all that answer have none.
        """

        async def question(endpoint: Endpoint) -> Receipt:
            found = await endpoint.request("eth_getTransactionReceipt", [tx_hash])
            return read_receipt(present(found, "the receipt"), tx_hash)

        with suppress(NotYetThere):
            return await self.pool.ask(question, other=True)
        return None

    async def sent_in(self, block_hash: str, sender: str) -> dict[int, str]:
        """Return the hashes of a sender's transactions in this block, by their nonces. Raises `NotYetThere` if the
        block is not there. The whole block is read.
        """

        async def question(endpoint: Endpoint) -> dict[int, str]:
            found = await endpoint.request("eth_getBlockByHash", [block_hash, True])
            return read_sent(present(found, f"block {block_hash}"), sender, block_hash)

        return await self._ask(question)

    async def transaction_count(self, address: str, block: int | str = "latest") -> int:
        """Return the sender's next nonce at a block: a number, a hash, ``latest`` or ``pending``."""
        return await self._quantity("eth_getTransactionCount", [address, at_block(block)])

    async def balance(self, address: str, block: int | str = "latest") -> int:
        """Return the native balance in wei at a block: a number, a hash or a tag."""
        return await self._quantity("eth_getBalance", [address, at_block(block)])

    async def code(self, address: str, block: int | str = "latest") -> bytes:
        """Return the contract's code, empty if none is there."""
        params = [address, at_block(block)]

        async def question(endpoint: Endpoint) -> bytes:
            return read_data(await endpoint.request("eth_getCode", params))

        return await self._ask(question)

    async def fees(self) -> FeeQuote:
        """Return the next block's base fee and the node's suggested tip."""

        async def question(endpoint: Endpoint) -> FeeQuote:
            calls: list[Call] = [("eth_feeHistory", ["0x1", "latest", []]), ("eth_maxPriorityFeePerGas", [])]
            history, tip = await endpoint.batch(calls)
            return read_fees(present(history, "fee history"), present(tip, "tip"))

        return await self._ask(question)

    async def simulate(
        self, transaction: TransactionRequest, sender: str, block: int | str = "pending"
    ) -> bytes:
        """Run the transaction as `sender` without sending it. Returns its return data, raises `Reverted`,
        or `NodeRefused` where the node sees that it could not be paid for. Always a decisive read.
        """
        params = [as_call(transaction, sender), at_block(block)]

        async def question(endpoint: Endpoint) -> bytes:
            return read_data(await endpoint.request("eth_call", params))

        return await self.pool.ask_agreeing(question)

    async def estimate_gas(self, transaction: TransactionRequest, sender: str) -> int:
        """Return the gas the node thinks the transaction needs. Raises `Reverted` if it would revert."""
        fields = as_call(transaction, sender)
        for bound in ("gas", "maxFeePerGas", "maxPriorityFeePerGas"):
            del fields[bound]
        return await self._quantity("eth_estimateGas", [fields])

    async def send_raw(self, raw: bytes) -> SendOutcome:
        """Broadcast signed bytes, to each endpoint at most once until one gives a definite answer.

        Never raises for what nodes answer. `may_be_pooled` covers every endpoint tried.
        """
        maybe = False
        outcome: SendOutcome | None = None
        async for endpoint in self.pool.verified():
            outcome = await endpoint.send_raw(raw)
            maybe = maybe or outcome.may_be_pooled
            if outcome.send_class not in {SendClass.TRANSIENT, SendClass.FEE_CAP_NODE, SendClass.POOL_FULL}:
                break
        if outcome is None:
            tx_hash = "0x" + keccak(raw).hex()
            return SendOutcome(
                SendClass.TRANSIENT, tx_hash, "no endpoint could be asked", "", may_be_pooled=False
            )
        return SendOutcome(outcome.send_class, outcome.tx_hash, outcome.text, outcome.endpoint, maybe)

    async def _ask(
        self,
        question: Callable[[Endpoint], Awaitable[Answer]],
        needs: Callable[[Abilities], bool] | None = None,
    ) -> Answer:
        if self._is_decisive:
            return await self.pool.ask_agreeing(question, needs=needs)
        return await self.pool.ask(question, needs=needs)

    async def _block(self, method: str, at: str) -> Head:
        async def question(endpoint: Endpoint) -> Head:
            return read_head(self.name, present(await endpoint.request(method, [at, False]), f"block {at}"))

        return await self._ask(question)

    async def _quantity(self, method: str, params: list[Any]) -> int:
        async def question(endpoint: Endpoint) -> int:
            return read_quantity(await endpoint.request(method, params))

        return await self._ask(question)

    async def _logs_span(self, first: int, last: int, address: Emitters, *, other: bool) -> list[Log]:
        async def question(endpoint: Endpoint) -> list[Log]:
            calls: list[Call] = [
                ("eth_getLogs", [{"fromBlock": hex(first), "toBlock": hex(last), "address": address}]),
                ("eth_getBlockByNumber", [hex(last), False]),
            ]
            logs, end = await endpoint.batch(calls)
            read_head(self.name, present(end, f"block {last}"))
            return read_logs(present(logs, "logs"), address=address, first=first, last=last)

        return await self.pool.ask(question, other=other)
