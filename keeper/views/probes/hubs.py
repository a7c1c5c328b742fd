"""Is the hub of each chain the one that was configured: its tokens, markets, quorum and risk policy?"""

from __future__ import annotations

from collections.abc import Iterator

from chains.client import ChainClient
from chains.errors import ChainError, StopChain
from chains.hub.codec import selector, word
from chains.hub.reader import HubFacts, HubReader
from config.settings import ChainSettings, Settings
from keeper.margin.parameters import RiskPolicy, policy_hash
from keeper.views.probes.report import Report, ok, problem, warning

_IS_SIGNER = selector("is_signer(uint256,address)")


async def probe_hub(name: str, settings: Settings) -> list[Report]:
    """Read the hub of chain `name` at its newest block and compare it with the configuration."""
    subject = f"chains.{name}.hub"
    chain = settings.chains[name]
    client = ChainClient.from_settings(name, chain)
    try:
        await client.connect()
        block_hash = (await client.head()).hash
        facts = await HubReader(client, chain.hub).facts(block_hash)
        reports = list(_compare(subject, chain, settings, facts))
        for signer, address in _attestors(settings):
            answer = await client.call(
                chain.hub, _IS_SIGNER + word(facts.epoch) + word(int(address, 16)), block_hash
            )
            if not int.from_bytes(answer):
                text = f"{signer} ({address}) is no signer of epoch {facts.epoch}"
                reports.append(
                    problem(subject, text, "mend the address, or the hub's owner sets the signers")
                )
    except StopChain as error:
        return [problem(subject, str(error), "mend chain_id, genesis_hash or the URLs")]
    except ChainError as error:
        return [warning(subject, str(error), "is this the hub's address, and does the node answer?")]
    finally:
        await client.aclose()
    return reports or [ok(subject, f"as configured, {facts.threshold} signatures of epoch {facts.epoch}")]


def _compare(subject: str, chain: ChainSettings, settings: Settings, facts: HubFacts) -> Iterator[Report]:
    listed = {token.token: token for token in facts.tokens}
    for number, token in enumerate(chain.tokens):
        place = f"{subject}: tokens.{number}"
        fact = listed.pop(token.address, None)
        if fact is None:
            yield problem(place, f"{token.address} is no token of this hub", "mend the address")
        elif fact.decimals != token.decimals:
            text = f"{token.address} has {fact.decimals} decimals, not {token.decimals}"
            yield problem(place, text, f"set decimals = {fact.decimals}")
    for address in listed:
        advice = "add it to tokens with its asset and decimals, or know that it counts for nothing here"
        yield warning(subject, f"its token {address} is not configured", advice)
    for market in chain.markets:
        if market.hub_id >= len(facts.markets):
            text = f"market {market.market} has hub_id {market.hub_id}, the hub has {len(facts.markets)}"
            yield problem(subject, text, "hub_id counts from 0 in the order of the hub's markets")
    if facts.option_desk != chain.option_desk:
        text = f"its option desk is {facts.option_desk}, this configuration's is {chain.option_desk}"
        yield problem(subject, text, "set option_desk: without it options would not be seen")
    if facts.paused:
        yield warning(subject, "it is paused: nothing can be liquidated", "its owner can end that")
    if settings.attestation is not None and settings.attestation.threshold != facts.threshold:
        text = f"it asks for {facts.threshold} signatures, attestation.threshold is {settings.attestation.threshold}"
        yield problem(subject, text, f"set attestation.threshold = {facts.threshold}")
    own = policy_hash(RiskPolicy.from_settings(settings))
    if facts.policy_hash != own:
        advice = "risk, assets and markets must be the same for all; else its owner sets the new policy"
        yield problem(
            subject, f"its risk policy is {facts.policy_hash}, this configuration's is {own}", advice
        )


def _attestors(settings: Settings) -> Iterator[tuple[str, str]]:
    for peer in settings.attestation.attestors if settings.attestation is not None else ():
        yield peer.name, peer.address
    if settings.attestor is not None:
        yield f"signers.{settings.attestor.signer}", settings.signers[settings.attestor.signer].address
