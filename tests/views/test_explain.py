"""`keeper explain` tells what happened from the log alone, whatever became of the account."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from config.units import WAD
from keeper.domain.account import OptionPosition
from keeper.domain.health import AccountState
from keeper.state import entries as e
from keeper.state import observations as o
from keeper.views.exits import ExitCode

Keeper: TypeAlias = Callable[..., tuple[int, str, str]]
WriteLog: TypeAlias = Callable[..., Path]

ACCOUNT = "0x" + "a1" * 32


def told(keeper: Keeper, log: Path, account: str = "0xa1") -> dict[str, Any]:
    code, out, _ = keeper("explain", account, "--log", log, "--json")
    assert ExitCode.FINE == code
    document: dict[str, Any] = json.loads(out)
    return document


def test_a_liquidation_is_told_with_figures_blocks_prices_plan_attestors_and_outcome(
    keeper: Keeper, log: Path
) -> None:
    document = told(keeper, log)

    assert "liquidated" == document["verdict"]
    for part in (
        "was liquidated, because it was certainly under its maintenance requirement",
        "unified health was between 0.9498 and 0.9552",
        "51.67 USD short",
        "1,037.37 USD of its assets counted against a requirement of 1,089.05 USD",
        "Its collateral is on birch, its debt is on arbor and its positions are on arbor.",
        "block 103 of arbor",
        "block 98 of birch",
        "ETH at 1,799.00 to 1,803.00 USD from alpha and beta, without gamma (outlier: 49 % from the median)",
        "close 1,801.00 USD of its ETH position on arbor then repay 156.61 USD of its debt on arbor for vETH on birch",
        "to bring health to 1.0500",
        "ash and oak re-read the legs and attested it; elm did not (price: 30 % off)",
        "Mined: close in block 104 of arbor",
        "it is healthy with health 2.6459 and a surplus of",
    ):
        assert part in document["paragraph"]


def test_the_paragraph_comes_first_and_the_figures_after_it(keeper: Keeper, log: Path) -> None:
    _, out, _ = keeper("explain", ACCOUNT, "--log", log)

    assert (
        out.index("was liquidated")
        < out.index("decision 0x")
        < out.index("attestations")
        < out.index("transactions")
    )


def test_a_healthy_account_is_told_why_nothing_happened(keeper: Keeper, log: Path) -> None:
    document = told(keeper, log, "0xb2")

    assert "not_liquidated" == document["verdict"]
    assert "it covers its requirement on every reading of the evidence" in document["paragraph"]
    assert None is document["decision"]


def test_an_account_that_is_held_is_told_what_is_missing(
    keeper: Keeper, story: Any, write_log: WriteLog
) -> None:
    health = replace(story.after, unknown_because=("birch: no new block for 65 s",))
    seen = [*story.observations(), o.HealthSeen(AccountState.UNKNOWN, health)]

    document = told(keeper, write_log([], seen))

    assert "held" == document["verdict"]
    assert "held as unknown and was not liquidated: birch: no new block for 65 s" in document["paragraph"]


def test_a_liquidatable_account_that_attestors_refused_is_told_so(
    keeper: Keeper, story: Any, write_log: WriteLog
) -> None:
    entries = [entry for entry in story.entries() if not isinstance(entry, _OF_TRANSACTIONS)]
    refused = [
        replace(entry, outcome="refused", reason="price: 30 % off")
        if isinstance(entry, e.AttestationAnswered)
        else entry
        for entry in entries
    ]
    still = o.HealthSeen(AccountState.LIQUIDATABLE, story.before)

    document = told(keeper, write_log(refused, [*story.observations(), still]))

    assert "not_yet" == document["verdict"]
    assert "the attestors did not all agree" in document["paragraph"]
    assert "No attestor signed; ash did not (price: 30 % off), elm" in document["paragraph"]


def test_a_daemon_that_only_observes_says_that_it_sends_nothing(
    keeper: Keeper, story: Any, write_log: WriteLog
) -> None:
    seen = [*story.observations(), o.HealthSeen(AccountState.LIQUIDATABLE, story.before)]

    document = told(keeper, write_log([e.DecisionMade(story.decision)], seen, mode="observe"))

    assert "liquidatable and was not liquidated: the daemon's mode is observe" in document["paragraph"]


def test_a_plan_that_was_made_anew_is_told_so(keeper: Keeper, story: Any, write_log: WriteLog) -> None:
    again = e.DecisionMade(replace(story.decision, decision_id="0x" + "dd" * 32, at_ms=story.at_ms - 1_000))

    document = told(keeper, write_log([*story.entries(), again], story.observations()))

    assert "it was made anew 1 time since" in document["paragraph"]
    assert story.decision.decision_id == document["decision"]["decision_id"]


def test_a_skipped_step_is_told_with_its_reason(keeper: Keeper, story: Any, write_log: WriteLog) -> None:
    entries = [entry for entry in story.entries() if not isinstance(entry, _OF_TRANSACTIONS)]
    skipped = e.IntentSkipped(story.intent, "profit", "gas would cost more than the penalty gives")
    still = o.HealthSeen(AccountState.LIQUIDATABLE, story.before)

    document = told(keeper, write_log([*entries, skipped], [*story.observations(), still]))

    assert "was not liquidated: gas would cost more than the penalty gives" in document["paragraph"]


def test_a_step_that_is_still_out_is_told_with_its_nonce(
    keeper: Keeper, story: Any, write_log: WriteLog
) -> None:
    entries = [entry for entry in story.entries() if not isinstance(entry, (e.ReceiptSeen, e.IntentMoved))]
    still = o.HealthSeen(AccountState.LIQUIDATABLE, story.before)

    document = told(keeper, write_log(entries, [*story.observations(), still]))

    assert "being_liquidated" == document["verdict"]
    assert "Still out: close on arbor with nonce 5 (signed)" in document["paragraph"]


def test_options_are_told_with_their_terms(keeper: Keeper, story: Any, write_log: WriteLog) -> None:
    sold = OptionPosition(
        "ETH-OPTIONS", "0x" + "5e" * 32, "ETH", False, 1_750 * WAD, 1_800_000_000, -3 * WAD // 2
    )
    first, *others = story.account.legs
    held = replace(story.account, legs=(replace(first, options=(sold,)), *others))
    path = write_log([], [*story.observations(), o.LegsSeen(held)])

    _, out, _ = keeper("explain", ACCOUNT, "--log", path)

    assert "options are on arbor" in " ".join(out.split())
    assert "option -1.500000 ETH put at 1,750.00, expiring 2027-01-15 08:00:00 UTC (ETH-OPTIONS)" in out


def test_an_account_nobody_knows_is_refused(keeper: Keeper, log: Path) -> None:
    code, _, err = keeper("explain", "0xc3", "--log", log)

    assert ExitCode.USAGE == code
    assert "no single account begins with 0xc3" in err


def test_a_start_that_fits_two_accounts_is_refused(keeper: Keeper, log: Path) -> None:
    code, _, err = keeper("explain", "0x", "--log", log)

    assert ExitCode.USAGE == code
    assert "give more digits" in err


_OF_TRANSACTIONS = (e.IntentSigned, e.AttemptSent, e.ReceiptSeen, e.IntentMoved)
