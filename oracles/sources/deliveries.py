"""From settings to running sources: who shares a request or a connection, and what may live on after a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TypeVar

import aiohttp

from config.source_settings import (
    CcxtSourceSettings,
    HermesSourceSettings,
    HttpSourceSettings,
    OffChainSourceSettings,
    RedstoneSourceSettings,
    SourceSettings,
    WsSourceSettings,
)
from oracles.sources.ccxt_exchange import CcxtBatch
from oracles.sources.delivery import Alone, Delivery, Polling
from oracles.sources.hermes import HermesBatch
from oracles.sources.http import HttpSource
from oracles.sources.redstone import RedstoneBatch
from oracles.sources.ws import WsConnection

_Settings = TypeVar("_Settings", bound=OffChainSourceSettings)
Group = tuple[OffChainSourceSettings, ...]
"""The settings that one delivery serves."""


class Deliveries:
    """Makes deliveries, and goes on with those that serve the same settings as before."""

    def __init__(self, session: aiohttp.ClientSession, now_ms: Callable[[], int], random: Random) -> None:
        self._session = session
        self._now_ms = now_ms
        self._random = random

    def of(
        self, sources: Sequence[SourceSettings], before: Mapping[Group, Delivery] | None = None
    ) -> dict[Group, Delivery]:
        """Return what delivers for all off-chain `sources`: from `before` where nothing changed, new ones elsewhere.

        Raises ``ValueError`` for settings that can not be used. Nothing is opened before a delivery's first step.
        """
        known = before or {}
        return {group: known.get(group) or self._make(group) for group in _groups(sources)}

    def _make(self, group: Group) -> Delivery:
        first = group[0]
        match first:
            case HttpSourceSettings():
                return Polling(Alone(HttpSource(first, self._session, self._now_ms)), self._random)
            case WsSourceSettings():
                return WsConnection(_all(group, WsSourceSettings), self._session, self._now_ms, self._random)
            case HermesSourceSettings():
                feeds = _all(group, HermesSourceSettings)
                return Polling(HermesBatch(feeds, self._session, self._now_ms), self._random)
            case RedstoneSourceSettings():
                packages = _all(group, RedstoneSourceSettings)
                return Polling(RedstoneBatch(packages, self._session, self._now_ms), self._random)
            case CcxtSourceSettings():
                return Polling(CcxtBatch(_all(group, CcxtSourceSettings), self._now_ms), self._random)


def _groups(sources: Sequence[SourceSettings]) -> list[Group]:
    """Return the off-chain sources, those together that share an address."""
    groups: dict[tuple[object, ...], list[OffChainSourceSettings]] = {}
    for source in sources:
        if isinstance(source, OffChainSourceSettings):
            groups.setdefault(_shares(source), []).append(source)
    return [tuple(group) for group in groups.values()]


def _shares(source: OffChainSourceSettings) -> tuple[object, ...]:
    match source:
        case HttpSourceSettings():
            return source.kind, source.name
        case WsSourceSettings():
            return source.kind, source.preset, source.url.reveal()
        case HermesSourceSettings():
            return source.kind, source.url.reveal(), source.token_file
        case RedstoneSourceSettings():
            return source.kind, source.url.reveal(), source.service
        case CcxtSourceSettings():
            return source.kind, source.exchange, None if source.url is None else source.url.reveal()


def _all(group: Group, kind: type[_Settings]) -> list[_Settings]:
    return [each for each in group if isinstance(each, kind)]
