"""The types of single settings: what one value may be, and what is said when it is not.

Each reader refuses with a code of `config.codes`, a message and an advice, and none of
them shows a value that may be a secret. What two values must agree on is `config.checks`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from ipaddress import ip_address
from math import isfinite
from pathlib import Path
from typing import Annotated, LiteralString
from urllib.parse import SplitResult, urlsplit

from eth_utils import is_checksum_address, is_hex_address, to_checksum_address
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo
from pydantic_core import PydanticCustomError

from config.secrets import SecretUrl
from config.shown import value_text
from config.units import BPS, format_decimal, parse_wad

BASE_DIRECTORY = "base_directory"
"""Key of the validation context: the directory that relative paths start from."""

INT64_MAX = 2**63 - 1
WEI_MAX = 2**128

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_ASSET = re.compile(r"[A-Za-z][A-Za-z0-9]{0,15}")
_HASH = re.compile(r"0x[0-9a-f]{64}")
_SYMBOL = re.compile(r"[A-Za-z0-9._:/-]{0,40}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?")
_KNOWN_SCHEMES = frozenset({"http", "https", "ws", "wss", "file", "ftp", "ipc", "tcp", "unix"})


def refusal(code: LiteralString, message: str, advice: str) -> PydanticCustomError:
    """Return the error of a value: `config.refused` turns it into a finding with `code`."""
    return PydanticCustomError(code, "{message} -> {advice}", {"message": message, "advice": advice})


def _text(value: object, what: str, example: str) -> str:
    if isinstance(value, str):
        return value
    raise refusal(
        "E103", f"{what} is text, and this is {value_text(value)}", f'write it in quotes: "{example}"'
    )


def _read_wad(value: object) -> int:
    if isinstance(value, bool):
        raise refusal("E105", f"{value_text(value)} is not a number", 'write a number in quotes: "1.05"')
    if isinstance(value, int | float):
        if not isfinite(value):
            raise refusal("E108", f"{value_text(value)} is not a number to reckon with", 'write it: "1.05"')
        exact = f"{Decimal(repr(value)):f}" if abs(value) < INT64_MAX else "1.05"
        raise refusal(
            "E107",
            "money, prices and ratios are text, because a number in TOML is a float and not exact",
            f'write it in quotes: "{exact}"',
        )
    text = _text(value, "a price or ratio", "1.05")
    try:
        return parse_wad(text)
    except ValueError:
        advice = (
            'write digits with one point, at most 18 places: "1.05" (no sign, unit, comma, exponent or space)'
        )
        raise refusal("E110", f"{value_text(text)} is not a plain decimal number", advice) from None


def _read_address(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        raise refusal("E111", "without quotes TOML reads 0x... as a number", 'write it in quotes: "0x..."')
    text = _text(value, "an address", "0x...")
    if not text.startswith("0x") or not is_hex_address(text):
        digits = len(text.removeprefix("0x"))
        message = f"not an address: it has {digits} characters after 0x, or others than hex digits"
        raise refusal("E112", message, "an address is 0x and 40 hex digits; copy it again, whole")
    if text != text.lower() and not is_checksum_address(text):
        advice = (
            f"copy it again from where it is safe; only if it is right, write {to_checksum_address(text)}"
        )
        raise refusal("E113", "wrong checksum: a character is wrong, or capitals were changed", advice)
    if int(text, 16) == 0:
        raise refusal(
            "E114", "the zero address can not be meant here", "write the contract's or key's address"
        )
    return to_checksum_address(text)


def _read_hash(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        raise refusal("E111", "without quotes TOML reads 0x... as a number", 'write it in quotes: "0x..."')
    text = _text(value, "a hash", "0x...")
    if not _HASH.fullmatch(text.lower()):
        raise refusal(
            "E115", "not a block hash", "write 0x and 64 hex digits: the hash of block 0 of this chain"
        )
    return text.lower()


def _check_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        advice = "a name starts with a letter and has at most 32 letters, digits, - and _"
        raise refusal("E116", f"{value_text(text)} is not a name", advice)
    return text


def _check_asset(text: str) -> str:
    if not _ASSET.fullmatch(text):
        advice = 'an asset is named with at most 16 letters and digits: "ETH"'
        raise refusal("E116", f"{value_text(text)} is not an asset's name", advice)
    return text


def _check_pair(text: str) -> str:
    if not all(_ASSET.fullmatch(part) for part in text.split("/")) or text.count("/") != 1:
        advice = 'write base/quote with one slash: "ETH/USD"; the venue\'s own spelling goes into symbol'
        raise refusal("E118", f"{value_text(text)} is not a pair", advice)
    return text


def _check_symbol(text: str) -> str:
    if not _SYMBOL.fullmatch(text):
        advice = "write the market as the venue spells it: at most 40 letters, digits and . _ : / -"
        raise refusal("E116", f"{value_text(text)} is not a symbol", advice)
    return text


def _check_http_path(text: str) -> str:
    if not text.startswith("/") or not text.isascii() or not text.isprintable() or " " in text:
        advice = 'start it with a slash, without spaces: "/v1/ticker/{symbol}"; scheme and host go into url'
        raise refusal("E127", "not a path of a URL", advice)
    return text


def _read_http_url(value: object) -> SecretUrl:
    return _read_url(value, ("http", "https"))


def _read_ws_url(value: object) -> SecretUrl:
    return _read_url(value, ("ws", "wss"))


def _read_url(value: object, schemes: tuple[str, str]) -> SecretUrl:
    plain, safe = schemes
    text = _text(value, "a URL", f"{safe}://...")
    form = f"write {safe}://host/path, or {plain}://127.0.0.1:port for this machine"
    if not text.isascii() or not text.isprintable() or " " in text:
        message = "a URL has no spaces, control characters or letters beyond ASCII"
        raise refusal("E119", message, "copy it again; percent-encode what is not ASCII")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise refusal("E119", "not a URL: the host's brackets do not fit", form) from None
    if parts.scheme not in schemes or "://" not in text:
        said = f"{parts.scheme}:// is not spoken here" if parts.scheme in _KNOWN_SCHEMES else "no scheme"
        raise refusal("E120", f"{said}: it must be {plain}:// or {safe}://", form)
    if not _is_host(parts):
        raise refusal("E119", "not a URL: it names no host", form)
    _check_port(parts)
    return SecretUrl(text)


def _is_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if ":" not in host:
        return bool(_HOST.fullmatch(host))
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _check_port(parts: SplitResult) -> None:
    try:
        wrong = parts.port == 0
    except ValueError:
        wrong = True
    if wrong:
        raise refusal("E121", "the port of the URL is not one", "a port is a number from 1 to 65535")


def _read_path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        return value
    text = _text(value, "a path", "keys/keeper.key")
    if text.startswith("~"):
        advice = "write the path out, or relative to the directory of this file"
        raise refusal("E122", "~ is not expanded: whose home it means depends on who runs this", advice)
    if not text.isprintable() or text.endswith("/") or text.rpartition("/")[2] in {"", ".", ".."}:
        raise refusal("E123", "not the path of a file", "name the file, not its directory")
    base = (info.context or {}).get(BASE_DIRECTORY)
    return Path(text) if base is None else Path(base) / text


def _wad_text(value: int) -> str:
    return format_decimal(value, 18)


Wad = Annotated[int, BeforeValidator(_read_wad), PlainSerializer(_wad_text)]
Bps = Annotated[int, Field(ge=0, le=BPS, strict=True)]
LiabilityBps = Annotated[int, Field(ge=BPS, le=50_000, strict=True)]
UpliftBps = Annotated[int, Field(ge=0, le=100_000, strict=True)]
Seconds = Annotated[float, Field(gt=0, le=86_400 * 366, allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(ge=0, le=INT64_MAX, strict=True)]
Positive = Annotated[int, Field(ge=1, le=INT64_MAX, strict=True)]
Kept = Annotated[int, Field(ge=1_000, le=100_000_000, strict=True)]
Decimals = Annotated[int, Field(ge=0, le=36, strict=True)]
InFlight = Annotated[int, Field(ge=1, le=64, strict=True)]
Wei = Annotated[int, Field(ge=0, le=WEI_MAX, strict=True)]
PositiveWei = Annotated[int, Field(ge=1, le=WEI_MAX, strict=True)]
Port = Annotated[int, Field(ge=0, le=65_535, strict=True)]
Address = Annotated[str, BeforeValidator(_read_address)]
Hash32 = Annotated[str, BeforeValidator(_read_hash)]
Url = Annotated[SecretUrl, BeforeValidator(_read_http_url), PlainSerializer(str)]
WsUrl = Annotated[SecretUrl, BeforeValidator(_read_ws_url), PlainSerializer(str)]
FilePath = Annotated[Path, BeforeValidator(_read_path)]
HttpPath = Annotated[str, AfterValidator(_check_http_path)]
JsonPath = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, AfterValidator(_check_name)]
AssetName = Annotated[str, AfterValidator(_check_asset)]
Pair = Annotated[str, AfterValidator(_check_pair)]
Symbol = Annotated[str, AfterValidator(_check_symbol)]
