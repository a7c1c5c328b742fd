"""Settings of options that expired."""

from __future__ import annotations

from config.fields import PositiveWei
from config.section import Section


class OptionsSettings(Section):
    """What the daemon does about options once they expired, in ``[options]``.

    With `settle` it fixes what their underlying came to and has every watched account paid or charged: nobody else may,
    and until then an account's money is bound and its health not all in cash. It earns nothing and costs gas, no more than
    `settle_max_cost_wei` (the chain's own coin) for each.
    """

    settle: bool = True
    settle_max_cost_wei: PositiveWei | None = None
