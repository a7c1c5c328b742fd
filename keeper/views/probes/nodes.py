"""Is each endpoint the chain it is said to be, in step with our clock, and can the sender pay there?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from chains.abilities import probe
from chains.answers import read_data, read_head, read_quantity
from chains.blocks import Head
from chains.endpoint import Call, Endpoint
from chains.endpoint_report import Abilities
from chains.errors import ChainError
from config.settings import ChainSettings, EndpointSettings, Finality, Settings
from config.units import format_decimal
from keeper.views.figures import told_abilities
from keeper.views.probes.report import Level, Report, ok, problem, warning

CLOCK_SKEW_S = 30
LOW_BALANCE_TRANSACTIONS = 20
"""How many of the dearest allowed transactions a sender should be able to pay."""


async def probe_endpoint(name: str, number: int, settings: Settings, now_ms: int) -> list[Report]:
    """Ask endpoint `number` of chain `name` everything in one batch and report on it."""
    chain = settings.chains[name]
    subject = f"chains.{name}.endpoints.{number}"
    endpoint = _open(chain.endpoints[number])
    senders = [settings.signers[name].address for name in chain.senders]
    wanted_wei = settings.spending.max_per_transaction_wei * LOW_BALANCE_TRANSACTIONS
    try:
        return await _reports(subject, name, chain, endpoint, _questions(chain, senders), wanted_wei, now_ms)
    except ChainError as error:
        return [warning(subject, f"{endpoint.name}: {error}", "is the node running, and the URL right?")]
    finally:
        await endpoint.aclose()


async def _reports(
    subject: str,
    name: str,
    chain: ChainSettings,
    endpoint: Endpoint,
    questions: Sequence[Call],
    wanted_wei: int,
    now_ms: int,
) -> list[Report]:
    found = list(_judge(subject, chain, wanted_wei, await endpoint.batch(questions), now_ms))
    if not any(report.level is Level.PROBLEM for report in found):
        found += _able(subject, chain, await probe(endpoint, name))
    return found


def _open(settings: EndpointSettings) -> Endpoint:
    return Endpoint(
        settings.url,
        max_requests_per_s=settings.max_requests_per_s,
        timeout_s=settings.timeout_s,
        attempts=1,
    )


def _questions(chain: ChainSettings, senders: Sequence[str]) -> list[Call]:
    calls: list[Call] = [
        ("eth_chainId", []),
        ("eth_getBlockByNumber", ["0x0", False]),
        ("eth_getBlockByNumber", ["latest", False]),
        ("eth_getCode", [chain.hub, "latest"]),
    ]
    return calls + [("eth_getBalance", [sender, "latest"]) for sender in senders]


def _judge(
    subject: str, chain: ChainSettings, wanted_wei: int, answers: Sequence[Any], now_ms: int
) -> Iterator[Report]:
    refused = next((answer for answer in answers if isinstance(answer, ChainError)), None)
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
    if not read_data(answers[3]):
        yield problem(
            subject, f"there is no contract at the hub's address {chain.hub}", "mend hub, or deploy it"
        )
    for name, balance in zip(chain.senders, answers[4:], strict=True):
        who = "the sender" if len(chain.senders) == 1 else f"the sender {name}"
        yield _sender(subject, who, read_quantity(balance), wanted_wei)


def _able(subject: str, chain: ChainSettings, its: Abilities) -> Iterator[Report]:
    """Report on what the node answers beside what every node does."""
    told = told_abilities(asdict(its))
    if its.missing:
        yield warning(
            subject, f"it does not answer {', '.join(its.missing)}; {told}", "use another node as well"
        )
    else:
        yield ok(subject, told)
    if chain.finality is Finality.TAG and not its.finalized_tag:
        message = (
            f"it does not know the tag finalized: finality goes by finality_depth, {chain.finality_depth}"
        )
        yield warning(subject, message, 'use another node, or set finality = "depth"')


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


def _sender(subject: str, who: str, balance_wei: int, wanted_wei: int) -> Report:
    text = f"{who} has {format_decimal(balance_wei, 18, 6)} of the chain's coin"
    if balance_wei >= wanted_wei:
        return ok(subject, text)
    wanted = format_decimal(wanted_wei, 18, 6)
    return warning(
        subject, text, f"send it some: {LOW_BALANCE_TRANSACTIONS} transactions at the limit are {wanted}"
    )
