"""What is refused before the content of a file is looked at, and the permissions of files."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.loader import examine, load
from config.reading import MAX_BYTES

Place = Callable[[str], Path]

SMALL = (Path(__file__).parent / "broken" / "w319_placeholder.toml").read_text().replace("<- W319", "")
LIVE = (Path(__file__).parent / "broken" / "w330_final_at_once.toml").read_text().replace("<- W330", "")


def codes(path: Path) -> list[str]:
    return [finding.code for finding in examine(path).findings]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "keeper.toml"

    with pytest.raises(ConfigError) as refused:
        load(path)

    [finding] = refused.value.findings
    assert (str(path), None, "", "E001") == (finding.file, finding.line, finding.key, finding.code)
    assert f"{path}: [E001]: there is no such file -> {finding.advice}" in str(refused.value)


def test_a_path_through_a_file_is_refused(place: Place) -> None:
    assert ["E003"] == codes(place(SMALL) / "keeper.toml")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert ["E002"] == codes(tmp_path)


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert ["E002"] == codes(tmp_path / "pipe")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/full"])
def test_a_device_is_refused(device: str) -> None:
    assert ["E002"] == codes(Path(device))


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert ["E003"] == codes(Path("socket"))


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    assert ["E003"] == codes(tmp_path / "loop")


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "\udcff"])
def test_a_name_that_no_file_can_have_is_refused(name: str, tmp_path: Path) -> None:
    assert codes(tmp_path / name)[0] in {"E001", "E003"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_refused(place: Place) -> None:
    path = place(SMALL)
    path.chmod(0)

    assert ["E003"] == codes(path)


def test_a_link_to_a_file_is_followed_and_paths_start_where_it_stands(place: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "keeper.toml"
    link.symlink_to(place(SMALL))

    assert tmp_path / "elsewhere" / "keeper.db" == load(link).state_log


def test_a_file_of_more_than_a_mebibyte_is_refused(place: Place) -> None:
    filling = "#" * (MAX_BYTES - len(SMALL) - 1)
    assert ["W319"] == codes(place(f"{SMALL}{filling}\n"))
    assert ["E004"] == codes(place(f"{SMALL}{filling}#\n"))


@pytest.mark.parametrize("content", ["", "\n", "  \n\t\n", "# nothing\n"])
def test_a_file_that_says_nothing_is_refused(content: str, place: Place) -> None:
    [finding] = examine(place(content)).findings

    assert ("E005", 1) == (finding.code, finding.line)


def test_lines_that_end_as_on_windows_are_counted_alike(place: Place) -> None:
    [finding] = examine(place(SMALL.replace("\n", "\r\n"))).findings

    assert SMALL.split("\n").index(
        'hub = "0xa0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"  #  chains.alpha.hub'
    ) + 1 == (finding.line)


def test_utf_16_is_told_from_other_bytes(place: Callable[[bytes], Path]) -> None:
    [finding] = examine(place(SMALL.encode("utf-16"))).findings

    assert ("E007", 1, "the text is UTF-16") == (finding.code, finding.line, finding.message)


def test_a_hundred_refusals_are_all_listed(place: Place) -> None:
    findings = examine(place("".join(f"unknown_{number} = 1\n" for number in range(100)) + SMALL)).findings

    assert {"E101", "W319"} == {finding.code for finding in findings}


def test_more_than_a_hundred_refusals_are_cut_short_and_said_so(place: Place) -> None:
    findings = examine(place(SMALL + "".join(f"unknown_{number} = 1\n" for number in range(5_000)))).findings

    assert 100 == sum(finding.code == "E101" for finding in findings)
    assert ["4900 more places are refused"] == [found.message for found in findings if found.code == "E011"]


@pytest.mark.parametrize(("content", "code"), [(SMALL, "W203"), (LIVE, "E203")])
def test_a_file_that_everyone_can_write_may_observe_but_not_go_live(
    content: str, code: str, place: Place
) -> None:
    path = place(content)
    assert code not in codes(path)

    path.chmod(0o606)

    assert code in codes(path)


def test_a_live_file_in_a_directory_that_everyone_can_write_is_refused(place: Place) -> None:
    path = place(LIVE)
    path.parent.chmod(0o777)

    assert "E203" in codes(path)


def test_a_broken_live_file_that_everyone_can_write_is_refused_for_both(place: Place) -> None:
    path = place(LIVE.replace("chain_id = 1", 'chain_id = "1"'))
    path.chmod(0o606)

    assert {"E104", "E203"} <= set(codes(path))


@pytest.mark.parametrize(("content", "code"), [(LIVE.replace('"live"', '"observe"'), "W204"), (LIVE, "E204")])
@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_key_beside_which_everyone_can_put_another_is_refused(
    content: str, code: str, mode: int, place: Place, tmp_path: Path
) -> None:
    path = place(content)
    (tmp_path / "keys").chmod(mode)

    found = [finding.key for finding in examine(path).findings if finding.code == code]

    assert ["signers.sender.keystore", "signers.sender.password_file"] == found


def test_a_key_that_is_not_there_is_a_warning(place: Place, tmp_path: Path) -> None:
    path = place(LIVE)
    (tmp_path / "keys" / "sender.json").unlink()

    assert "W205" in codes(path)
    load(path)


def test_a_key_that_others_can_read_is_a_warning(place: Place, tmp_path: Path) -> None:
    path = place(LIVE)
    (tmp_path / "keys" / "sender.json").chmod(0o640)

    assert ["signers.sender.keystore"] == [
        found.key for found in examine(path).findings if found.code == "W206"
    ]
