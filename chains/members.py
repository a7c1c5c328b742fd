"""What a pool knows of each of its endpoints, and when it may be asked."""

from __future__ import annotations

import random
from dataclasses import dataclass

from chains.blocks import Head
from chains.endpoint import Endpoint
from chains.endpoint_report import Abilities, EndpointReport, Standing

REST_FIRST_S = 0.5
REST_MAX_S = 30.0
MOST_FAILURES = 10
RETURN_AFTER = 3
"""So many surveys in a row must find nothing against an endpoint before it is believed again."""


@dataclass(slots=True)
class Member:
    """An endpoint and what is known of it. Times are the event loop's.

    `failures` falls by one with each answer, so that an endpoint which fails every other time is found out too.
    """

    number: int
    endpoint: Endpoint
    verified: bool = False
    foreign: str = ""
    quarantined: str = ""
    behind: bool = False
    ahead: bool = False
    failures: int = 0
    last_failure: str = ""
    rest_until_s: float = 0.0
    clean_surveys: int = 0
    head: Head | None = None
    abilities: Abilities | None = None
    is_probe_due: bool = True
    probed_at_s: float | None = None

    @property
    def standing(self) -> Standing:
        """What the pool thinks of it now."""
        if self.foreign:
            return Standing.FOREIGN
        if self.quarantined:
            return Standing.QUARANTINED
        if self.failures:
            return Standing.DEGRADED
        if self.behind:
            return Standing.BEHIND
        return Standing.AHEAD if self.ahead else Standing.OK

    @property
    def may_be_asked(self) -> bool:
        """Whether its word counts."""
        return not self.foreign and not self.quarantined

    def order(self, now_s: float) -> tuple[bool, float, bool, bool]:
        """Return what endpoints are sorted by: the most trusted first."""
        return (self.failures > 0, max(self.rest_until_s - now_s, 0.0), self.ahead, self.behind)

    def failed(self, reason: str, now_s: float, least_rest_s: float) -> None:
        """Note a failure: it rests, twice as long each time, a little more or less so that not all come back at once."""
        rest_s = min(REST_MAX_S, REST_FIRST_S * 2**self.failures) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        self.failures = min(self.failures + 1, MOST_FAILURES)
        self.last_failure = reason
        self.rest_until_s = now_s + max(rest_s, least_rest_s)

    def answered(self) -> bool:
        """Note an answer. Returns whether that was the last that was owed."""
        if not self.failures:
            return False
        self.failures -= 1
        if not self.failures:
            self.rest_until_s = 0.0
        return not self.failures

    def contradicted(self) -> None:
        """Note that a survey found something against it."""
        self.clean_surveys = 0

    def agreed(self) -> bool:
        """Note that a survey found nothing against it. Returns whether it was out and comes back now."""
        self.clean_surveys += 1
        if self.may_be_asked or self.clean_surveys < RETURN_AFTER:
            return False
        self.quarantined = self.foreign = ""
        return True

    def report(self) -> EndpointReport:
        """Return how it stands, as a value."""
        reasons = {
            Standing.FOREIGN: self.foreign,
            Standing.QUARANTINED: self.quarantined,
            Standing.DEGRADED: self.last_failure,
            Standing.BEHIND: "its head is behind the others'",
            Standing.AHEAD: "its head is further on than the chain can be",
        }
        return EndpointReport(
            self.number,
            self.endpoint.name,
            self.standing,
            reasons.get(self.standing, ""),
            None if self.head is None else self.head.number,
            self.failures,
            self.abilities,
        )
