"""What the state log keeps of what was seen: enough for what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator

from config.errors import Remark
from config.settings import Settings

LEAST_AGE_S = 3_600.0
"""An hour: who is called because of a liquidation still finds the quotes it was made from."""


def check_retention(settings: Settings) -> Iterator[Remark]:
    """Yield where heads would be forgotten before they are final, or quotes before anybody could ask for them."""
    retention = settings.retention
    needed = 2 * sum(chain.finality_depth for chain in settings.chains.values())
    if retention.max_heads < needed:
        message = f"{retention.max_heads} heads of all chains together do not reach back to what is final"
        yield Remark(("retention", "max_heads"), "E341", message, f"set it to {needed} or more")
    if retention.max_age_s < LEAST_AGE_S:
        message = "quotes are forgotten within the hour, and with them why a decision was made"
        advice = (
            f"set it to {LEAST_AGE_S} or more; keeper verify and keeper explain can only use what is kept"
        )
        yield Remark(("retention", "max_age_s"), "W342", message, advice)
