from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD, format_decimal
from oracles.price import FailureKind
from oracles.sources.json_answer import NumberText, TimeUnit, parse_json, price_wad, time_ms, walk
from oracles.sources.origin import BadAnswer

EPOCH_MS = 1_700_000_000_123


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3000.10", 3_000_100_000_000_000_000_000),
        ("0.1", 10**17),
        ("1", WAD),
        ("1e-7", 10**11),
        ("2.5E+3", 2_500 * WAD),
        ("0.000000000000000001", 1),
        ("1.0000000000000000019", WAD + 1),
        ("999999999999999999", (10**18 - 1) * WAD),
    ],
)
def test_a_decimal_is_read_exactly_and_cut_at_18_places(text: str, expected: int) -> None:
    assert expected == price_wad(text)
    assert expected == price_wad(walk(parse_json(b'{"p":%s}' % text.encode()), "p"))


@given(st.integers(1, 10**36))
def test_every_wad_comes_back_from_its_decimal_text(wad: int) -> None:
    assert wad == price_wad(format_decimal(wad, 18))


@given(st.decimals(min_value="1e-17", max_value="1e17", allow_nan=False, allow_infinity=False, places=17))
def test_a_number_never_passes_through_a_float(number: Decimal) -> None:
    body = json.dumps({"p": "%s"}).replace('"%s"', f"{number:f}").encode()
    assert int(number * WAD) == price_wad(walk(parse_json(body), "p"))


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "0.0",
        "-1",
        "+1",
        "-0",
        "NaN",
        "nan",
        "Infinity",
        "inf",
        "1,000",
        "1_000",
        "1 000",
        " 1",
        "1\n",
        "",
        ".5",
        "5.",
        "007",
        "0x10",
        "1e400",
        "1e31",
        "1e-31",
        "1e19",
        "1e999999999",
        "0.0000000000000000001",
        "١٢٣",
        "１２",  # noqa: RUF001 - other digits are the case
        "1" * 37,
        "0." + "1" * 36,
        "1000000000000000001",
        "$5",
    ],
)
def test_what_is_not_a_plain_positive_decimal_is_not_a_price(text: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        price_wad(text)
    assert caught.value.kind is FailureKind.NOT_A_PRICE


@pytest.mark.parametrize("value", [None, True, False, [], ["1"], {}, {"p": "1"}, 1, 1.5])
def test_only_text_and_numbers_as_text_are_prices(value: object) -> None:
    with pytest.raises(BadAnswer):
        price_wad(value)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        ("1700000000.123", "s"),
        (NumberText("1700000000123"), "ms"),
        ("1700000000123999", "us"),
        ("1700000000123999999", "ns"),
        ("2023-11-14T22:13:20.123Z", "iso"),
        ("2023-11-14T22:13:20.123999+00:00", "iso"),
        ("2023-11-15T00:13:20.123456789+02:00", "iso"),
    ],
)
def test_times_of_all_units_are_milliseconds_rounded_down(value: str, unit: TimeUnit) -> None:
    assert time_ms(value, unit) == EPOCH_MS


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (None, "ms"),
        (True, "ms"),
        ("-1", "ms"),
        ("yesterday", "iso"),
        ("2023-11-14T22:13:20", "iso"),
        (None, "iso"),
        ("", "iso"),
        ("2023-11-14T22:13:20Z", "ms"),
        ("1700000000123000000", "ms"),
        ("1e30", "s"),
    ],
)
def test_what_is_not_a_time_is_malformed(value: object, unit: TimeUnit) -> None:
    with pytest.raises(BadAnswer) as caught:
        time_ms(value, unit)
    assert caught.value.kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"<html>",
        b'{"p":1}{"p":2}',
        b'{"p":1,"p":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"p":NaN}',
        b'{"p":-Infinity}',
        b'{"p":\xff}',
        b"\xef\xbb\xbf{}",
        b"{'p':1}",
        b'{"p":01}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_what_is_not_json_by_the_letter_is_malformed(body: bytes) -> None:
    with pytest.raises(BadAnswer) as caught:
        parse_json(body)
    assert caught.value.kind is FailureKind.MALFORMED


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_a_bad_answer(body: bytes) -> None:
    with suppress(BadAnswer):
        parse_json(body)


def test_brackets_in_text_and_beside_each_other_are_not_depth() -> None:
    flat = [{"text": '[[[{"\\' + "[" * 200}, *([[]] * 200)]
    assert flat == parse_json(json.dumps(flat).encode())


def test_the_depth_of_a_hostile_body_is_known_in_linear_time() -> None:
    with pytest.raises(BadAnswer):
        parse_json(b'["' + b'\\"' * 100_000 + b"[" * 100)
    with pytest.raises(BadAnswer):
        parse_json(b"[]" * 100_000)


ANSWER = {"list": [{"p": "1"}, {"p": "2"}], "result": {"XXBTZUSD": {"c": ["3"]}, "last": "9"}}


@pytest.mark.parametrize(("path", "expected"), [("list.1.p", "2"), ("result.*.c.0", "3"), ("", ANSWER)])
def test_a_path_leads_to_a_value(path: str, expected: object) -> None:
    assert expected == walk(ANSWER, path)


@pytest.mark.parametrize(
    "path", ["none", "list.2.p", "list.-1.p", "list.x", "list.0.p.0", "*.c", "list.*", "list.¹"]
)
def test_a_path_that_leads_nowhere_is_malformed(path: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        walk(ANSWER, path)
    assert caught.value.kind is FailureKind.MALFORMED
