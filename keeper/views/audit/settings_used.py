"""The configuration that was in force at each entry, as far as the checks need it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keeper.views.audit.journal import LoggedEntry

DEFAULT_THRESHOLD = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Spending limits, wei."""

    max_per_transaction_wei: int
    max_per_hour_wei: int
    max_per_day_wei: int


class SettingsUsed:
    """Follows which configuration a run used. Give it every entry before the auditors that ask it."""

    def __init__(self) -> None:
        self._texts: dict[str, Mapping[str, Any]] = {}
        self._current: Mapping[str, Any] = {}

    def take(self, entry: LoggedEntry) -> None:
        """Note a configuration, or that a run uses one."""
        if entry.kind == "config_used":
            self._texts[entry.body["digest"]] = self._current = _settings(entry.body["text"])
        elif entry.kind == "run_started":
            self._current = self._texts.get(entry.body["config_digest"], self._current)

    @property
    def threshold(self) -> int:
        """How many signatures a hub demands."""
        return int((self._current.get("attestation") or {}).get("threshold", DEFAULT_THRESHOLD))

    def attestor(self, name: str) -> str | None:
        """Return the address of the attestor of this name, None if it is not configured."""
        for peer in (self._current.get("attestation") or {}).get("attestors", ()):
            if peer["name"] == name:
                return str(peer["address"])
        return None

    @property
    def limits(self) -> Limits | None:
        """The spending limits, None while no configuration is known."""
        spending = self._current.get("spending")
        if not spending:
            return None
        return Limits(*(int(spending[name]) for name in Limits.__slots__))

    def asset(self, asset: str) -> Mapping[str, Any]:
        """Return the section of one asset, empty if unknown."""
        section: Mapping[str, Any] = self._current.get("assets", {}).get(asset, {})
        return section

    def max_age_ms(self, source: str) -> int | None:
        """Return how old a quote of this source may be, None if it is not configured."""
        for section in self._current.get("sources", ()):
            if section["name"] == source:
                return round(float(section["max_age_s"]) * 1000)
        return None

    @property
    def price_band_bps(self) -> int:
        """How far an attested price may be from the reference price."""
        return int(self._current.get("risk", {}).get("price_band_bps", 0))


def _settings(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
