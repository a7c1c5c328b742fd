"""Looking at all endpoints of a chain at once: who serves it, who is in step, and who contradicts the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from chains.abilities import probe
from chains.agreement import Heights, Vote, in_step, vote
from chains.answers import read_head, read_quantity
from chains.blocks import Head
from chains.endpoint import Call
from chains.errors import ChainError, ChainMismatch, EndpointUnavailable
from chains.members import RETURN_AFTER, Member

PROBE_AGAIN_S = 60.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Look:
    """One endpoint at one moment: its head, and its hash at the height that was asked about, if it has that block."""

    head: Head
    hash_at: str | None


class Survey:
    """Judges the members of one pool. `disputed` says why nobody can be believed, empty while someone can.

    `now_s` is the time of day, in seconds: it bounds how far a chain can have come.
    """

    def __init__(
        self,
        name: str,
        chain_id: int,
        genesis_hash: str,
        members: Sequence[Member],
        block_time_s: float,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.disputed = ""
        self._name = name
        self._chain_id = chain_id
        self._genesis_hash = genesis_hash
        self._members = members
        self._block_time_s = block_time_s
        self._now_s = now_s
        self._agreed_in_a_row = 0

    async def look(self, member: Member, at: int | None = None) -> Look:
        """Ask an endpoint who and where it is. Raises `ChainMismatch` if it serves another chain."""
        calls: list[Call] = [
            ("eth_chainId", []),
            ("eth_getBlockByNumber", ["0x0", False]),
            ("eth_getBlockByNumber", ["latest", False]),
        ]
        if at is not None:
            calls.append(("eth_getBlockByNumber", [hex(at), False]))
        answers = await member.endpoint.batch(calls)
        for answer in answers[:3]:
            if isinstance(answer, ChainError):
                raise EndpointUnavailable(str(answer))
        self._check(member, read_quantity(answers[0]), read_head(self._name, answers[1]))
        member.head = read_head(self._name, answers[2])
        member.verified = True
        asked = answers[3] if at is not None else None
        return Look(member.head, read_head(self._name, asked).hash if isinstance(asked, dict) else None)

    async def judge(self, looks: Mapping[int, Look], at: int | None = None) -> None:
        """Compare what endpoints said, by number of member. `at` is the height that they were asked about."""
        if not looks:
            return
        heights = in_step(
            {number: its.head for number, its in looks.items()}, self._block_time_s, self._now_s()
        )
        self._note_steps(looks, heights)
        said = await self._hashes(looks, heights, at)
        believed = {number: its for number, its in said.items() if self._members[number].may_be_asked}
        voters = believed or said
        self._apply(said, vote(voters), len(voters))

    async def probe(self) -> None:
        """Find out what those endpoints can that came, or came back, since they were last asked."""
        now_s = asyncio.get_running_loop().time()
        due = [
            member
            for member in self._members
            if member.is_probe_due
            and member.verified
            and (member.probed_at_s is None or now_s - member.probed_at_s >= PROBE_AGAIN_S)
        ]
        await asyncio.gather(*(self._probe(member, now_s) for member in due))

    async def _probe(self, member: Member, now_s: float) -> None:
        member.probed_at_s = now_s
        try:
            found = await probe(member.endpoint, self._name)
        except ChainError as failure:
            _log.info(
                "endpoint_not_probed", chain=self._name, endpoint=member.endpoint.name, error=str(failure)
            )
            return
        member.is_probe_due = False
        if found != member.abilities and found.missing:
            _log.warning(
                "endpoint_lacks",
                chain=self._name,
                endpoint=member.endpoint.name,
                lacks=", ".join(found.missing),
            )
        member.abilities = found

    def _check(self, member: Member, chain_id: int, genesis: Head) -> None:
        if chain_id != self._chain_id:
            raise ChainMismatch(
                f"{self._name} is chain id {self._chain_id}, but {member.endpoint.name} serves {chain_id}"
            )
        if genesis.hash != self._genesis_hash:
            message = (
                f"{self._name} begins with block {self._genesis_hash}, but {member.endpoint.name} serves a chain"
                f" that begins with {genesis.hash}"
            )
            raise ChainMismatch(message)

    def _note_steps(self, looks: Mapping[int, Look], heights: Heights) -> None:
        for number, its in looks.items():
            member = self._members[number]
            behind, ahead = number in heights.behind, number in heights.ahead
            if (behind, ahead) != (member.behind, member.ahead):
                event = (
                    "endpoint_lags" if behind else "endpoint_runs_ahead" if ahead else "endpoint_caught_up"
                )
                blocks = its.head.number - heights.reference
                _log.warning(event, chain=self._name, endpoint=member.endpoint.name, blocks=blocks)
            member.behind, member.ahead = behind, ahead

    async def _hashes(self, looks: Mapping[int, Look], heights: Heights, at: int | None) -> dict[int, str]:
        """Return what each endpoint says of one height that those in step have. Who is below it is compared lower."""
        if len(looks) < 2:
            return {number: its.head.hash for number, its in looks.items()}
        near = [number for number in looks if number not in heights.behind | heights.ahead]
        if at is None or any(looks[number].hash_at is None for number in near):
            at = min(looks[number].head.number for number in near)
            known = {number: its.head.hash for number, its in looks.items() if its.head.number == at}
        else:
            known = {number: its.hash_at for number, its in looks.items() if its.hash_at is not None}
        higher = [number for number in looks if number not in known and looks[number].head.number > at]
        asked = await asyncio.gather(*(self._hash_at(number, at) for number in higher))
        said = known | {number: found for number, found in zip(higher, asked, strict=True) if found}
        guide = next((number for number in near if number in said), None)
        for number in looks.keys() - said.keys():
            below = looks[number].head
            if guide is not None and below.number < at:
                found = await self._hash_at(guide, below.number)
                if found:
                    said[number] = said[guide] if found == below.hash else below.hash
        return said

    async def _hash_at(self, number: int, height: int) -> str | None:
        try:
            answer = await self._members[number].endpoint.request(
                "eth_getBlockByNumber", [hex(height), False]
            )
            return None if answer is None else read_head(self._name, answer).hash
        except ChainError:
            return None

    def _apply(self, said: Mapping[int, str], its: Vote, voters: int) -> None:
        if its.split:
            self._agreed_in_a_row = 0
            if not self.disputed:
                _log.critical("endpoints_disagree", chain=self._name, said=self._told(said))
            self.disputed = f"its endpoints disagree: {self._told(said)}"
            return
        for number, block_hash in said.items():
            member = self._members[number]
            if block_hash == its.winner:
                if member.agreed():
                    _log.warning("endpoint_believed_again", chain=self._name, endpoint=member.endpoint.name)
                continue
            member.contradicted()
            if member.may_be_asked:
                member.quarantined = f"it contradicts the others: {self._told(said)}"
                _log.critical(
                    "endpoint_quarantined",
                    chain=self._name,
                    endpoint=member.endpoint.name,
                    said=self._told(said),
                )
        if voters > 1:
            self._agreed_in_a_row += 1
        if self.disputed and self._agreed_in_a_row >= RETURN_AFTER:
            self.disputed = ""
            _log.warning("endpoints_agree_again", chain=self._name)

    def _told(self, said: Mapping[int, str]) -> str:
        names = {number: self._members[number].endpoint.name for number in said}
        return "; ".join(
            f"{names[number]} has {block_hash[:18]}" for number, block_hash in sorted(said.items())
        )
