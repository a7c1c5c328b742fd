"""Faults that happen to one call and no other: the n-th from when the rule was added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.rpc_proxy import Cut, Fail, Give, Params, Refuse, Rule, Stall, Verdict


@dataclass
class Nth:
    """A proxy's rule: the n-th call meets `fault`, the others pass. `met` says what it was."""

    n: int
    fault: Rule
    seen: int = 0
    met: str = ""

    def __call__(self, method: str, params: Params) -> Verdict | None:
        self.seen += 1
        if self.seen != self.n:
            return None
        self.met = method
        return self.fault(method, params)


@dataclass
class Once:
    """A proxy's rule: the first call of a method meets a verdict, all others pass."""

    method: str
    verdict: Verdict
    met: bool = False

    def __call__(self, method: str, params: Params) -> Verdict | None:
        if self.met or method != self.method:
            return None
        self.met = True
        return self.verdict


def error(method: str, params: Params) -> Verdict:
    """The node answers with an error."""
    return Fail()


def null(method: str, params: Params) -> Verdict:
    """The node says that there is nothing."""
    return Give(None)


def garbage(method: str, params: Params) -> Verdict:
    """The node answers with something of no use."""
    return Give("0x")


def cut(method: str, params: Params) -> Verdict:
    """The connection is closed without an answer."""
    raise Cut


def busy(method: str, params: Params) -> Verdict:
    """Asked too often: HTTP 429."""
    raise Refuse(429)


def broken(method: str, params: Params) -> Verdict:
    """A gateway before the node is in trouble: HTTP 502."""
    raise Refuse(502)


def silence(method: str, params: Params) -> Verdict:
    """Accepted, and never answered."""
    raise Stall


FAULTS: dict[str, Callable[[str, Params], Verdict]] = {
    each.__name__: each for each in (error, null, garbage, cut, busy, broken, silence)
}
