"""Settings of guards: what a price may do before it is held, and how a hold ends.

Of one asset, in ``[assets.NAME.guards]``. The defaults only stop what one group alone says:
a level that `confirm_groups` groups see together is acted on at once.
"""

from __future__ import annotations

from config.fields import AssetName, Bps, Count, Seconds, UpliftBps, Wad
from config.section import Section
from config.units import WAD


class GuardSettings(Section):
    """The guards of one asset. Distances are ratios, the same upward and downward.

    `max_move_bps` within `move_interval_s`, growing with the square root of the time since (0: no
    limit). A level beyond it counts once it stood for `persist_s` (if it is of the same size), or as soon as `confirm_groups`
    independent groups see it (0: no number is enough). `hold_s` ends every hold. `constant_s` holds
    a price whose quorum has not changed for so long. `expected_low` and `expected_high` bound the
    first price after a start, USD. `peg` is ``USD`` or an asset: the price should be
    `peg_value` of it. `reference` is an asset that should be worth the same. The rate caps
    are for what earns a yield, in the unit it is priced in, growth per year.
    """

    max_move_bps: UpliftBps = 2_000
    move_interval_s: Seconds = 60.0
    persist_s: Seconds = 60.0
    confirm_groups: Count = 2
    hold_s: Seconds = 3_600.0
    constant_s: Seconds | None = None
    expected_low: Wad | None = None
    expected_high: Wad | None = None
    peg: AssetName | None = None
    peg_value: Wad = WAD
    peg_band_bps: Bps = 200
    reference: AssetName | None = None
    reference_band_bps: Bps = 150
    max_rate_growth_bps: UpliftBps | None = None
    max_rate_drop_bps: Bps = 100
