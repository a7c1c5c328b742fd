"""A seeded schedule of mild faults on one proxy: what a hosted node does on a bad day, never for long enough to lose a chain."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.rules import SEND, On, swallowed
from chains.devnet.faults.verdicts import Change, Cut, Fail, Late, Refuse, Rule, Yet
from chains.devnet.faults.views import Frozen

READS = ("eth_getBlockByNumber", "eth_getLogs", "eth_call", "eth_getTransactionReceipt", "eth_feeHistory")
PAUSES_S = (0.3, 1.2)
LASTS_S = (0.8, 1.6)
"""Well under what makes a chain of the demo stale."""

Making: TypeAlias = Callable[[RpcProxy, random.Random], Rule]


def _late(proxy: RpcProxy, chance: random.Random) -> Rule:
    del proxy
    return On(
        (), Late(chance.uniform(0.05, 0.3)), chance=0.2, seed=str(chance.random()), name="answered late"
    )


def _reads(name: str, verdict: Cut | Refuse | Fail, share: float) -> Making:
    def make(proxy: RpcProxy, chance: random.Random) -> Rule:
        del proxy
        return On(READS, verdict, chance=share, seed=str(chance.random()), name=name)

    return make


def _sends(name: str, verdict: Cut | Yet, times: int) -> Making:
    def make(proxy: RpcProxy, chance: random.Random) -> Rule:
        del proxy, chance
        return On(SEND, verdict, times=times, name=name)

    return make


def _swallowed(proxy: RpcProxy, chance: random.Random) -> Rule:
    del proxy, chance
    rule = swallowed()
    rule.times = 3
    return rule


def _frozen(proxy: RpcProxy, chance: random.Random) -> Rule:
    del chance
    return Frozen(proxy.ask)


def _no_receipt(proxy: RpcProxy, chance: random.Random) -> Rule:
    del proxy
    seed = str(chance.random())
    hidden = Change(lambda _: None)
    return On("eth_getTransactionReceipt", hidden, chance=0.5, seed=seed, name="receipt hidden")


MILD: Sequence[Making] = (
    _late,
    _reads("read cut off", Cut(), 0.03),
    _reads("read cut off in the answer", Cut(after_bytes=20), 0.03),
    _reads("HTTP 429", Refuse(429, {"Retry-After": "0"}), 0.05),
    _reads("limit exceeded (-32005)", Fail(-32_005, "limit exceeded"), 0.05),
    _reads("HTTP 502", Refuse(502, body="<html>bad gateway</html>"), 0.03),
    _swallowed,
    _sends("send answered with an error, and taken", Yet(Fail(-32_000, "internal error")), 2),
    _sends("send cut off in the answer", Cut(after_bytes=10), 2),
    _frozen,
    _no_receipt,
)


class Schedule:
    """Brings one mild fault after another over a proxy, in an order that `seed` alone decides, until cancelled."""

    def __init__(self, proxy: RpcProxy, seed: str) -> None:
        self._proxy = proxy
        self._random = random.Random(seed)  # noqa: S311 - a schedule, not a secret

    async def run(self) -> None:
        """Go on until cancelled; then nothing is wrong any more."""
        while True:
            for making in self._random.sample(MILD, len(MILD)):
                await asyncio.sleep(self._random.uniform(*PAUSES_S))
                rule = making(self._proxy, self._random)
                self._proxy.rules.append(rule)
                try:
                    await asyncio.sleep(self._random.uniform(*LASTS_S))
                finally:
                    self._proxy.rules.remove(rule)
            self._proxy.sockets.drop()
