"""The files an operator starts from: they load, they are complete, and what they say about defaults is true."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import config
from config.loader import examine, load
from config.sections import places
from config.settings import Mode
from config.source_settings import HttpSourceSettings
from oracles.pricing import PriceBook
from oracles.sources.presets import PRESETS, route

SHIPPED = Path(config.__file__).parent
EXAMPLE = SHIPPED / "example.toml"
DEVNET = SHIPPED / "devnet.toml"
PLACEHOLDERS = {"W319", "W320", "W321"}


@pytest.mark.parametrize("file", [EXAMPLE, DEVNET], ids=["example", "devnet"])
def test_a_shipped_file_loads_with_nothing_said_but_of_placeholders(file: Path) -> None:
    codes = {finding.code for finding in examine(file, PRESETS).findings}

    assert codes - {"W203"} <= PLACEHOLDERS
    assert Mode.OBSERVE is load(file, PRESETS).mode


@pytest.mark.parametrize("file", [EXAMPLE, DEVNET], ids=["example", "devnet"])
def test_its_sources_can_be_asked_and_its_prices_multiply_out(file: Path) -> None:
    settings = load(file, PRESETS)

    PriceBook(settings.assets, settings.sources)
    for source in settings.sources:
        if isinstance(source, HttpSourceSettings):
            route(source)


@pytest.mark.parametrize("file", [EXAMPLE, DEVNET], ids=["example", "devnet"])
def test_no_placeholder_goes_live(file: Path, place: Callable[[str], Path]) -> None:
    text = file.read_text().replace('mode = "observe"', 'mode = "live"')

    warned = {
        (finding.code, finding.line) for finding in examine(file, PRESETS).findings if finding.code != "W203"
    }
    refused = {(finding.code, finding.line) for finding in examine(place(text), PRESETS).findings}

    assert {(f"E{code[1:]}", line) for code, line in warned} <= refused


def test_what_must_be_changed_in_the_example_is_marked() -> None:
    lines = EXAMPLE.read_text().split("\n")
    optional = "optional:"

    for finding in examine(EXAMPLE, PRESETS).warnings:
        if finding.code in PLACEHOLDERS:
            assert finding.line is not None
            assert "CHANGE" in lines[finding.line - 1] or optional in lines[finding.line - 1]


def test_the_example_has_every_section_and_every_key() -> None:
    text = EXAMPLE.read_text()

    for found in places():
        for key in found.model.model_fields:
            assert re.search(rf"^(?:# ?)?\[*.*\b{key}\b", text, re.MULTILINE), (found.title, key)


def test_a_default_that_the_example_shows_is_the_default() -> None:
    own_venue = re.compile(r"^# A venue without a preset.*?\n\n", re.MULTILINE | re.DOTALL)
    text = own_venue.sub("", EXAMPLE.read_text())
    shown = re.findall(r"^# ([a-z_]+) = (\S+)(?: |$)", text, re.MULTILINE)
    defaults = _defaults()
    compared = 0

    for key, value in shown:
        if defaults.get(key) and (key, value) not in {("port", "8700"), ("port", "9650")}:
            assert value.strip('"') in defaults[key], key
            compared += 1

    assert compared > 12


def test_the_three_chains_of_the_devnet_stay_on_this_machine() -> None:
    settings = load(DEVNET, PRESETS)

    assert ["alpha", "beta", "gamma"] == list(settings.chains)
    assert [19_301, 19_302, 19_303] == [
        _port(chain.endpoints[0].url.reveal()) for chain in settings.chains.values()
    ]
    assert {"W623"}.isdisjoint({finding.code for finding in examine(DEVNET, PRESETS).findings})


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _defaults() -> dict[str, set[str]]:
    """Every default of every key, as the file would show it."""
    found: dict[str, set[str]] = {}
    for place in places():
        for key, field in place.model.model_fields.items():
            if field.default is not None and not field.is_required():
                found.setdefault(key, set()).add(str(getattr(field.default, "value", field.default)))
    return found
