"""What may be a secret is never shown, wherever in the file it stands."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.loader import examine, load
from config.pasted import bip39_words
from config.secrets import SecretUrl
from config.shown import key_text, value_text

Place = Callable[[str], Path]

BROKEN = Path(__file__).parent / "broken"
KEY = "8da4ef21b864d2cc526dbdb2a120bd2874c36c9d0a1fb7f8c63d7f7a8b41de8f"
WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"
CANARY = "CANARY7f3a"

SMALL = (BROKEN / "w319_placeholder.toml").read_text().replace("<- W319", "")
URL = "https://alpha.nodes.test"

SECRET_URLS = [
    f"https://user:{CANARY}@alpha.nodes.test",
    f"https://{CANARY}:x@alpha.nodes.test/",
    f"https://alpha.nodes.test/v1/{CANARY}",
    f"https://alpha.nodes.test/?key={CANARY}",
    f"http://user:{CANARY}@alpha.example:8545/{CANARY}",
    f"https://user:{CANARY}@alpha.nodes.test:99999/{CANARY}",
    f"https://user:{CANARY}@alpha.nodes.test:port/{CANARY}",
    f"https://user:{CANARY}@[::1/{CANARY}",
    f"ftp://user:{CANARY}@alpha.nodes.test/{CANARY}",
    f"alpha.nodes.test/{CANARY}",
    f"user:{CANARY}@alpha.nodes.test",
    f"{CANARY}://alpha.nodes.test",
    f"https:///{CANARY}",
    f"https://alpha.nodes.test/ {CANARY}",
    f"https://alpha.nodes.test/${{{CANARY}}}",
]


def everything_said(path: Path) -> str:
    try:
        load(path, ["coinbase"])
    except ConfigError as error:
        said = [*traceback.format_exception(error), repr(error), repr(error.findings), repr(error.args)]
    else:
        said = []
    examination = examine(path, ["coinbase"])
    return "\n".join([*said, repr(examination), *map(str, examination.findings)])


@pytest.mark.parametrize("url", SECRET_URLS)
def test_no_part_of_a_url_that_may_be_a_key_is_shown(url: str, place: Place) -> None:
    text = SMALL.replace(URL, url)
    same_node = f'[[chains.alpha.endpoints]]\nurl = "{url}"\n\n[[chains.alpha.tokens]]'

    assert CANARY not in everything_said(place(text))
    assert CANARY not in everything_said(place(text.replace("[[chains.alpha.tokens]]", same_node, 1)))


@pytest.mark.parametrize("url", SECRET_URLS)
def test_a_secret_url_shows_its_host_at_most(url: str) -> None:
    shown = f"{SecretUrl(url)} {SecretUrl(url)!r} {[SecretUrl(url)]}"

    assert "***" in shown
    assert CANARY not in shown.replace(f"{CANARY.lower()}://", "")


def test_a_secret_url_keeps_an_address_in_brackets() -> None:
    assert "http://[::1]:8545/***" == str(SecretUrl("http://[::1]:8545/key"))


@pytest.mark.parametrize("secret", [KEY, f"0x{KEY}", KEY.upper(), f"0x{KEY}{KEY}", WORDS, WORDS.upper()])
@pytest.mark.parametrize(
    "place_of_it",
    [
        'state_log = "{}"',
        'name = "{}"',
        'mode = "{}"',
        "# {}",
        '# key = "{}"',
        'unknown = "{}"',
        '"{}" = 1',
        'private_key = "{}"',
        "[risk]\ntarget_health = '{}'",
        "[chains.beta]\nchain_id = '{}'\nhub = '{}'",
        "[[chains.alpha.endpoints]]\nurl = '{}'",
        "[[chains.alpha.endpoints]]\ntimeout_s = '{}'",
        "[[sources]]\nkind = '{}'",
        "[[sources]]\nkind = 'http'\npreset = '{}'\nsymbol = '{}'\nprice_path = '{}'",
        "[signers.sender]\nkey_file = '{}'",
        "[signers.sender]\nkeystore = '''\n{}'''",
        "[signers.sender]\naddress = '{}'",
        "[signers.'{}']\naddress = 'x'",
    ],
)
def test_a_key_or_mnemonic_is_refused_and_not_shown_wherever_it_stands(
    secret: str, place_of_it: str, place: Place
) -> None:
    addition = place_of_it.replace("{}", secret)
    top = "[" not in addition
    base = SMALL.replace('state_log = "keeper.db"\n', "") if "state_log" in addition else SMALL
    path = place(f"{addition}\n{base}" if top else f"{base}\n{addition}\n")

    said = everything_said(path)

    assert {"E201", "E202"} & {finding.code for finding in examine(path).findings}
    for part in (secret[2:20], secret[-20:]):
        assert part.lower() not in said.lower()


@pytest.mark.parametrize("number", [f"0x{KEY}", str(int(KEY, 16)), f"0x{KEY[:32]}_{KEY[32:]}"])
def test_a_key_as_a_number_is_refused_and_not_shown(number: str, place: Place) -> None:
    path = place(f"{SMALL}\n[signers.sender]\nkey_file = {number}\n")

    assert "E201" in {finding.code for finding in examine(path).findings}
    assert str(int(KEY, 16))[:20] not in everything_said(path)
    assert KEY[:20] not in everything_said(path)


def test_a_mnemonic_as_a_list_over_lines_is_refused(place: Place) -> None:
    words = ",\n        ".join(json.dumps(word) for word in WORDS.split())
    path = place(f"seeds = [\n        {words},\n]\n{SMALL}")

    assert ("E202", 2) in {(finding.code, finding.line) for finding in examine(path).findings}


def test_an_extended_key_or_a_pem_block_is_refused(place: Place) -> None:
    for secret in ("xprv9s21ZrQH143K" + "a" * 95, "-----BEGIN EC PRIVATE KEY-----"):
        codes = {finding.code for finding in examine(place(f"# {secret}\n{SMALL}")).findings}
        assert "E201" in codes


@pytest.mark.parametrize(
    "harmless",
    [
        f"# deployed in tx 0x{KEY}",
        f"# genesis hash of the old chain: 0x{KEY}",
        f"# the root is {KEY}",
        f"# {WORDS.replace(' yellow', ' -- yellow')}",
        f"# {WORDS.replace(' yellow', ' ' * 41 + 'yellow')}",
        "# about what the keeper does when some chain stalls and then comes back",
        "# 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 is an address",
        "# ------------------------------------------------------------------------",
        "# " + "=" * 80,
        "# " + "0" * 40,
    ],
)
def test_what_only_resembles_a_secret_may_stand_in_a_comment(harmless: str, place: Place) -> None:
    assert ["W319"] == [finding.code for finding in examine(place(f"{harmless}\n{SMALL}")).findings]


def test_a_url_may_hold_an_access_key_that_looks_like_a_private_one(place: Place) -> None:
    path = place(SMALL.replace(URL, f"{URL}/v3/{KEY}"))

    assert ["W319"] == [finding.code for finding in examine(path).findings]
    assert KEY not in everything_said(path)


def test_the_words_of_mnemonics_are_known() -> None:
    assert 2048 == len(bip39_words())


@pytest.mark.parametrize("file", sorted(BROKEN.glob("e20*.toml")), ids=lambda file: file.stem)
def test_the_broken_files_with_secrets_do_not_show_them(file: Path, place: Callable[[bytes], Path]) -> None:
    said = everything_said(place(file.read_bytes()))

    assert "abandon" not in said
    assert "horse" not in said
    assert not any(len(word) >= 60 for word in said.replace("'", " ").split() if word.isalnum())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "true"),
        (5, "5"),
        (0.5, "0.5"),
        (2**300, "a very large number"),
        ("short", '"short"'),
        ("x" * 43, "a text of 43 characters"),
        ("user:pw@host", "a text of 12 characters"),
        ("a\x1b[2J\u202eb", '"a\\x1b[2J\\u202eb"'),
        ([1], "an array"),
        ({"a": 1}, "a table"),
    ],
)
def test_values_are_shown_short_and_harmless(value: object, shown: str) -> None:
    assert shown == value_text(value)


def test_keys_are_shown_as_they_could_be_written() -> None:
    assert 'chains."a b".endpoints[0].url' == key_text(("chains", "a b", "endpoints", 0, "url"))
    assert "a.***.***" == key_text(("a", KEY, "https://user:pw@host"))
    assert '"\\u202e"' == key_text(("\u202e",))


@pytest.mark.parametrize(
    "line",
    [
        f'key_file = "{KEY}',
        f"key_file = {KEY}",
        f'"{KEY}" = 1\n"{KEY}" = 2',
        f"[signers.{KEY}]\n[signers.{KEY}]",
        f"x = {{ {KEY} = 1, {KEY} = 2 }}",
        f'url = "https://user:{CANARY}@host\n',
        f"url = https://user:{CANARY}@host",
        f'a."{CANARY}@host" = 1\n[a."{CANARY}@host"]',
    ],
)
def test_a_file_that_is_not_toml_shows_nothing_of_its_line(line: str, place: Place) -> None:
    path = place(f"{line}\n{SMALL}")

    assert {"E008", "E010"} & {finding.code for finding in examine(path).findings}
    assert KEY[:20] not in everything_said(path)
    assert CANARY not in everything_said(path)
