"""Opening the accounts: owners ask the three attestors, like anyone who adds risk to a linked account."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import aiohttp

from chains.devnet.accounts import Attested, LocalHub, RiskRequest
from chains.hub.attestation import Action, Attestation
from chains.hub.codec import legs_call, read_legs
from chains.hub.signatures import blocks_root
from config.settings import AttestationSettings
from config.units import WAD
from keeper.attest.quorum import QuorumClient
from keeper.attest.wire import MAX_PROPOSALS, Batch, CutBlock, Proposal
from keeper.demo.cast import BEFORE

NOTHING = "0x" + "00" * 32
NOBODY = "0x" + "00" * 20
VALIDITY_S = 60
TRIES = 60
PAUSE_S = 0.5


class QuorumRefused(Exception):
    """The attestors would not sign what an owner asked for. The text is theirs."""


class Owners:
    """An `Attest` for opening accounts: asks the real quorum, until it has seen what was mined before."""

    def __init__(
        self,
        hubs: dict[str, LocalHub],
        settings: AttestationSettings,
        policy_hash: str,
        session: aiohttp.ClientSession,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`told` is called with how many requests were signed so far."""
        self._hubs = hubs
        self._policy_hash = policy_hash
        self._ids = {name: hub.deployment.chain_id for name, hub in hubs.items()}
        addresses = {hub.deployment.chain_id: hub.deployment.hub for hub in hubs.values()}
        self._quorum = QuorumClient(settings, addresses, session)
        self._told = told
        self.signed = 0
        self.sequence = int(time.time() * 1000)

    async def __call__(self, requests: Sequence[RiskRequest]) -> Sequence[Attested]:
        """Return an attestation with enough signatures for each request. Raises `QuorumRefused`."""
        found: list[Attested] = []
        for start in range(0, len(requests), MAX_PROPOSALS):
            found += await self._ask(requests[start : start + MAX_PROPOSALS])
        return found

    async def _ask(self, requests: Sequence[RiskRequest]) -> list[Attested]:
        found: dict[int, Attested] = {}
        shortage = ""
        for _ in range(TRIES):
            open_now = [index for index in range(len(requests)) if index not in found]
            batch = await self._batch([requests[index] for index in open_now])
            for index, proposal, quorum in zip(
                open_now, batch.proposals, await self._quorum.ask(batch), strict=True
            ):
                if quorum.signatures is None:
                    shortage = quorum.shortage
                else:
                    found[index] = (proposal.attestation, quorum.signatures)
            if len(found) == len(requests):
                self.signed += len(found)
                self._told(self.signed)
                return [found[index] for index in range(len(requests))]
            # An attestor that has not read the newest block yet knows less than the owner does.
            await asyncio.sleep(PAUSE_S)
        raise QuorumRefused(shortage)

    async def _batch(self, requests: Sequence[RiskRequest]) -> Batch:
        cut, versions = [], {}
        for name, hub in self._hubs.items():
            head = await hub.node.rpc("eth_getBlockByNumber", "latest", False)
            cut.append(CutBlock(self._ids[name], int(head["number"], 16), head["hash"]))
            accounts = [request.account for request in requests if request.chain == name]
            if accounts:
                call = {"to": hub.deployment.hub, "data": "0x" + legs_call(accounts).hex()}
                answer = bytes.fromhex((await hub.node.rpc("eth_call", call, head["hash"]))[2:])
                for account, words in zip(accounts, read_legs(answer, len(accounts)), strict=True):
                    versions[name, account] = words[0]
        root = blocks_root((block.chain_id, block.number, block.hash) for block in cut)
        return Batch(
            tuple(cut),
            tuple(
                Proposal(
                    self._ids[request.chain],
                    self._attestation(request, versions[request.chain, request.account], root),
                )
                for request in requests
            ),
        )

    def _attestation(self, request: RiskRequest, version: int, root: str) -> Attestation:
        now_s = int(time.time())
        self.sequence += 1
        return Attestation(
            action=int(request.action),
            account=request.account,
            version=version,
            sequence=self.sequence,
            epoch=1,
            item=request.item,
            max_size=request.size,
            price=self._price(request),
            health=WAD,
            value=int(BEFORE[request.asset] * WAD) if request.asset else 0,
            claim=NOTHING,
            target=NOBODY,
            beneficiary=NOBODY,
            blocks_root=root,
            policy_hash=self._policy_hash,
            price_set=NOTHING,
            observed_at=now_s,
            deadline=now_s + VALIDITY_S,
        )

    def _price(self, request: RiskRequest) -> int:
        if request.asset:
            return request.price_wad
        if request.action is not Action.TRADE:
            return WAD
        markets = self._hubs[request.chain].deployment.markets
        name = next(market for market, hub_id in markets.items() if hub_id == request.item)
        return int(BEFORE[name.removesuffix("-PERP")] * WAD)
