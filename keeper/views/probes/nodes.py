"""Is each endpoint the chain it is said to be, in step with our clock, and is the hub there as configured?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from eth_hash.auto import keccak

from chains.answers import read_data, read_head, read_quantity
from chains.blocks import Head
from chains.endpoint import Call, Endpoint
from chains.errors import ChainError
from config.settings import ChainSettings, EndpointSettings, Settings
from config.units import format_decimal
from keeper.views.probes.report import Report, ok, problem, warning

CLOCK_SKEW_S = 30
LOW_BALANCE_TRANSACTIONS = 20
"""How many of the dearest allowed transactions a sender should be able to pay."""


async def probe_endpoint(name: str, number: int, settings: Settings, now_ms: int) -> list[Report]:
    """Ask endpoint `number` of chain `name` everything in one batch and report on it."""
    chain = settings.chains[name]
    subject = f"chains.{name}.endpoints.{number}"
    endpoint = _open(chain.endpoints[number])
    questions = _Questions(settings, chain)
    try:
        answers = await endpoint.batch(questions.calls)
        return list(_judge(subject, chain, questions, answers, now_ms))
    except ChainError as error:
        return [warning(subject, f"{endpoint.name}: {error}", "is the node running, and the URL right?")]
    finally:
        await endpoint.aclose()


def _open(settings: EndpointSettings) -> Endpoint:
    return Endpoint(
        settings.url,
        max_requests_per_s=settings.max_requests_per_s,
        timeout_s=settings.timeout_s,
        attempts=1,
    )


class _Questions:
    """The calls of one batch, in the order their answers are read."""

    def __init__(self, settings: Settings, chain: ChainSettings) -> None:
        self.tokens = chain.tokens
        self.attestation = settings.attestation
        self.spending = settings.spending
        self.sender = None if chain.signer is None else settings.signers[chain.signer].address
        self.calls: list[Call] = [
            ("eth_chainId", []),
            ("eth_getBlockByNumber", ["0x0", False]),
            ("eth_getBlockByNumber", ["latest", False]),
            ("eth_getCode", [chain.hub, "latest"]),
            _call(chain.hub, "threshold()"),
            _call(chain.hub, "paused()"),
            *(_call(token.address, "decimals()") for token in chain.tokens),
        ]
        if self.sender is not None:
            self.calls.append(("eth_getBalance", [self.sender, "latest"]))


def _call(to: str, signature: str) -> Call:
    selector = "0x" + keccak(signature.encode())[:4].hex()
    return ("eth_call", [{"to": to, "data": selector}, "latest"])


def _judge(
    subject: str, chain: ChainSettings, questions: _Questions, answers: Sequence[Any], now_ms: int
) -> Iterator[Report]:
    refused = next((answer for answer in answers[:4] if isinstance(answer, ChainError)), None)
    if refused is not None:
        yield problem(subject, str(refused), "this node does not answer what every node answers: use another")
        return
    chain_id, genesis, head = read_quantity(answers[0]), read_head("", answers[1]), read_head("", answers[2])
    if chain_id != chain.chain_id:
        yield problem(
            subject, f"this is chain id {chain_id}, not {chain.chain_id}", "mend chain_id, or the URL"
        )
        return
    if genesis.hash != chain.genesis_hash:
        yield problem(
            subject,
            f"the first block is {genesis.hash}",
            "mend genesis_hash, or the URL: this is another chain",
        )
        return
    yield ok(subject, f"chain id {chain_id}, genesis as configured, block {head.number:,}")
    yield from _clock(subject, chain, head, now_ms)
    yield from _hub(subject, chain, questions, answers)
    yield from _sender(subject, questions, answers[6 + len(questions.tokens) :])


def _clock(subject: str, chain: ChainSettings, head: Head, now_ms: int) -> Iterator[Report]:
    ahead_s = head.timestamp - now_ms // 1000
    if ahead_s > CLOCK_SKEW_S:
        yield problem(
            subject, f"the newest block is {ahead_s} s ahead of our clock", "set this machine's clock (NTP)"
        )
    elif -ahead_s > chain.stale_after_s:
        advice = "the chain stands still, the node is behind, or this machine's clock is ahead (NTP)"
        yield warning(
            subject, f"the newest block is {-ahead_s} s old, stale_after_s is {chain.stale_after_s:g}", advice
        )
    else:
        yield ok(subject, f"the newest block is {max(-ahead_s, 0)} s old")


def _hub(
    subject: str, chain: ChainSettings, questions: _Questions, answers: Sequence[Any]
) -> Iterator[Report]:
    if not read_data(answers[3]):
        yield problem(
            subject, f"there is no contract at the hub's address {chain.hub}", "mend hub, or deploy it"
        )
        return
    threshold, paused = _word(answers[4]), _word(answers[5])
    if threshold is None or paused is None:
        yield problem(subject, f"the contract at {chain.hub} is no margin hub", "mend hub")
        return
    yield ok(subject, f"the hub is there and asks for {threshold} signatures")
    if paused:
        yield warning(subject, "the hub is paused: nothing can be liquidated", "its owner can unpause it")
    if questions.attestation is not None and questions.attestation.threshold != threshold:
        advice = f"set attestation.threshold = {threshold}"
        yield problem(subject, f"attestation.threshold is {questions.attestation.threshold}", advice)
    for number, (token, answer) in enumerate(zip(questions.tokens, answers[6:], strict=False)):
        decimals = _word(answer)
        if decimals != token.decimals:
            found = (
                "is no ERC-20 token" if decimals is None else f"has {decimals} decimals, not {token.decimals}"
            )
            yield problem(
                f"{subject}: tokens.{number}", f"{token.address} {found}", "mend address or decimals"
            )


def _sender(subject: str, questions: _Questions, answers: Sequence[Any]) -> Iterator[Report]:
    if questions.sender is None or not answers or isinstance(answers[0], ChainError):
        return
    balance_wei = read_quantity(answers[0])
    wanted_wei = questions.spending.max_per_transaction_wei * LOW_BALANCE_TRANSACTIONS
    text = f"the sender {questions.sender} has {format_decimal(balance_wei, 18, 6)} of the chain's coin"
    if balance_wei >= wanted_wei:
        yield ok(subject, text)
    else:
        advice = f"it should pay {LOW_BALANCE_TRANSACTIONS} transactions at the limit: {format_decimal(wanted_wei, 18, 6)}"
        yield warning(subject, text, advice)


def _word(answer: object) -> int | None:
    if isinstance(answer, ChainError):
        return None
    data = read_data(answer)
    return int.from_bytes(data) if len(data) == 32 else None
