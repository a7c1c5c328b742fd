"""The venues of all chains put together: a follower for each, a desk for each chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from config.settings import Settings
from keeper.margin.parameters import RiskPolicy
from keeper.runtime.supervisor import Supervisor
from keeper.runtime.unified_watch import UnifiedWatch
from keeper.runtime.venue_alerts import VenueAlerts
from keeper.runtime.venue_desk import DeskLanes, VenueDesk
from keeper.runtime.venue_follower import VenueFollower
from keeper.runtime.venue_shown import VenueShown
from keeper.state.log import StateLog
from keeper.state.venue_reader import read_unended, read_unified_states
from keeper.watch.watcher import Watcher


def start_venues(
    settings: Settings,
    watcher: Watcher,
    lanes: Mapping[str, DeskLanes],
    state_log: StateLog,
    open_alerts: Sequence[str],
    supervisor: Supervisor,
    now_ms: Callable[[], int],
) -> dict[str, VenueDesk]:
    """Start following every configured venue; return the desks by chain. Chains without venues have none."""
    alerts = VenueAlerts(open_alerts)
    desks: dict[str, VenueDesk] = {}
    states = read_unified_states(state_log.path)
    policy = RiskPolicy.from_settings(settings)
    unified = UnifiedWatch(policy, watcher.evidence, state_log, now_ms, states)
    for chain, own in settings.chains.items():
        if not own.venues:
            continue
        client = watcher.clients[chain]
        desk = desks[chain] = VenueDesk(
            chain, settings, watcher.evidence, client, lanes.get(chain), alerts, state_log, now_ms
        )
        shown = VenueShown(settings, chain, state_log, unified.take)
        live = partial(watcher.evidence.live, chain)
        unended, told = read_unended(state_log.path, chain)
        desk.cases.restore(unended, told)
        for name in own.venues:
            looks = (shown.look, unified.look, desk.look)
            since = min((each.block_number for each in unended if each.venue == name), default=None)
            follower = VenueFollower(chain, name, own, client, looks, desk.wants_another_look, live, since)
            desk.venues[name] = follower.opened
            watcher.chains[chain].listeners.append(follower.on_head)
            supervisor.start(f"venue {chain}/{name}", follower.run)
    if desks:
        supervisor.start("unified view", unified.run)
    return desks
