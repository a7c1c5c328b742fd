"""What the chains themselves say: read from the hubs' logs and legs, past the daemon and its log.

The daemon's own log can not be the only witness of what the daemon did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from chains.devnet.accounts import LocalHub
from chains.hub import desk
from chains.hub.attestation import Action
from chains.hub.codec import LEGS_PER_CALL, MAX_TOKENS, decode, legs_call, read_legs
from chains.hub.desk import ACCOUNTS_PER_CALL
from chains.hub.events import BadDebtRecorded, ClaimOpened, ClaimPaid, HubEvent, Liquidated
from chains.hub.options import OptionHeld

Leg = tuple[int, ...]
"""The words of a leg as the hub has them: version, cross margin, debt, last sequence, spare, holdings."""

_DEBT = 2
_FIRST_BALANCE = 6
_FIRST_POSITION = _FIRST_BALANCE + MAX_TOKENS
ROUNDING = 10
"""Raw units of a token: every seizure is rounded in the account's favour, and so may leave it one."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """All chains at one look. `legs` are by (chain, account), `liquidated` are an account's chains."""

    legs: Mapping[tuple[str, str], Leg] = field(default_factory=dict)
    liquidated: Mapping[str, frozenset[str]] = field(default_factory=dict)
    steps: Mapping[tuple[str, str], int] = field(default_factory=dict)
    bad_debt: Mapping[str, int] = field(default_factory=dict)
    """Raw stable that nothing backed, by account."""
    covered: int = 0
    """Raw stable of it that the insurance funds paid."""
    claims_opened: frozenset[str] = frozenset()
    claims_paid: frozenset[str] = frozenset()
    options: Mapping[tuple[str, str], tuple[OptionHeld, ...]] = field(default_factory=dict)
    """What the option desks say, by (chain, account), of those who hold any."""

    def is_closed(self, account: str) -> bool:
        """Whether the account owes nothing and has no position anywhere, and no more than rounding is left it."""
        legs = [leg for (_, owner), leg in self.legs.items() if owner == account]
        return not any(owner == account for _, owner in self.options) and not any(
            leg[_DEBT] or any(leg[_FIRST_POSITION:]) or max(leg[_FIRST_BALANCE:_FIRST_POSITION]) > ROUNDING
            for leg in legs
        )


async def read(hubs: Mapping[str, LocalHub], accounts: Sequence[str]) -> Ledger:
    """Read every hub as of its newest block. Raises `AnvilFailed` if a node does not answer."""
    legs: dict[tuple[str, str], Leg] = {}
    options: dict[tuple[str, str], tuple[OptionHeld, ...]] = {}
    events: list[tuple[str, HubEvent]] = []
    for chain, hub in hubs.items():
        head = await hub.node.rpc("eth_getBlockByNumber", "latest", False)
        for start in range(0, len(accounts), LEGS_PER_CALL):
            part = accounts[start : start + LEGS_PER_CALL]
            call = {"to": hub.deployment.hub, "data": "0x" + legs_call(part).hex()}
            answer = await hub.node.rpc("eth_call", call, head["number"])
            words = read_legs(bytes.fromhex(answer[2:]), len(part))
            legs.update({(chain, account): leg for account, leg in zip(part, words, strict=True)})
        async for account, held in _options(hub, accounts, head["number"]):
            if held:
                options[chain, account] = held
        wanted = {"address": hub.deployment.hub, "fromBlock": "0x0", "toBlock": head["number"]}
        found = [decode(log) for log in await hub.node.rpc("eth_getLogs", wanted)]
        events += [(chain, event) for event in found if event is not None]
    return tallied(events, legs, options)


async def _options(
    hub: LocalHub, accounts: Sequence[str], block: str
) -> AsyncIterator[tuple[str, tuple[OptionHeld, ...]]]:
    """Yield what each account holds on the chain's option desk."""
    for start in range(0, len(accounts) if hub.deployment.option_desk else 0, ACCOUNTS_PER_CALL):
        part = accounts[start : start + ACCOUNTS_PER_CALL]
        call = {"to": hub.deployment.option_desk, "data": "0x" + desk.legs_call(part).hex()}
        answer = await hub.node.rpc("eth_call", call, block)
        for account, held in zip(part, desk.read_legs(bytes.fromhex(answer[2:]), len(part)), strict=True):
            yield account, held


def tallied(
    events: Sequence[tuple[str, HubEvent]],
    legs: Mapping[tuple[str, str], Leg],
    options: Mapping[tuple[str, str], tuple[OptionHeld, ...]] = MappingProxyType({}),
) -> Ledger:
    """Sum up what the hubs logged."""
    liquidated: dict[str, frozenset[str]] = {}
    steps: Counter[tuple[str, str]] = Counter()
    bad_debt: Counter[str] = Counter()
    covered = 0
    opened, paid = set(), set()
    for chain, event in events:
        match event:
            case Liquidated():
                liquidated[event.account] = liquidated.get(event.account, frozenset()) | {chain}
                steps[chain, Action(event.action).name.lower()] += 1
            case BadDebtRecorded():
                bad_debt[event.account] += event.amount
                covered += event.covered
            case ClaimOpened():
                opened.add(event.claim)
            case ClaimPaid():
                paid.add(event.claim)
    return Ledger(
        legs, liquidated, dict(steps), dict(bad_debt), covered, frozenset(opened), frozenset(paid), options
    )
