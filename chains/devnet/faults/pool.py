"""A pool with geth's rules in front of a node whose own are laxer (anvil takes a replacement for one wei more).

Rules and texts are geth's: a replacement must raise both the tip and the fee cap by a tenth, a transaction that the
pool has is "already known", the node has a cap on what one transaction may pay; with `refuses_gaps` it also has the
rule of nodes that keep no queue: "nonce too high".
Sources: go-ethereum core/txpool/legacypool/list.go (PriceBump 10), core/txpool/errors.go, internal/ethapi (RPCTxFeeCap).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rlp
from eth_account import Account
from eth_hash.auto import keccak

from chains.devnet.faults.rules import SEND
from chains.devnet.faults.verdicts import Change, Fail, Json, Params, Verdict
from chains.devnet.faults.views import Asks

BUMP_PERCENT = 110
WEI = 10**18
ALREADY_KNOWN = Fail(-32_000, "already known")
UNDERPRICED = Fail(-32_000, "replacement transaction underpriced")
NONCE_TOO_HIGH = Fail(-32_000, "nonce too high")


@dataclass(frozen=True, slots=True)
class Pooled:
    """What a pool looks at in a transaction (EIP-1559, type 2)."""

    tx_hash: str
    sender: str
    nonce: int
    tip_wei: int
    cap_wei: int
    gas_limit: int

    @classmethod
    def read(cls, raw: str) -> Pooled:
        """Read signed bytes. Raises ``ValueError`` for any other type of transaction."""
        payload = bytes.fromhex(raw[2:])
        if payload[0] != 2:
            raise ValueError("not an EIP-1559 transaction")
        fields: list[Any] = rlp.decode(payload[1:])
        nonce, tip, cap, gas = (int.from_bytes(fields[at]) for at in range(1, 5))
        sender: str = Account.recover_transaction(raw)
        return cls("0x" + keccak(payload).hex(), sender.lower(), nonce, tip, cap, gas)


class GethPool:
    """A proxy's rule. `refused` counts by text what it turned away."""

    name = "geth's pool rules"

    def __init__(self, ask: Asks, *, fee_cap_wei: int = WEI, refuses_gaps: bool = False) -> None:
        self.held: dict[tuple[str, int], Pooled] = {}
        self._ask = ask
        self._fee_cap_wei = fee_cap_wei
        self._refuses_gaps = refuses_gaps

    async def __call__(self, method: str, params: Params) -> Verdict | None:
        """Decide about one call."""
        if method != SEND:
            return None
        new = Pooled.read(params[0])
        cost_wei = new.cap_wei * new.gas_limit
        if cost_wei > self._fee_cap_wei:
            text = f"tx fee ({cost_wei / WEI:.2f} ether) exceeds the configured cap ({self._fee_cap_wei / WEI:.2f} ether)"
            return Fail(-32_000, text)
        mined = int(await self._ask("eth_getTransactionCount", new.sender, "latest"), 16)
        self.held = {
            slot: each for slot, each in self.held.items() if slot[0] != new.sender or slot[1] >= mined
        }
        old = self.held.get((new.sender, new.nonce))
        if old is not None and await self._ask("eth_getTransactionByHash", old.tx_hash) is not None:
            if old.tx_hash == new.tx_hash:
                return ALREADY_KNOWN
            if not _raised(old.tip_wei, new.tip_wei) or not _raised(old.cap_wei, new.cap_wei):
                return UNDERPRICED
        if self._refuses_gaps and new.nonce > mined and (new.sender, new.nonce - 1) not in self.held:
            return NONCE_TOO_HIGH

        def taken(result: Json) -> Json:
            self.held[new.sender, new.nonce] = new
            return result

        return Change(taken)


def _raised(old_wei: int, new_wei: int) -> bool:
    return new_wei * 100 >= old_wei * BUMP_PERCENT and new_wei > old_wei
