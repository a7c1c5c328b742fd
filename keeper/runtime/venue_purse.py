"""What the signer holds for repaying at venues: read once for each head, less what live intents may still take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chains.blocks import Head
from chains.client import ChainClient
from chains.errors import Reverted
from chains.hub.codec import selector
from chains.venues.executor.codec import NO_POOL, read_execute_call
from chains.venues.words import address_word, read_words
from config.units import format_decimal
from config.venue_settings import ExecutorSettings
from keeper.domain.intent import Intent
from keeper.venues.inputs import Token

LOW_FUNDS = "low_funds/"

_BALANCE = selector("balanceOf(address)")
_ALLOWANCE = selector("allowance(address,address)")


class VenuePurse:
    """One chain's inventory. `read` it with each head; `left` is what may be planned with."""

    def __init__(
        self, chain: str, executor: ExecutorSettings, tokens: Mapping[str, Token], client: ChainClient
    ) -> None:
        self._chain = chain
        self._executor = executor
        self._tokens = tokens
        self._client = client
        self._read_at = ""
        self.held: dict[str, int] = {}
        """What the owner holds, raw by token."""
        self.usable: dict[str, int] = {}
        """Of it, what the executor was allowed to take."""

    async def read(self, owner: str, head: Head) -> None:
        """Read balances and allowances as of this block, in one request. Raises what the chain raises."""
        listed = self._executor.inventory
        if self._read_at == head.hash or not listed:
            return
        whose, spender = address_word(owner), address_word(self._executor.address)
        calls = [
            call
            for each in listed
            for call in ((each.token, _BALANCE + whose), (each.token, _ALLOWANCE + whose + spender))
        ]
        answers = [_amount(answer) for answer in await self._client.call_many(calls, head.hash)]
        for each, held, allowed in zip(listed, answers[::2], answers[1::2], strict=True):
            self.held[each.token] = held
            self.usable[each.token] = min(held, allowed)
        self._read_at = head.hash

    def left(self, live: Iterable[Intent]) -> dict[str, int]:
        """Return what may be spent, less what intents that may still be mined may take."""
        left = dict(self.usable)
        for intent in live:
            asked = read_execute_call(bytes.fromhex(intent.calldata.removeprefix("0x")))
            if asked.pool == NO_POOL and asked.debt_asset in left:
                left[asked.debt_asset] = max(0, left[asked.debt_asset] - asked.repay)
        return left

    def low(self) -> dict[str, str]:
        """Return what is to be told of each token that is below its limit, by alert key."""
        found: dict[str, str] = {}
        for each in self._executor.inventory:
            token, held = self._tokens[each.token], self.held.get(each.token)
            if held is None:
                continue
            scaled = held * 10**18 // 10**token.decimals
            if scaled < each.low_funds:
                least = format_decimal(each.low_funds, 18)
                found[f"{LOW_FUNDS}{self._chain}/{token.asset}"] = (
                    f"{format_decimal(held, token.decimals)} {token.asset} are left on {self._chain}, "
                    f"low_funds is {least}"
                )
        return found


def _amount(answer: bytes | Reverted) -> int:
    if isinstance(answer, Reverted):
        return 0
    try:
        return read_words(answer, 1)[0]
    except ValueError:
        return 0
