"""A quorum in one process that vouches for whatever it is asked: sets scenes up, and attests nothing.

Real attestors are processes of their own that look for themselves; all keys in one process are a
quorum in name only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

from chains.blocks import Head
from chains.client import ChainClient
from chains.devnet.accounts import Attested, LocalHub, RiskRequest
from chains.endpoint import Endpoint
from chains.errors import Reverted
from chains.hub.attestation import Action, Attestation
from chains.hub.codec import selector, word
from chains.hub.reader import HubFacts, HubReader
from chains.hub.signatures import assemble, blocks_root, digest, sign
from chains.keys import Key
from config.secrets import SecretUrl
from config.units import WAD

VALIDITY_S = 60

_TOKEN_PRICE = selector("token_price(uint256)")
_MARKET_PRICE = selector("market_price(uint256)")
_NOTHING = "0x" + "00" * 32
_NOBODY = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the signers take from one chain: its newest block, the hub, the time of the block that comes."""

    client: ChainClient
    hub: str
    head: Head
    facts: HubFacts
    now_s: int
    markets: Mapping[str, int]


class BlindQuorum:
    """Signers of local hubs. An instance is an `Attest`: awaits requests, returns attestations with signatures.

    They state a health of exactly one without having looked: the least that lets risk be added.
    """

    def __init__(self, hubs: Mapping[str, LocalHub], keys: Sequence[Key]) -> None:
        self._hubs = hubs
        self._keys = keys

    async def __call__(self, requests: Sequence[RiskRequest]) -> Sequence[Attested]:
        """Return an attestation for each request, signed by as many as its hub asks for.

        Raises ``ValueError`` if these are too few keys, and what reads of a hub raise.
        """
        found: dict[RiskRequest, Attested] = {}
        async with AsyncExitStack() as stack:
            seen = {
                name: await self._look(name, stack)
                for name in sorted({request.chain for request in requests})
            }
            root = blocks_root(
                (each.client.chain_id, each.head.number, each.head.hash) for each in seen.values()
            )
            for name, each in seen.items():
                here = [request for request in requests if request.chain == name]
                for request, attestation in zip(here, await _attestations(here, each, root), strict=True):
                    found[request] = (attestation, self._signed(name, attestation, each.facts.threshold))
        return [found[request] for request in requests]

    async def _look(self, name: str, stack: AsyncExitStack) -> _Seen:
        node, deployment = self._hubs[name].node, self._hubs[name].deployment
        endpoint = Endpoint(SecretUrl(node.url), max_requests_per_s=10_000, timeout_s=10)
        client = ChainClient(name, deployment.chain_id, deployment.genesis_hash, [endpoint])
        await stack.enter_async_context(aclosing(client))
        await client.connect()
        head = await client.head()
        facts = await HubReader(client, deployment.hub).facts(head.hash)
        coming = await node.rpc("eth_getBlockByNumber", "pending", False)
        return _Seen(client, deployment.hub, head, facts, int(coming["timestamp"], 16), deployment.markets)

    def _signed(self, name: str, attestation: Attestation, threshold: int) -> tuple[bytes, ...]:
        deployment = self._hubs[name].deployment
        to_sign = digest(attestation, deployment.chain_id, deployment.hub)
        return assemble({key.address: sign(key, to_sign) for key in self._keys}, threshold)


async def _attestations(requests: Sequence[RiskRequest], seen: _Seen, root: str) -> list[Attestation]:
    """Return what is to be signed for each request of one chain, in order."""
    accounts = [request.account for request in requests]
    legs = await HubReader(seen.client, seen.hub).legs(accounts, seen.head.hash)
    calls = [(seen.hub, _price_call(request, seen.markets)) for request in requests]
    prices = await seen.client.call_many(calls, seen.head.hash)
    return [
        Attestation(
            action=request.action,
            account=request.account,
            version=version,
            sequence=last_sequence + 1,
            epoch=seen.facts.epoch,
            item=request.item,
            max_size=request.size,
            price=request.price_wad if request.asset else _price(answer),
            health=WAD,
            value=_price(answer) if request.asset else 0,
            claim=_NOTHING,
            target=_NOBODY,
            beneficiary=_NOBODY,
            blocks_root=root,
            policy_hash=seen.facts.policy_hash,
            price_set=_NOTHING,
            observed_at=seen.now_s,
            deadline=seen.now_s + VALIDITY_S,
        )
        for request, (version, _, _, last_sequence, *_), answer in zip(requests, legs, prices, strict=True)
    ]


def _price_call(request: RiskRequest, markets: Mapping[str, int]) -> bytes:
    """Return the call for the price that the hub compares the attested one with; of an option its underlying's."""
    if request.asset:
        return _MARKET_PRICE + word(markets[f"{request.asset}-PERP"])
    return (_MARKET_PRICE if request.action is Action.TRADE else _TOKEN_PRICE) + word(request.item)


def _price(answer: bytes | Reverted) -> int:
    if isinstance(answer, Reverted):
        raise answer
    return int.from_bytes(answer)
