"""`keeper stress` and `keeper accounts --sort` on real logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET

import pytest

from config.units import WAD
from keeper.state import observations as o
from keeper.state.reader import LogReader
from keeper.state.watched import past_prices, read_book
from keeper.views.exits import ExitCode
from keeper.views.outlook.ranking import FIGURES
from tests.views.story import ACCOUNT, HEALTHY_ACCOUNT

Keeper: TypeAlias = Callable[..., tuple[int, str, str]]
WriteLog: TypeAlias = Callable[..., Path]


def answer(keeper: Keeper, *arguments: object) -> Any:
    code, out, err = keeper(*arguments, "--json")
    assert ExitCode.FINE == code, out + err
    return json.loads(out)


def test_the_book_in_the_log_is_the_one_that_was_seen(log: Path, story: Any) -> None:
    with LogReader(log) as reader:
        book = read_book(reader)

    assert book is not None
    assert [ACCOUNT, HEALTHY_ACCOUNT] == [account.account_id for account in book.watched.accounts]
    assert story.account.legs[0].debt == book.watched.accounts[0].legs[0].debt
    assert {"arbor", "birch"} == set(book.facts)
    assert {"vETH": "ETH"} == dict(book.via)
    assert story.prices.prices["ETH"].high_wad == book.watched.prices["ETH"].high_wad


def test_past_prices_are_the_last_of_each_slot(log: Path, story: Any) -> None:
    with LogReader(log) as reader:
        past = past_prices(reader, 60_000, 0)

    assert {("ETH", 1_801 * WAD), ("USDC", WAD), ("vETH", 1_801 * WAD)} == {
        (p.asset, p.mid_wad) for p in past
    }
    assert {story.prices.as_of_ms // 60_000} == {p.slot for p in past}


def test_a_fall_names_the_accounts_it_would_liquidate(keeper: Keeper, log: Path) -> None:
    told = answer(keeper, "stress", "--log", log, "--move", "-60", "--move", "-1")

    found = {(one["name"], *set(one["moves_bps"].values())): one["liquidatable"] for one in told["shocks"]}
    assert {("ETH", -6_000), ("ETH", -100)} == set(found)
    assert [ACCOUNT, HEALTHY_ACCOUNT] == found["ETH", -6_000]
    assert [ACCOUNT] == found["ETH", -100]
    assert {"ETH": -6_000, "vETH": -6_000} == told["shocks"][0]["moves_bps"]


def test_a_cascade_is_told_round_by_round(keeper: Keeper, log: Path) -> None:
    told = answer(
        keeper, "stress", "--log", log, "--move", "-40", "--depth", "vETH=1000", "--depth", "ETH=1000"
    )

    cascade = told["cascades"][0]
    assert cascade["settled"]
    assert len(cascade["rounds"]) >= 2
    assert cascade["moves_bps"]["vETH"] < -4_000
    assert [] == told["without_depth"]


def test_without_depth_it_says_that_sales_move_nothing(keeper: Keeper, log: Path) -> None:
    told = answer(keeper, "stress", "--log", log, "--move", "-40", "--depth", "vETH=1000")
    _, out, _ = keeper("stress", "--log", log)

    assert ["ETH"] == told["without_depth"]
    assert "no depth is known of ETH and vETH" in out


def test_the_same_seed_gives_the_same_answer_and_another_another(keeper: Keeper, log: Path) -> None:
    first, again, other = (
        answer(keeper, "stress", "--log", log, "--seed", seed, "--no-cascade") for seed in (3, 3, 4)
    )

    assert first == again
    assert first["book"]["value_at_risk_usd"] != other["book"]["value_at_risk_usd"]


def test_a_given_volatility_takes_the_place_of_the_estimate(keeper: Keeper, log: Path) -> None:
    told = answer(keeper, "stress", "--log", log, "--volatility", "vETH=0.25", "--no-cascade")

    assert 0.25 == told["volatility"]["vETH"]["used"]
    assert 1.0 == told["volatility"]["ETH"]["used"]
    assert 0.1 == told["volatility"]["USDC"]["used"], "money is calm, but no calmer than lowest_volatility"


def test_an_account_below_maintenance_is_certain_and_told_what_would_help(
    keeper: Keeper, log: Path, story: Any
) -> None:
    told = answer(keeper, "stress", "--log", log, "--no-cascade")["worst"][0]

    assert (ACCOUNT, 1.0) == (told["account_id"], told["probability"])
    assert {"arbor", "birch"} == {one["chain"] for one in told["remedies"]}
    assert all(int(one["value_wad"]) > 0 for one in told["remedies"])


def test_it_says_it_in_words_too(keeper: Keeper, log: Path) -> None:
    code, out, _ = keeper("stress", "--log", log)

    assert ExitCode.FINE == code
    for text in ("2 accounts as of", "100.0 % (assumed)", "liquidatable", "0xa1a1a1a1", "expected shortfall"):
        assert text in out


def test_bars_go_to_the_terminal_and_to_a_file(keeper: Keeper, log: Path, tmp_path: Path) -> None:
    picture = tmp_path / "stress.svg"

    code, out, _ = keeper("stress", "--log", log, "--plot", "--svg", picture, "--move", "-40")

    assert ExitCode.FINE == code
    assert "█" in out
    root = ET.fromstring(picture.read_text("utf-8"))
    assert root.tag.endswith("svg")
    assert "ETH -40.0 %" in "".join(root.itertext())


@pytest.mark.parametrize(
    "wrong",
    [
        ("--move", "-100"),
        ("--move", "ten"),
        ("--horizon", "1w"),
        ("--volatility", "ETH"),
        ("--volatility", "XYZ=1"),
        ("--asset", "XYZ"),
        ("--depth", "ETH=-1"),
        ("--svg", "/nowhere/at/all.svg"),
    ],
)
def test_what_can_not_be_asked_is_refused(keeper: Keeper, log: Path, wrong: tuple[str, str]) -> None:
    code, out, _ = keeper("stress", "--log", log, *wrong, "--json")

    assert ExitCode.USAGE == code
    assert json.loads(out)["error"]["message"]


def test_without_prices_it_says_that_there_are_none(keeper: Keeper, story: Any, write_log: WriteLog) -> None:
    code, _, err = keeper("stress", "--log", write_log(story.entries()[:4]))

    assert ExitCode.DOWN == code
    assert "no price" in err


def test_an_account_that_can_not_be_valued_is_named_and_degrades_the_answer(
    keeper: Keeper, story: Any, write_log: WriteLog
) -> None:
    seen = [each for each in story.observations() if not isinstance(each, o.PriceSetSeen)]
    gone = story.prices.prices | {"vETH": story.prices.prices["vETH"]}
    del gone["ETH"]
    without = type(story.prices)("0x" + "9" * 64, story.prices.as_of_ms, gone)
    path = write_log(story.entries(), [*seen, o.PriceSetSeen(without)])

    code, out, _ = keeper("stress", "--log", path, "--json")

    assert ExitCode.DEGRADED == code
    assert "ETH has no price" in json.loads(out)["left_out"][ACCOUNT]


@pytest.mark.parametrize("figure", sorted(FIGURES))
def test_accounts_sort_by_any_figure_worst_first(keeper: Keeper, log: Path, figure: str) -> None:
    told = answer(keeper, "accounts", "--log", log, "--sort", figure)
    code, out, _ = keeper("accounts", "--log", log, "--sort", figure)

    assert {ACCOUNT, HEALTHY_ACCOUNT} == {row["account_id"] for row in told["accounts"]}
    assert ExitCode.FINE == code
    assert "2 of 2 accounts" in out
    its = FIGURES[figure]
    found = [its.key(_typed(row)) for row in told["accounts"]]
    told_values = [value for value in found if value is not None]
    assert sorted(told_values, reverse=its.large_is_bad) == told_values


def test_accounts_show_the_figures_that_are_asked_for(keeper: Keeper, log: Path) -> None:
    _, out, _ = keeper(
        "accounts", "--log", log, "--sort", "probability", "--show", "leverage", "--show", "es"
    )

    heading = out.splitlines()[0].split()
    assert ["account", "state", "leverage", "ES", "USD", "any", "time"] == heading
    assert "100.00 %" in out


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    amounts = {name: int(value) for name, value in row.items() if name.endswith("_wad") and value is not None}
    if "outlook" in row and row["outlook"].get("leverage_wad") is not None:
        row["outlook"]["leverage_wad"] = int(row["outlook"]["leverage_wad"])
    return row | amounts
