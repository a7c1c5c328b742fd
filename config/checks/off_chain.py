"""Sources over the internet: whether they can be asked, in time, and whether what they say could count."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from config.checks.origins import origin
from config.errors import KeyPath, Remark
from config.source_settings import (
    CcxtSourceSettings,
    HermesSourceSettings,
    HttpSourceSettings,
    OffChainSourceSettings,
    RedstoneSourceSettings,
    WsSourceSettings,
)


def check_off_chain(
    at: KeyPath, source: OffChainSourceSettings, presets: Collection[str] | None
) -> Iterator[Remark]:
    """Yield what is wrong with one source."""
    if isinstance(source, HttpSourceSettings):
        yield from _http(at, source, presets)
    elif isinstance(source, RedstoneSourceSettings):
        yield from _signers(at, source)
    elif not isinstance(source, HermesSourceSettings) and not source.symbol:
        message = f"source {source.name} has no symbol"
        yield Remark(at, "E412", message, 'name the market as the venue spells it: symbol = "ETH-USD"')
    if isinstance(source, WsSourceSettings):
        if source.silence_s > source.max_age_s:
            message = f"a dead connection shows after {source.silence_s:g} s, when every quote is too old"
            yield Remark((*at, "silence_s"), "W418", message, "set it below max_age_s")
    elif source.max_age_s < source.poll_interval_s:
        message = f"{source.max_age_s:g} s, but it is asked only every {source.poll_interval_s:g} s"
        advice = "every quote would be too old before the next: set max_age_s to some poll intervals"
        yield Remark((*at, "max_age_s"), "E415", message, advice)
    if source.timeout_s > source.max_age_s:
        message = (
            f"an answer after {source.timeout_s:g} s would be older than max_age_s, {source.max_age_s:g} s"
        )
        yield Remark((*at, "timeout_s"), "W418", message, "set it below max_age_s")


def question(source: OffChainSourceSettings) -> tuple[object, ...]:
    """Return what a source asks, by which two of one pair are known to be copies of each other."""
    where = None if source.url is None else origin(source.url)
    match source:
        case HttpSourceSettings():
            return where, source.preset, source.path, source.price_path, source.symbol
        case WsSourceSettings():
            return where, source.preset, source.symbol
        case HermesSourceSettings():
            return (source.kind, source.feed_id)
        case RedstoneSourceSettings():
            return source.kind, source.service, source.feed
        case CcxtSourceSettings():
            return source.kind, where, source.exchange, source.symbol


def _http(at: KeyPath, source: HttpSourceSettings, presets: Collection[str] | None) -> Iterator[Remark]:
    if source.preset is None:
        missing = [key for key in ("path", "price_path") if getattr(source, key) is None]
        if missing:
            message = f"source {source.name} has no preset, and no {' and no '.join(missing)}"
            advice = 'name a venue (preset = "kraken"), or say where its answer holds the price: path and price_path'
            yield Remark(at, "E410", message, advice)
        if source.time_path is not None and source.time_unit is None:
            message = f"source {source.name} has a time_path and no time_unit"
            advice = 'say in what that time is: time_unit = "s", "ms", "us", "ns" or "iso"'
            yield Remark((*at, "time_path"), "E413", message, advice)
    elif presets is not None and source.preset not in presets:
        near = get_close_matches(source.preset[:40].lower(), presets, 1)
        advice = f'did you mean "{near[0]}"? ' if near else ""
        listed = ", ".join(sorted(presets))
        yield Remark((*at, "preset"), "E411", "there is no such preset", f"{advice}there are {listed}")
    if not source.symbol and (source.path is None or "{symbol}" in source.path):
        message = f"source {source.name} has no symbol to put into its path"
        yield Remark(at, "E412", message, 'name the market as the venue spells it: symbol = "ETH-USD"')
    if (source.bid_path is None) != (source.ask_path is None):
        given = "bid_path" if source.ask_path is None else "ask_path"
        other = "ask_path" if source.ask_path is None else "bid_path"
        yield Remark((*at, given), "E431", f"it says nothing without {other}", f"add {other}, or remove it")


def _signers(at: KeyPath, source: RedstoneSourceSettings) -> Iterator[Remark]:
    distinct = len(set(source.signers))
    if distinct < len(source.signers):
        message = "a signer is named twice"
        yield Remark((*at, "signers"), "E432", message, "name each once: a second time adds no witness")
    if source.threshold > distinct:
        message = f"{source.threshold}, and only {distinct} signers are named"
        yield Remark((*at, "threshold"), "E433", message, "name more signers, or ask for fewer")
    elif 2 * source.threshold <= distinct:
        message = f"{source.threshold} of {distinct}: two answers could both have enough signatures"
        yield Remark((*at, "threshold"), "W434", message, "ask for more than half of them")
