"""A configuration is taken up whole or not at all, and the log says which, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

import config
from config.loader import load
from config.settings import Settings
from keeper.runtime.reloads import REFUSED, RELOADED, Reloads
from keeper.state.entries import AlertClosed, AlertOpened, ConfigUsed, Entry, OperatorActed
from keeper.state.errors import LogUnavailable
from keeper.state.log import StateLog
from keeper.watch.watcher import Prepared, Watcher
from oracles.sources.presets import PRESETS

DEVNET = (Path(config.__file__).parent / "devnet.toml").read_text()


class Watching:
    """A watcher that notes what it is given; `refusal` is what it has against it."""

    def __init__(self) -> None:
        self.adopted: list[Settings] = []
        self.refusal = ""

    def prepare(self, settings: Settings) -> Prepared:
        if self.refusal:
            raise ValueError(self.refusal)
        return cast("Prepared", settings)

    async def adopt(self, prepared: Prepared) -> None:
        self.adopted.append(cast("Settings", prepared))


class Written:
    """A log that keeps what it is told, or can not."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.is_full = False

    async def write(self, *entries: Entry) -> None:
        if self.is_full:
            raise LogUnavailable("the disk is full")
        self.entries += entries

    def kinds(self) -> list[type[Entry]]:
        return [type(entry) for entry in self.entries]


class Case:
    def __init__(self, file: Path, told: Sequence[str] = ()) -> None:
        self.file = file
        self.watching, self.log = Watching(), Written()
        self.reloads = Reloads(
            file,
            load(file, PRESETS),
            cast("Watcher", self.watching),
            cast("StateLog", self.log),
            told,
        )

    def write(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new, 1))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    file = tmp_path / "keeper.toml"
    file.write_text(DEVNET)
    return Case(file)


async def test_what_is_taken_up_is_in_the_log_before_it_is_in_force(case: Case) -> None:
    case.write("[[sources]]\n", "[[sources]]\nweight = 2\n")

    assert await case.reloads.reload()

    assert [ConfigUsed, OperatorActed] == case.log.kinds()
    assert OperatorActed(RELOADED, "sources[0].weight") == case.log.entries[1]
    assert 2 == case.watching.adopted[0].sources[0].weight


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[[sources]]\n", "[[sources]]\nwieght = 2\n", "[E101]"),
        ("[[sources]]\n", "[[sources]\n", "[E008]"),
        ("block_time_s = 1.0", "block_time_s = 1.5", "block_time_s: to change this, restart"),
        ('pair = "ETH/USD"', 'pair = "ETH/EUR"', "[E403]"),
    ],
)
async def test_what_is_wrong_changes_nothing_and_is_an_alert(
    old: str, new: str, reason: str, case: Case
) -> None:
    case.write(old, new)

    assert not await case.reloads.reload()

    assert [AlertOpened, OperatorActed] == case.log.kinds()
    alert = cast("AlertOpened", case.log.entries[0])
    assert REFUSED == alert.dedupe_key
    assert reason in alert.detail
    assert [] == case.watching.adopted


async def test_what_can_not_be_put_together_is_refused_with_the_reason(case: Case) -> None:
    case.watching.refusal = 'kind = "ccxt" needs ccxt'

    assert not await case.reloads.reload()

    assert OperatorActed(REFUSED, 'kind = "ccxt" needs ccxt') == case.log.entries[1]
    assert [] == case.watching.adopted


async def test_the_alert_is_closed_by_the_next_that_is_taken_up_also_of_an_earlier_run(case: Case) -> None:
    case.watching.refusal = "no"
    await case.reloads.reload()
    case.watching.refusal = ""
    case.log.entries.clear()
    await case.reloads.reload()
    later = Case(case.file, told=[REFUSED])
    await later.reloads.reload()

    for log in (case.log, later.log):
        assert [ConfigUsed, OperatorActed, AlertClosed] == log.kinds()
    again: list[Any] = [await later.reloads.reload(), len(later.log.entries)]
    assert [True, 5] == again


async def test_what_can_not_be_recorded_is_not_taken_up(case: Case) -> None:
    case.log.is_full = True

    with pytest.raises(LogUnavailable):
        await case.reloads.reload()

    assert [] == case.watching.adopted
