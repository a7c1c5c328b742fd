from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError
from config.loader import Examination, examine, load
from config.settings import Mode
from tests.config.layouts import Layout, tables

Place = Callable[[str], Path]

SMALL = (
    (Path(__file__).parent / "broken" / "w424_one_origin_sets_the_price.toml")
    .read_text()
    .replace(" = 1  # <- W424", " = 2 #")
)
EXAMPLE = (Path(__file__).parents[2] / "config" / "example.toml").read_text()

ODDITIES = """\
true -1 0 1e400 nan -0.0 "" [] {} [[1]] 07:32:00 1979-05-27 1_000 "~" {a=1} [{url="x"}] "${HOME}" "\\u0000" "\\u202e"
0xffffffffffffffffffffffffffffffffffffffff 999999999999999999999999999999999999999999999999999999999999
"""

junk = st.one_of(
    st.sampled_from(ODDITIES.split()),
    st.text(max_size=20).map(
        lambda text: '"' + text.encode("unicode_escape").decode().replace('"', "'") + '"'
    ),
)


def test_a_file_without_findings_is_settings(place: Place) -> None:
    examination = examine(place(SMALL))

    assert () == examination.findings
    assert examination.settings is not None
    assert Mode.OBSERVE is examination.settings.mode


def test_warnings_come_along_with_the_settings(place: Place) -> None:
    examination = examine(place(SMALL.replace("https://", "http://")))

    assert examination.settings is not None
    assert {"W623"} == {finding.code for finding in examination.warnings}
    assert () == examination.errors


def test_all_findings_come_at_once_in_the_order_of_the_file(place: Place) -> None:
    text = (
        SMALL.replace("chain_id = 1", 'chain_id = "1"')
        .replace("USDC-USD", "?")
        .replace("min_sources", "minsources")
    )

    with pytest.raises(ConfigError) as refused:
        load(place(text))

    assert ["E101", "E104", "E116"] == [finding.code for finding in refused.value.findings]
    assert sorted(finding.line or 0 for finding in refused.value.findings) == [
        finding.line for finding in refused.value.findings
    ]


def test_what_could_not_be_checked_is_said(place: Place) -> None:
    assert not examine(place(SMALL.replace("chain_id = 1", 'chain_id = "1"'))).complete
    assert examine(place(SMALL.replace("min_sources", "min_source"))).complete
    with pytest.raises(ConfigError, match="more may be found once these are mended"):
        load(place(SMALL.replace("chain_id = 1", 'chain_id = "1"')))


def test_a_syntax_error_has_line_and_column(place: Place) -> None:
    path = place("a = 1\nb = http://x\n")

    assert f"{path}:2:5: [E008]: not a value -> text needs quotes" in str(examine(path).findings[0])


def test_relative_paths_start_from_the_directory_of_the_file(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place(SMALL.replace('"keeper.db"', '"logs/../keeper.db"'))
    monkeypatch.chdir("/")

    assert tmp_path / "logs/../keeper.db" == load(path).state_log
    monkeypatch.chdir(tmp_path)
    assert tmp_path / "logs/../keeper.db" == load("keeper.toml").state_log


def test_absolute_paths_stay_what_they_are(place: Place) -> None:
    text = SMALL.replace('"keeper.db"', '"/var/lib/keeper/log.db"')

    assert Path("/var/lib/keeper/log.db") == load(place(text)).state_log


def test_presets_are_checked_only_against_a_list_that_is_given(place: Place) -> None:
    path = place(SMALL)

    assert () == examine(path).findings
    assert ["E411"] == [finding.code for finding in examine(path, ["coinbase"]).findings]
    assert () == examine(path, ["coinbase", "kraken"]).findings


def test_a_file_name_can_not_write_to_the_terminal(tmp_path: Path) -> None:
    assert "\x1b" not in str(examine(tmp_path / "a\x1b[2Jb").findings[0])


def test_a_number_of_thousands_of_digits_has_its_line(place: Place) -> None:
    [finding] = examine(place("a = 1\nb = " + "9" * 5_000)).findings

    assert ("E008", 2) == (finding.code, finding.line)


def _lines_with_a_value() -> list[int]:
    return [
        number
        for number, line in enumerate(EXAMPLE.split("\n"))
        if " = " in line and not line.startswith("#")
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from(_lines_with_a_value()), st.one_of(junk, st.none())), min_size=1, max_size=4
    )
)
def test_nothing_but_a_config_error_comes_of_any_value_anywhere(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, str | None]]
) -> None:
    lines = EXAMPLE.split("\n")
    for number, value in changes:
        key = lines[number].partition(" = ")[0]
        lines[number] = "" if value is None else f"{key} = {value}"
    path = tmp_path_factory.getbasetemp() / "keeper.toml"
    path.write_text("\n".join(lines))

    assert _is_whole(examine(path, ["coinbase"]), path)


@given(tables, st.randoms(use_true_random=False))
def test_nothing_but_findings_come_of_any_document(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, object], random: object
) -> None:
    layout = Layout(random)  # type: ignore[arg-type]
    layout.document(table)  # type: ignore[arg-type]
    path = tmp_path_factory.getbasetemp() / "keeper.toml"
    path.write_text(layout.text)

    examination = examine(path)

    assert examination.settings is None
    assert _is_whole(examination, path)


@given(st.binary(max_size=200))
def test_nothing_but_findings_come_of_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "keeper.toml"
    path.write_bytes(content)

    assert _is_whole(examine(path), path)


def test_loading_brings_in_nothing_that_is_slow() -> None:
    program = "import config.loader, sys; print([name for name in sys.argv[1:] if name in sys.modules])"
    slow = [
        "web3",
        "aiohttp",
        "numpy",
        "eth_account",
        "asyncio",
        "sqlite3",
        "rich",
        "oracles",
        "chains",
        "keeper",
    ]

    listed = subprocess.run(
        [sys.executable, "-c", program, *slow], capture_output=True, text=True, check=True
    )

    assert "[]" == listed.stdout.strip()


def _is_whole(examination: Examination, path: Path) -> bool:
    lines = path.read_bytes().count(b"\n") + 1
    assert examination.findings or examination.settings is not None
    assert (examination.settings is None) == bool(examination.errors)
    for finding in examination.findings:
        assert finding.message
        assert finding.advice
        assert finding.line is not None
        assert 1 <= finding.line <= lines
        assert str(finding).isprintable()
        assert len(str(finding)) < 1_000
    return True
