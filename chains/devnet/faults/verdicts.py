"""What a rule may decide about one call. Values only: the proxy is what carries them out.

::

    Verdict
    ├── of one call
    │   ├── Give, Fail        answered here; the node is not asked
    │   ├── Change            the node's own result, altered
    │   ├── Yet               the node is asked, and something else is answered
    │   ├── Envelope          the whole answer altered: its id, its fields
    │   ├── Twice             the node is asked twice
    │   ├── Via               another node is asked
    │   └── LeaveOut          no answer to this call of a batch
    ├── of the whole request it came in
    │   ├── Cut               the connection ends: unanswered, or in the middle of the answer
    │   ├── Stall             accepted, never answered
    │   ├── Refuse            an HTTP status, with a body that is no JSON-RPC
    │   ├── Garbage           these bytes, with HTTP 200
    │   └── Oversize, Crumbs  the right answer, enormous, or a few bytes at a time
    └── Late                  later; what other rules say still holds
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""Whatever stands in a JSON-RPC message."""
Params: TypeAlias = list[Any]


@dataclass(frozen=True, slots=True)
class Give:
    """Answer with this result, whatever the node would say. A send that is answered so is swallowed."""

    result: Json


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with a JSON-RPC error."""

    code: int = -32_000
    message: str = "injected failure"
    data: Json = None


@dataclass(frozen=True, slots=True)
class Change:
    """Ask the node and alter its result. Its errors pass as they are."""

    how: Callable[[Json], Json]


@dataclass(frozen=True, slots=True)
class Yet:
    """Ask the node, and answer this all the same: done, and said not to be."""

    answer: Give | Fail


@dataclass(frozen=True, slots=True)
class Envelope:
    """Ask the node and alter the whole JSON-RPC answer."""

    how: Callable[[dict[str, Json]], Json]


@dataclass(frozen=True, slots=True)
class Twice:
    """Ask the node the same twice in one go, and pass the first answer on."""


@dataclass(frozen=True, slots=True)
class Via:
    """Ask the node at this HTTP URL instead: two nodes behind one address, as behind a load balancer."""

    upstream: str


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """Answer nothing to this call: a batch comes back with one answer less, a single call with an empty body."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connection: before the node sees anything, or (`after_bytes`) in the middle of the answer."""

    after_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Stall:
    """Keep the connection, and never answer. The node sees nothing, unless it is `forwarded`."""

    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer the whole request with this HTTP status."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True, slots=True)
class Garbage:
    """Answer HTTP 200 with these bytes."""

    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Oversize:
    """Send the right answer, made this many bytes long with blanks that JSON allows."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Crumbs:
    """Send the right answer a few bytes at a time."""

    size_bytes: int = 1


@dataclass(frozen=True, slots=True)
class Late:
    """Wait first. Several add up."""

    seconds: float


OfCall: TypeAlias = Give | Fail | Change | Yet | Envelope | Twice | Via | LeaveOut
OfRequest: TypeAlias = Cut | Stall | Refuse | Garbage | Oversize | Crumbs
Verdict: TypeAlias = OfCall | OfRequest | Late
Rule: TypeAlias = Callable[[str, Params], "Verdict | None | Awaitable[Verdict | None]"]
"""Looks at one call, by its method and parameters, also inside a batch. None: nothing is wrong with it.

A rule with an attribute `name` is counted under it, any other under its verdict's name.
"""
