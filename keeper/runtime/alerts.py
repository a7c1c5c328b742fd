"""Alerts: one open per subject, closed when it is over. Repeats only count, so that nothing storms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from config.settings import Settings
from keeper.domain.health import AccountState
from keeper.runtime.flutter import Flutter
from keeper.runtime.mispriced import Count
from keeper.runtime.price_alerts import PREFIXES, over, standing
from keeper.state.entries import AlertClosed, AlertOpened, Entry
from keeper.state.log import StateLog
from keeper.state.observations import AlertRepeated
from keeper.watch.chain_states import RULES, ChainState
from keeper.watch.evidence import Evidence
from oracles.guards.guards import Tally

QUORUM = "quorum"
UNKNOWN_ACCOUNTS = "unknown_accounts"
NO_PRICE = "no_price"
PAUSED = "paused/"
CHAIN_ALERTS = {
    ChainState.STALE: "chain",
    ChainState.HALTED: "chain",
    ChainState.DISAGREEING: "chain_disputed",
    ChainState.MISMATCHED: "chain_stopped",
    ChainState.FINALITY_VIOLATED: "chain_stopped",
    ChainState.STOPPED: "chain_stopped",
}
"""What an alert about a chain is called. Its sequencer has one of its own."""


class Alerts:
    """Turns what is wrong now into entries for the log. Holds which alerts are open there.

    What was told counts only once it is in the log: hand the entries to `recorded` after writing them.
    """

    def __init__(
        self, settings: Settings, evidence: Evidence, state_log: StateLog, now_ms: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._evidence = evidence
        self._log = state_log
        self._now_ms = now_ms
        self._open: set[str] = set()
        self._flutter = Flutter()
        self._unknown_since_ms: int | None = None

    def resume(self, open_keys: Iterable[str]) -> None:
        """Take up the alerts that an earlier run left open, so that each is closed once what it told is over."""
        self._open |= set(open_keys)

    def recorded(self, entries: Iterable[Entry]) -> None:
        """Note what has become durable."""
        for entry in entries:
            if isinstance(entry, AlertOpened):
                self._open.add(entry.dedupe_key)
                self._flutter.opened(entry.dedupe_key, self._now_ms())
            elif isinstance(entry, AlertClosed):
                self._open.discard(entry.dedupe_key)

    def due(
        self,
        tally: Mapping[AccountState, int],
        counts: Mapping[tuple[str, str], Count] | None = None,
        tallies: Mapping[tuple[str, str], Tally] | None = None,
        *,
        is_quorum_needed: bool = True,
    ) -> list[Entry]:
        """Return what is to be opened or closed for chains, prices and accounts as they stand.

        `tally` is how many accounts are in each state, `counts` are those that a held price concerns, by
        (chain, asset), and `tallies` what guards have held back so far, by (asset, guard).
        """
        return [
            *self._chains(),
            *self._unagreed(),
            *self._sequencers(),
            *self._prices(),
            *self._held_prices(counts or {}, tallies or {}),
            *self._unknown(tally.get(AccountState.UNKNOWN, 0)),
            *self._paused(),
            *([] if is_quorum_needed else self._closed(QUORUM, "nothing needs a quorum now")),
        ]

    def shortage(self, reason: str) -> list[Entry]:
        """Return the entry for a quorum that was not reached."""
        return self._opened(
            AlertOpened(
                QUORUM,
                "critical",
                "too few attestors sign: nothing is sent",
                reason[:500],
                "look at the attestors named; each refusal says what its attestor saw",
            )
        )

    def quorum_reached(self) -> list[Entry]:
        """Return the entry for a quorum that is there again."""
        return self._closed(QUORUM, "a quorum signed")

    def _chains(self) -> list[Entry]:
        """Tell of each chain that is not live, under one key per kind of trouble, until it is in that kind no more."""
        entries: list[Entry] = []
        for name, status in self._evidence.statuses.items():
            if status.state is ChainState.CONNECTING:
                continue
            wanted = f"{CHAIN_ALERTS[status.state]}/{name}" if status.state in CHAIN_ALERTS else ""
            for kind in dict.fromkeys(CHAIN_ALERTS.values()):
                if f"{kind}/{name}" != wanted:
                    entries += self._closed(f"{kind}/{name}", f"{name} is {_words(status.state)}")
            if wanted:
                rule = RULES[status.state]
                title = f"{name} is {_words(status.state)}"
                entries += self._opened(
                    AlertOpened(wanted, rule.severity, title, status.reason[:500], rule.advice)
                )
        return entries

    def _unagreed(self) -> list[Entry]:
        """Tell where what decides something was not sent because too few endpoints agreed on it."""
        entries: list[Entry] = []
        for name in self._evidence.statuses:
            key, why = f"not_agreed/{name}", self._evidence.unagreed.get(name, "")
            if not why:
                entries += self._closed(key, f"the endpoints of {name} agree")
                continue
            title = f"{name}: too few endpoints agree on what would be sent"
            advice = (
                "look at the endpoints in `keeper status`; it ends with the next answer that enough agree on"
            )
            entries += self._opened(AlertOpened(key, "critical", title, why[:500], advice))
        return entries

    def _sequencers(self) -> list[Entry]:
        entries: list[Entry] = []
        for name, sequencer in self._evidence.sequencers.items():
            key = f"sequencer/{name}"
            if sequencer.up:
                entries += self._closed(key, f"the sequencer of {name} is up")
            else:
                entries += self._opened(
                    AlertOpened(
                        key,
                        "warning",
                        f"{name} is held: its sequencer is {sequencer.state.value.replace('_', ' ')}",
                        sequencer.reason[:500],
                        "nothing is begun there and no price read there counts; it ends by itself after the grace",
                    )
                )
        return entries

    def _prices(self) -> list[Entry]:
        missing = {
            name: price.reason
            for name, price in self._evidence.prices.prices.items()
            if price.mid_wad is None
        }
        if not missing:
            return self._closed_after_quiet(NO_PRICE, "every asset has a price")
        detail = "; ".join(f"{name}: {reason}" for name, reason in sorted(missing.items()))
        return self._opened(
            AlertOpened(
                NO_PRICE,
                "warning",
                f"no price of {', '.join(sorted(missing))}",
                detail[:500],
                "see `keeper prices --why ASSET`; accounts that hold it are held as unknown",
            )
        )

    def _held_prices(
        self, counts: Mapping[tuple[str, str], Count], tallies: Mapping[tuple[str, str], Tally]
    ) -> list[Entry]:
        """Tell each hold of a price once when it begins, and once when it is over."""
        wanted = standing(self._evidence, counts)
        entries: list[Entry] = []
        for key in sorted(key for key in self._open if key.startswith(PREFIXES) and key not in wanted):
            entries += self._closed_after_quiet(key, over(key, tallies))
        for alert in wanted.values():
            entries += self._opened(alert)
        return entries

    def _unknown(self, unknown: int) -> list[Entry]:
        if not unknown:
            self._unknown_since_ms = None
            return self._closed(UNKNOWN_ACCOUNTS, "every account is known")
        since_ms = self._unknown_since_ms = self._unknown_since_ms or self._now_ms()
        if self._now_ms() - since_ms < self._settings.risk.unknown_alert_s * 1000:
            return []
        return self._opened(
            AlertOpened(
                UNKNOWN_ACCOUNTS,
                "critical",
                "accounts have been unknown for too long",
                f"{unknown} accounts, the first since {(self._now_ms() - since_ms) // 1000} s",
                "see `keeper accounts --state unknown`: each says what evidence is missing",
            )
        )

    def _paused(self) -> list[Entry]:
        in_force = {f"{PAUSED}{pause.scope}": pause for pause in self._evidence.pauses.of}
        entries: list[Entry] = []
        for key in sorted(key for key in self._open if key.startswith(PAUSED) and key not in in_force):
            entries += self._closed(key, "resumed")
        for key, pause in in_force.items():
            title = f"{pause.scope} is paused: nothing is begun there"
            advice = "`keeper resume` lifts it"
            if key not in self._open:
                entries.append(AlertOpened(key, "warning", title, pause.reason[:500], advice))
        return entries

    def _opened(self, alert: AlertOpened) -> list[Entry]:
        if alert.dedupe_key in self._open:
            self._flutter.goes_on(alert.dedupe_key)
            self._log.observe(AlertRepeated(alert.dedupe_key))
            return []
        return [alert]

    def _closed(self, key: str, reason: str) -> list[Entry]:
        if key not in self._open:
            return []
        return [AlertClosed(key, reason)]

    def _closed_after_quiet(self, key: str, reason: str) -> list[Entry]:
        """Close an alert about prices, unless it has just been opened again and again."""
        return self._closed(key, reason) if self._flutter.may_close(key, self._now_ms()) else []


def _words(state: ChainState) -> str:
    return state.replace("_", " ")
