"""A price set as one value that can be logged, hashed and read back.

The canonical form has text, booleans and None only (integers as decimal text), so that it
is the same before and after JSON. `via` is written as the asset's name: the price it
stands for is in the same set. What most prices do not have (`holds`, `paths`) is written only where
it is. The set's id is the digest of its time and of the digest of each price's form, so that
one price that changes is one form to digest; it is not part of the form.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import fields

from config.canonical import digest
from oracles.price import FailureKind, Hold, Path, Price, PriceSet, PriceStatus, Quote, QuoteFailure, QuoteUse

_PRICE_NUMBERS = ("low_wad", "mid_wad", "high_wad", "oldest_ms")
_PRICE_KEYS = {"status", "reason", "uses", "via", *_PRICE_NUMBERS}
_OPTIONAL_KEYS = frozenset({"holds", "paths"})
_FIELDS = {kind: tuple(field.name for field in fields(kind)) for kind in (Quote, QuoteFailure, Hold, Path)}
_QUOTE_KEYS, _FAILURE_KEYS, _HOLD_KEYS, _PATH_KEYS = map(set, _FIELDS.values())
_PATH_NUMBERS = ("low_wad", "mid_wad", "high_wad")


def price_set(
    as_of_ms: int, prices: Mapping[str, Price], digests: MutableMapping[str, str] | None = None
) -> PriceSet:
    """Return the set of `prices` as of `as_of_ms`, named by its digest.

    `digests` keeps the digests of single prices from one call to the next; whoever replaces a
    price removes its digest. Raises ``ValueError`` as `canonical` does.
    """
    known = {} if digests is None else digests
    for asset in prices.keys() - known.keys():
        known[asset] = digest(_price_form(prices[asset], prices))
    names = {asset: known[asset] for asset in prices}
    return PriceSet(digest({"as_of_ms": as_of_ms, "prices": names}), as_of_ms, dict(prices))


def canonical(prices: PriceSet) -> dict[str, object]:
    """Return the canonical form of a price set, without its id.

    Raises ``ValueError`` if a price was multiplied by one that is not the set's own.
    """
    return _form(prices.as_of_ms, prices.prices)


def from_canonical(form: object) -> PriceSet:
    """Return the price set that `form` (or what JSON made of it) stands for, its id computed anew.

    Raises ``ValueError`` for anything that `canonical` does not write.
    """
    table = _table(form, {"as_of_ms", "prices"})
    rows = _table(table["prices"])
    prices: dict[str, Price] = {}
    for asset in rows:
        _read_price(asset, rows, prices, set())
    ordered = {asset: prices[asset] for asset in rows}
    return price_set(_number(table["as_of_ms"]), ordered)


def _form(as_of_ms: int, prices: Mapping[str, Price]) -> dict[str, object]:
    return {
        "as_of_ms": str(as_of_ms),
        "prices": {asset: _price_form(price, prices) for asset, price in sorted(prices.items())},
    }


def _price_form(price: Price, prices: Mapping[str, Price]) -> dict[str, object]:
    if price.via is not None and prices.get(price.via.asset) != price.via:
        message = f"{price.asset} was multiplied by a price of {price.via.asset} that is not in its set"
        raise ValueError(message)
    numbers = {name: _text(getattr(price, name)) for name in _PRICE_NUMBERS}
    form: dict[str, object] = {
        "status": str(price.status),
        "reason": price.reason,
        **numbers,
        "uses": [{"used": use.used, "reason": use.reason, **_answer_form(use.quote)} for use in price.uses],
        "via": None if price.via is None else price.via.asset,
    }
    if price.holds:
        form["holds"] = [_texts(hold) for hold in price.holds]
    if price.paths:
        form["paths"] = [{**_texts(path), "pairs": list(path.pairs)} for path in price.paths]
    return form


def _answer_form(answer: Quote | QuoteFailure) -> dict[str, object]:
    return {"quote" if isinstance(answer, Quote) else "failure": _texts(answer)}


def _texts(record: Quote | QuoteFailure | Hold | Path) -> dict[str, object]:
    texts: dict[str, object] = {}
    for name in _FIELDS[type(record)]:
        value = getattr(record, name)
        texts[name] = str(value) if type(value) is int else value
    return texts


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _read_price(asset: str, rows: Mapping[str, object], done: dict[str, Price], open_: set[str]) -> Price:
    if asset in done:
        return done[asset]
    if asset not in rows or asset in open_:
        message = f"{asset} is multiplied in but has no price of its own in the set"
        raise ValueError(message)
    row = _table(rows[asset], _PRICE_KEYS, optional=_OPTIONAL_KEYS)
    holds, paths = (_list(row.get(key, ())) for key in ("holds", "paths"))
    if ("holds" in row and not holds) or ("paths" in row and not paths):
        message = f"{asset} is held by nothing, or came by no path"
        raise ValueError(message)
    via = row["via"]
    numbers = {name: None if row[name] is None else _number(row[name]) for name in _PRICE_NUMBERS}
    done[asset] = Price(
        asset=asset,
        status=PriceStatus(_string(row["status"])),
        reason=_string(row["reason"]),
        uses=tuple(_read_use(use) for use in _list(row["uses"])),
        via=None if via is None else _read_price(_string(via), rows, done, open_ | {asset}),
        holds=tuple(_read_hold(hold) for hold in holds),
        paths=tuple(_read_path(path) for path in paths),
        **numbers,
    )
    return done[asset]


def _read_use(form: object) -> QuoteUse:
    table = _table(form)
    used = _flag(table.get("used"))
    if table.keys() == {"used", "reason", "quote"}:
        return QuoteUse(_read_quote(table["quote"]), used, _string(table["reason"]))
    return QuoteUse(
        _read_failure(_table(form, {"used", "reason", "failure"})["failure"]), used, _string(table["reason"])
    )


def _read_quote(form: object) -> Quote:
    row = _table(form, _QUOTE_KEYS)
    source_time = row["source_time_ms"]
    return Quote(
        source=_string(row["source"]),
        group=_string(row["group"]),
        pair=_string(row["pair"]),
        weight=_number(row["weight"]),
        value_wad=_number(row["value_wad"]),
        confidence_wad=_number(row["confidence_wad"]),
        source_time_ms=None if source_time is None else _number(source_time),
        received_at_ms=_number(row["received_at_ms"]),
        changed_at_ms=_number(row["changed_at_ms"]),
    )


def _read_failure(form: object) -> QuoteFailure:
    row = _table(form, _FAILURE_KEYS)
    return QuoteFailure(
        source=_string(row["source"]),
        group=_string(row["group"]),
        pair=_string(row["pair"]),
        kind=FailureKind(_string(row["kind"])),
        detail=_string(row["detail"]),
        at_ms=_number(row["at_ms"]),
    )


def _read_hold(form: object) -> Hold:
    row = _table(form, _HOLD_KEYS)
    return Hold(
        guard=_string(row["guard"]),
        detail=_string(row["detail"]),
        since_ms=_number(row["since_ms"]),
        until_ms=_number(row["until_ms"]),
    )


def _read_path(form: object) -> Path:
    row = _table(form, _PATH_KEYS)
    low, mid, high = (None if row[name] is None else _number(row[name]) for name in _PATH_NUMBERS)
    return Path(
        pairs=tuple(_string(pair) for pair in _list(row["pairs"])),
        taken=_flag(row["taken"]),
        groups=_number(row["groups"]),
        low_wad=low,
        mid_wad=mid,
        high_wad=high,
        reason=_string(row["reason"]),
    )


def _table(
    form: object, keys: set[str] | None = None, optional: frozenset[str] = frozenset()
) -> Mapping[str, object]:
    if not isinstance(form, Mapping) or (keys is not None and form.keys() - optional != keys):
        message = f"not a table of {sorted(keys)}" if keys else "not a table"
        raise ValueError(message)
    return form


def _list(form: object) -> Sequence[object]:
    if isinstance(form, str) or not isinstance(form, Sequence):
        message = "not a list"
        raise ValueError(message)  # noqa: TRY004 - a form that can not be read is one kind of error
    return form


def _flag(form: object) -> bool:
    if not isinstance(form, bool):
        message = f"{type(form).__name__} instead of true or false"
        raise ValueError(message)  # noqa: TRY004 - as above
    return form


def _string(form: object) -> str:
    if not isinstance(form, str):
        message = f"{type(form).__name__} instead of text"
        raise ValueError(message)  # noqa: TRY004 - as above
    return form


def _number(form: object) -> int:
    text = _string(form)
    if str(int(text)) != text:
        message = f"{text!r} is not how an integer is written"
        raise ValueError(message)
    return int(text)
