"""What must be priced before what, and what a change of one price reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def topological_order(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the assets so that each comes after those it needs.

    Raises ``ValueError`` naming the assets for a circle or an unknown one.
    """
    order: dict[str, None] = {}
    for asset in needs:
        _place(asset, needs, (), order)
    return tuple(order)


def dependents(needs: Mapping[str, Sequence[str]], order: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """Return for each asset of `order` those that need it, directly or over others."""
    found: dict[str, frozenset[str]] = {}
    for asset in reversed(order):
        direct = {other for other in order if asset in needs[other]}
        found[asset] = frozenset(direct).union(*(found[other] for other in direct))
    return found


def _place(
    asset: str, needs: Mapping[str, Sequence[str]], path: tuple[str, ...], order: dict[str, None]
) -> None:
    if asset in order:
        return
    if asset not in needs:
        message = f"{path[-1]} is priced in {asset}, which is not an asset of this configuration"
        raise ValueError(message)
    if asset in path:
        message = f"prices go in a circle: {' in '.join([*path, asset])}"
        raise ValueError(message)
    for other in needs[asset]:
        _place(other, needs, (*path, asset), order)
    order[asset] = None
