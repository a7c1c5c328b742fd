"""`keeper pause`: begin nothing more on a chain, with an asset, or anywhere."""

from __future__ import annotations

from keeper.views.holding import holding_command

command = holding_command(
    "pause",
    "paused",
    "Begin nothing more on a chain, with an asset, or anywhere.",
    """Begin nothing more in a scope until it is resumed. Who, when and why is recorded, and it survives restarts.

    What is already signed is followed to its end, since its nonce must not stay open. Prices, health and
    alerts go on. An attestor that is paused signs nothing in the scope.
    """,
)
