"""The configuration that was in force at each entry, as far as the checks need it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keeper.views.audit.journal import LoggedEntry

_NO_QUORUM = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Spending limits, wei."""

    max_per_transaction_wei: int
    max_per_hour_wei: int
    max_per_day_wei: int
    max_per_target_per_day_wei: int | None = None


@dataclass(frozen=True, slots=True)
class InForce:
    """One configuration, as it was logged."""

    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def threshold(self) -> int:
        """How many signatures a hub demands."""
        return int(self._attestation.get("threshold", _NO_QUORUM))

    def attestor(self, name: str) -> str | None:
        """Return the address of the attestor of this name, None if it is not configured."""
        for peer in self._attestation.get("attestors", ()):
            if peer["name"] == name:
                return str(peer["address"])
        return None

    @property
    def limits(self) -> Limits | None:
        """The spending limits, None while no configuration is known."""
        spending = self.values.get("spending")
        if not spending:
            return None
        given = {name: spending.get(name) for name in Limits.__slots__}
        return Limits(**{name: int(value) for name, value in given.items() if value is not None})

    def quorum(self, asset: str) -> tuple[int, int]:
        """Return how many sources and how many groups of them a price of this asset needs."""
        section = self.values.get("assets", {}).get(asset, {})
        return int(section.get("min_sources", _NO_QUORUM)), int(section.get("min_groups", _NO_QUORUM))

    def max_age_ms(self, source: str) -> int | None:
        """Return how old a quote of this source may be, None if it is not configured."""
        for section in self.values.get("sources", ()):
            if section["name"] == source:
                return round(float(section["max_age_s"]) * 1000)
        return None

    @property
    def _attestation(self) -> Mapping[str, Any]:
        return self.values.get("attestation") or {}


class SettingsUsed:
    """Follows which configuration a run used. Give it every entry before the auditors that ask it."""

    def __init__(self) -> None:
        self._known: dict[str, InForce] = {}
        self.current = InForce()

    def take(self, entry: LoggedEntry) -> None:
        """Note a configuration, or that a run uses one."""
        if entry.kind == "config_used":
            self._known[entry.body["digest"]] = self.current = InForce(_values(entry.body["text"]))
        elif entry.kind == "run_started":
            self.current = self._known.get(entry.body["config_digest"], self.current)


def _values(text: str) -> Mapping[str, Any]:
    try:
        values = json.loads(text)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
