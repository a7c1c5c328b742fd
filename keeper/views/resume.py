"""`keeper resume`: lift a pause."""

from __future__ import annotations

from keeper.views.holding import holding_command

command = holding_command(
    "resume",
    "resumed",
    "Lift a pause; what it held back is looked at at once.",
    """Lift the pause of a scope. Who, when and why is recorded. What it held back is looked at at once.""",
)
