"""The table of codes is the whole table: each code that the package uses, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import config
from config.codes import CODES
from config.errors import Finding, Severity
from config.examples import EXAMPLES
from config.sections import places

PACKAGE = Path(config.__file__).parent
CODE = re.compile(r'"([EW]\d{3})"')


def test_every_code_in_use_is_listed_and_every_listed_code_is_in_use() -> None:
    used = {
        code
        for path in PACKAGE.rglob("*.py")
        if path.name != "codes.py"
        for code in CODE.findall(path.read_text())
    }

    assert set(CODES) == used


def test_the_table_has_each_code_once() -> None:
    listed = CODE.findall((PACKAGE / "codes.py").read_text())

    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_explained_in_one_sentence(code: str) -> None:
    assert re.fullmatch(r"[^\n]+\.", CODES[code])


def test_the_first_letter_of_a_code_is_its_severity() -> None:
    def finding(code: str) -> Finding:
        return Finding("keeper.toml", 17, "chains.alpha.chain_id", code, "wrong", "right")

    assert Severity.ERROR is finding("E301").severity
    assert Severity.WARNING is finding("W302").severity


def test_a_finding_is_printed_with_its_place_first() -> None:
    full = Finding("keeper.toml", 17, "chains.alpha.chain_id", "E301", "wrong", "right")
    bare = Finding("keeper.toml", 3, "", "E008", "wrong", "right", 14)

    assert "keeper.toml:17: chains.alpha.chain_id [E301]: wrong -> right" == str(full)
    assert "keeper.toml:3:14: [E008]: wrong -> right" == str(bare)


def test_every_required_key_has_an_example() -> None:
    required = {
        name for place in places() for name, field in place.model.model_fields.items() if field.is_required()
    }

    assert required == set(EXAMPLES)
