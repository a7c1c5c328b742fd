"""Accounts with legs at venues as a person sees them: over all legs, at each venue, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from chains.venues.venue import Borrower, Liquidation, VenueHealth
from config.units import WAD
from keeper.domain.account import CutPoint
from keeper.domain.health import AccountState, Interval, UnifiedHealth
from keeper.state.unified_entries import UnifiedSeen
from keeper.state.venue_entries import VenueAccountSeen, VenueEnded, VenueJudged
from keeper.venues.endings import Ended, Ending
from keeper.venues.unified import VenueFigure
from keeper.venues.verdict import Found, Plan, Reason, Verdict
from keeper.venues.view import Holding, VenueAccount
from keeper.views.exits import ExitCode
from keeper.views.outlook.venue_shocks import scaled_health
from keeper.views.venue_case import VenueCase, sentences
from oracles.price import Price, PriceStatus
from tests.views.story import ACCOUNT, Story

Keeper: TypeAlias = Callable[..., tuple[int, str, str]]

ONLY = "0x" + "c9" * 32
"""An account that has nothing at a hub."""
WHO, OTHER = (Borrower(f"0x{'00' * 19}{byte}") for byte in ("AA", "BB"))
POOL, NO_POOL = "0x" + "9c" * 20, "0x" + "00" * 20
WETH, USDC = "0x" + "c2" * 20, "0x" + "c0" * 20
NO_DEBT = 2**256 - 1
MIDS = {"ETH": 2_000 * WAD, "USDC": WAD}


def seen(account: str, venue: str, health_wad: int | None, *, market: str = "") -> VenueAccountSeen:
    holdings = (
        Holding(WETH, "ETH", 18, 10 * WAD, 0, is_collateral=True),
        Holding(USDC, "USDC", 6, 0, 14_000 * 10**6, is_collateral=False),
    )
    own = Borrower((OTHER if account == ONLY else WHO).account, market)
    return VenueAccountSeen(
        VenueAccount("birch", venue, account, own, VenueHealth(health_wad, 0, 0), holdings, 7, 70)
    )


def over_all(account: str, state: AccountState, mid_wad: int, *venues: VenueFigure) -> UnifiedSeen:
    around = Interval(mid_wad - WAD // 1000, mid_wad, mid_wad + WAD // 1000)
    cut = tuple(CutPoint(chain, 7, "0x" + "07" * 32, 70, 5) for chain in ("arbor", "birch"))
    health = UnifiedHealth(account, around, around, around, around, 0, 0, 0, cut, "0x" + "5e" * 32)
    return UnifiedSeen(WHO.account, state, health, venues)


def verdict(
    account: str, reason: Reason, detail: str, *, number: int, pool: str | None = None
) -> VenueJudged:
    liquidation = Liquidation(WHO, USDC, WETH, 7_000 * 10**6, 4 * WAD, 0, 0)
    plan = (
        None
        if pool is None
        else Plan(liquidation, pool, 7_000 * 10**6, WAD, 0, 7_000 * WAD, 10**20, None, 99)
    )
    found = Found(reason, detail, 97 * WAD // 100, 0, 0, plan)
    return VenueJudged(
        Verdict(f"0x{number:064x}", "birch", "aave", account, WHO, number, found, "{}", "{}", 1_000 * number)
    )


def ended(account: str, ending: Ending, *, number: int, detail: str = "") -> VenueEnded:
    tx_hash = "0x" + "7a" * 32
    return VenueEnded(
        Ended(
            *("birch", "aave", account, WHO, ending, detail, number, f"0x{number:064x}", tx_hash, POOL),
            *(USDC, WETH, 7_000 * 10**6, 4 * WAD),
        )
    )


@pytest.fixture
def both(story: Story, write_log: Callable[..., Path]) -> Path:
    """The story's account has a loan as well, held at first and then liquidated; another has nothing but a loan."""
    entries = [
        *story.entries(),
        verdict(ACCOUNT, Reason.PRICE_HELD, "ETH is 400 bps below the reference", number=5),
        verdict(ACCOUNT, Reason.SEND, "it brings 100.0 USD", number=6, pool=POOL),
        ended(ACCOUNT, Ending.LIQUIDATED, number=6),
        verdict(ONLY, Reason.DUST, "it would bring 1 USD at most", number=8),
    ]
    figures = (
        VenueFigure("birch", "aave", "", 107 * WAD // 100, ""),
        VenueFigure("birch", "morpho", "0x" + "3a" * 32, NO_DEBT, ""),
    )
    observations = [
        *story.observations(),
        seen(ACCOUNT, "aave", 107 * WAD // 100),
        seen(ACCOUNT, "morpho", NO_DEBT, market="0x" + "3a" * 32),
        seen(ONLY, "aave", 97 * WAD // 100),
        over_all(ACCOUNT, AccountState.MARGIN_CALL, 104 * WAD // 100, *figures),
        over_all(ONLY, AccountState.AT_RISK, WAD, VenueFigure("birch", "aave", "", 97 * WAD // 100, "")),
    ]
    return write_log(entries, observations)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_an_explanation_tells_the_hub_then_all_legs_then_each_venue(keeper: Keeper, both: Path) -> None:
    code, out, _ = keeper("explain", ACCOUNT, "--log", both)

    told = flat(out)
    places = [
        "was liquidated, because it was certainly under its maintenance requirement",
        "Over all its legs, on arbor and birch, it is margin call by our own weights: health 1.0400",
        "At aave on birch: by the venue's own rule its health is 1.0700.",
        "It was liquidated in block 6: 7000000000 of 0xc0c0c0c0 repaid for 4000000000000000000 of 0xc2c2c2c2, by a flash swap",
        "Before, in block 5, it was left alone: ETH is 400 bps below the reference.",
        "At morpho on birch, market 0x3a3a3a3a: by the venue's own rule its health is no debt.",
    ]
    found = [told.find(each) for each in places]
    assert -1 not in found, places[found.index(-1)]
    assert sorted(found) == found
    assert ExitCode.FINE == code


def test_who_has_nothing_at_a_hub_is_explained_as_well(keeper: Keeper, both: Path) -> None:
    code, out, _ = keeper("explain", ONLY[:8], "--log", both)
    told = flat(out)

    assert "has nothing at a margin hub" in told
    assert "Nothing is done there (dust): it would bring 1 USD at most." in told
    assert ExitCode.FINE == code

    code, out, _ = keeper("explain", ONLY[:8], "--log", both, "--json")
    document = json.loads(out)
    assert document["verdict"] is None
    assert ["dust"] == [each["reason"] for each in document["venues"][0]["verdicts"]]
    assert str(WAD) == document["unified"]["health_mid_wad"]


def test_a_call_at_a_venue_is_no_liquidation_at_the_hub(keeper: Keeper, both: Path) -> None:
    _, out, _ = keeper("explain", ACCOUNT, "--log", both, "--json")

    document = json.loads(out)
    assert {"liquidated"} == {row["ending"] for row in document["venues"][0]["endings"]}
    assert "venue_liquidation" not in {intent["action"] for intent in document["intents"]}


def test_accounts_with_venues_are_ranked_over_all_legs(keeper: Keeper, both: Path) -> None:
    code, out, _ = keeper("accounts", "--venues", "--log", both)

    lines = out.splitlines()
    assert lines[1].split()[0] == ONLY[:10]
    assert "aave on birch 1.0700, morpho on birch no debt" in lines[2]
    assert lines[-1] == "2 of 2 accounts"
    assert ExitCode.FINE == code

    _, out, _ = keeper("accounts", "--venues", "--log", both, "--state", "at_risk", "--json")
    document = json.loads(out)
    (row,) = document["accounts"]
    assert (ONLY, None, "at_risk") == (row["account_id"], row["hub_state"], row["state"])


def test_accounts_say_that_there_is_more_to_see(keeper: Keeper, both: Path) -> None:
    _, out, _ = keeper("accounts", "--log", both)

    assert "2 accounts with legs at venues: keeper accounts --venues" in out


def test_stress_strikes_accounts_over_all_legs_and_at_each_venue(keeper: Keeper, both: Path) -> None:
    _, out, _ = keeper("stress", "--no-cascade", "--paths", "100", "--move", "-10", "--log", both)
    assert "below one at the venue (about)" in flat(out)

    _, out, _ = keeper("stress", "--no-cascade", "--paths", "100", "--asset", "ETH", "--log", both, "--json")
    told = json.loads(out)["at_venues"]
    below = [len(each["below_one_at_venues"]) for each in told["shocks"]]
    over_all = [len(each["liquidatable_over_all_legs"]) for each in told["shocks"]]
    assert 2 == told["accounts"]
    assert [2, 2, 2] == below[:3]  # 1.07 and 0.97 after a tenth less; nobody who owes nothing there
    assert over_all == sorted(over_all)
    assert over_all[-1] >= 1


def test_a_venues_own_figure_is_scaled_by_what_backs_and_what_is_owed() -> None:
    account = seen(ONLY, "aave", WAD).account
    prices = {asset: Price(asset, PriceStatus.OK, "", mid, mid, mid, 0, ()) for asset, mid in MIDS.items()}

    assert 9 * WAD // 10 == scaled_health(account, prices, {"ETH": -1_000})
    assert WAD * 10 // 8 == scaled_health(account, prices, {"USDC": -2_000})
    assert scaled_health(account, {}, {"ETH": -1_000}) is None


def test_a_log_without_venues_says_nothing_of_them(keeper: Keeper, log: Path) -> None:
    _, out, _ = keeper("accounts", "--log", log)
    assert "venues" not in out

    _, out, _ = keeper("explain", ACCOUNT, "--log", log, "--json")
    assert (None, []) == (json.loads(out)["unified"], json.loads(out)["venues"])


def test_a_call_whose_event_nobody_heard_is_told_from_its_receipt() -> None:
    leg = seen(ONLY, "aave", WAD).account
    key = f"venue/aave/{leg.borrower.account}/"
    call = {"chain": "birch", "position_key": key, "block_number": 1_234, "tx_hash": "0x77"}
    elsewhere = call | {"position_key": f"venue/morpho/{leg.borrower.account}/", "tx_hash": "0x88"}

    (told,) = sentences(VenueCase(ONLY, leg.borrower.account, None, [leg], [], [], [call, elsewhere], {}))

    assert "A liquidation of ours was mined in block 1,234 (transaction 0x77)." in told
    assert "0x88" not in told
