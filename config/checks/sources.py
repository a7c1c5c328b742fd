"""Sources: what they price, whether they can be asked, and whether they are as independent as they say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from config.checks import on_chain
from config.checks.off_chain import check_off_chain, question
from config.checks.on_chain import check_on_chain, check_sequencer_feeds
from config.checks.origins import is_loopback, origin
from config.errors import KeyPath, Remark
from config.pairs import UNIT, edge_of, units_of
from config.settings import Settings
from config.source_settings import OffChainSourceSettings, OnChainSourceSettings, SourceSettings


def check_sources(settings: Settings, presets: Collection[str] | None) -> Iterator[Remark]:
    """Yield what is wrong with each source and among the sources of one pair."""
    names: dict[str, int] = {}
    for number, source in enumerate(settings.sources):
        at = ("sources", number)
        if names.setdefault(source.name, number) != number:
            message = f"{source.name} is already the name of sources[{names[source.name]}]"
            yield Remark(
                (*at, "name"), "E401", message, "give each source its own name; the log tells them by it"
            )
        yield from _pair(at, source, settings)
        if isinstance(source, OnChainSourceSettings):
            yield from check_on_chain(at, source, settings)
        else:
            yield from check_off_chain(at, source, presets)
    yield from check_sequencer_feeds(settings)
    yield from _copies(settings)
    yield from _shared_hosts(settings)


def _pair(at: KeyPath, source: SourceSettings, settings: Settings) -> Iterator[Remark]:
    edge = edge_of(source.pair, settings.assets)
    base, _, quote = source.pair.partition("/")
    name, unit = (quote, base) if base == UNIT else (base, quote)
    asset = settings.assets.get(name)
    if edge is not None:
        if source.kind == "erc4626" and source.pair != edge.pair:
            message = f"{source.pair} is the wrong way round: a vault says what its share is worth"
            yield Remark((*at, "pair"), "E403", message, f'write pair = "{edge.pair}"')
    elif asset is None:
        near = get_close_matches(name, list(settings.assets), 1)
        like = source.pair.replace(name, near[0]) if near else ""
        advice = f"did you mean {like}?" if near else f"add [assets.{name}], or remove the source"
        yield Remark((*at, "pair"), "E402", f"there is no asset {name}", advice)
    else:
        units = " and ".join(units_of(asset))
        message = f"{source.pair} does not multiply out: {name} is priced in {units}"
        advice = (
            f"a market for {name}/{asset.priced_in} is needed, or {unit} as a unit of {name}: "
            f'priced_in = "{unit}", or also_priced_in = ["{unit}"] for one more path, in [assets.{name}]'
        )
        yield Remark((*at, "pair"), "E403", message, advice)


def _copies(settings: Settings) -> Iterator[Remark]:
    seen: dict[tuple[object, ...], str] = {}
    for number, source in enumerate(settings.sources):
        asked = on_chain.question(source) if isinstance(source, OnChainSourceSettings) else question(source)
        if (other := seen.setdefault((source.pair, *asked), source.name)) != source.name:
            message = f"{source.name} asks the same as {other}: one answer would count twice"
            yield Remark(
                ("sources", number), "E416", message, "remove one, or correct what it was copied from"
            )


def _shared_hosts(settings: Settings) -> Iterator[Remark]:
    groups: dict[tuple[str, str], str] = {}
    for number, source in enumerate(settings.sources):
        if isinstance(source, OffChainSourceSettings) and source.url and not is_loopback(source.url):
            group = groups.setdefault((source.pair, origin(source.url).host), source.group)
            if group != source.group:
                message = (
                    f"the same host answers for {source.pair} in group {group}: they are not independent"
                )
                yield Remark(
                    ("sources", number, "group"), "W417", message, f'write group = "{group}" here too'
                )
