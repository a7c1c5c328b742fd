"""The place between a price and its publication, where a guard may hold it.

A guard sees every raw price once, in the order of the graph, and answers with the price to
publish: the same one, one with a wider interval, or none. What is published is what other
assets are multiplied by, so a hold on ETH holds what is priced in ETH too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Protocol

from oracles.price import Hold, Price, PriceStatus

REASON_LENGTH = 200


class PriceGuard(Protocol):
    """What a `PriceBook` asks before it publishes. Pure but for its own memory: no I/O, no clock."""

    def references(self, asset: str) -> Collection[str]:
        """Return the other assets whose prices `apply` looks at for this one.

        They are priced before it in the same tick, and each change of them asks again.
        """

    def apply(self, price: Price, prices: Mapping[str, Price], now_ms: int) -> Price:
        """Return what is published for ``price.asset`` as of `now_ms`.

        `price` is the raw aggregate, unavailable ones included (also once at start, as of 0).
        `prices` holds what is published: of this tick for the units and the references
        of the asset, of the last for the rest and itself. Called whenever the raw price
        could have changed, and at the moment that `next_change_ms` named.
        """

    def next_change_ms(self, asset: str, now_ms: int) -> int | None:
        """Return the first moment after `now_ms` at which time alone changes what `apply` answers, if any."""


class NoGuard:
    """Publishes every price as it is."""

    def references(self, asset: str) -> Collection[str]:  # noqa: ARG002 - nothing looks at nothing
        """Look at nothing."""
        return frozenset()

    def apply(self, price: Price, prices: Mapping[str, Price], now_ms: int) -> Price:  # noqa: ARG002 - as above
        """Return `price`."""
        return price

    def next_change_ms(self, asset: str, now_ms: int) -> int | None:  # noqa: ARG002 - as above
        """Never change."""
        return None


def held(price: Price, *holds: Hold) -> Price:
    """Return `price` without its numbers, because of `holds` (at least one) besides those it has."""
    reason = f"held: {'; '.join(f'{hold.guard}: {hold.detail}' for hold in holds)}"[:REASON_LENGTH]
    return replace(
        price,
        status=PriceStatus.UNAVAILABLE,
        reason=reason,
        low_wad=None,
        mid_wad=None,
        high_wad=None,
        oldest_ms=None,
        holds=(*price.holds, *holds),
    )
