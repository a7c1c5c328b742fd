"""Rules that say which calls meet a fault: by method and parameters, the n-th, so many of them, every k-th, or by a seed."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from eth_hash.auto import keccak

from chains.devnet.faults.verdicts import Cut, Fail, Give, Params, Refuse, Rule, Stall, Verdict

SEND = "eth_sendRawTransaction"


@dataclass
class On:
    """A verdict for the calls of some methods (all, if none is named), or what another rule says of them.

    Of those that match, the first `skip` pass, then at most `times` meet it (None: all), each only with chance
    `chance` from a generator of its own, so that a seed decides and nothing else. `name` is what it is counted as.
    """

    methods: Collection[str]
    then: Verdict | Callable[[str, Params], Verdict | None]
    where: Callable[[Params], bool] | None = None
    skip: int = 0
    times: int | None = None
    chance: float = 1.0
    seed: str = ""
    name: str = ""
    seen: int = 0
    met: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.methods, str):
            self.methods = (self.methods,)
        self._random = random.Random(self.seed)  # noqa: S311 - a schedule, not a secret

    def __call__(self, method: str, params: Params) -> Verdict | None:
        """Decide about one call."""
        if self.methods and method not in self.methods:
            return None
        if self.where is not None and not self.where(params):
            return None
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.met >= self.times):
            return None
        if self.chance < 1 and self._random.random() >= self.chance:
            return None
        verdict = self.then(method, params) if callable(self.then) else self.then
        self.met += verdict is not None
        return verdict


@dataclass
class Nth:
    """The n-th call of all meets a fault, the others pass. `met` says which method that was."""

    n: int
    fault: Rule
    name: str = ""
    seen: int = 0
    met: str = ""

    def __call__(self, method: str, params: Params) -> Verdict | None | Awaitable[Verdict | None]:
        """Decide about one call."""
        self.seen += 1
        if self.seen != self.n:
            return None
        self.met = method
        return self.fault(method, params)


@dataclass
class Once:
    """The first call of a method meets a verdict, all others pass."""

    method: str
    verdict: Verdict
    name: str = ""
    met: bool = False

    def __call__(self, method: str, params: Params) -> Verdict | None:
        """Decide about one call."""
        del params
        if self.met or method != self.method:
            return None
        self.met = True
        return self.verdict


def always(verdict: Verdict) -> Callable[[str, Params], Verdict]:
    """Return a rule that says the same of every call."""

    def rule(method: str, params: Params) -> Verdict:
        del method, params
        return verdict

    return rule


FAULTS: dict[str, Callable[[str, Params], Verdict]] = {
    "error": always(Fail()),
    "null": always(Give(None)),
    "garbage": always(Give("0x")),
    "cut": always(Cut()),
    "busy": always(Refuse(429)),
    "broken": always(Refuse(502)),
    "silence": always(Stall()),
}
"""What can happen to any one call: the node answers with an error, with nothing, with something of no use; the
connection is closed; it is asked too often; a gateway before it is in trouble; it never answers."""


def swallowed() -> On:
    """Return a rule by which the node never sees what is sent, and the sender believes that it was taken."""

    def taken(method: str, params: Params) -> Give:
        del method
        return Give("0x" + keccak(bytes.fromhex(params[0][2:])).hex())

    return On(SEND, taken, name="send swallowed")
