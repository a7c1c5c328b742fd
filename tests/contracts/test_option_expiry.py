"""What options come to at their expiry: the feed's first answer from then on, paid by anyone to everyone."""

from __future__ import annotations

import boa
import pytest

from keeper.planner.option_arithmetic import payoff
from tests.contracts.option_scene import (
    BITCOIN_OPTIONS,
    CONTRACT,
    DAY_S,
    ETHER_OPTIONS,
    OptionScene,
)
from tests.contracts.scene import DOLLAR, STABLE, USDC, WAD, refused

PRICE = 100 * WAD


@pytest.fixture
def series(options: OptionScene) -> dict[str, bytes]:
    """A call at 2,100 and a put at 1,900; the trader has written ten of each, the other trader bought them."""
    opened = {"call": options.open(options.call_at(2_100)), "put": options.open(options.put_at(1_900))}
    for owner, side in ((options.base.trader, -1), (options.base.other_trader, 1)):
        options.linked(owner, 20_000)
        for its in opened.values():
            options.trade(owner, its, side * 10 * CONTRACT, PRICE)
    return opened


def fix(options: OptionScene, round_id: int, expiry_s: int | None = None) -> None:
    options.desk.fix_settlement(
        ETHER_OPTIONS, expiry_s or options.month, round_id, sender=options.base.stranger
    )


def both(options: OptionScene) -> list[bytes]:
    return [options.base.account(options.base.trader), options.base.account(options.base.other_trader)]


@pytest.mark.parametrize("dollars", [1_500, 1_900, 2_000, 2_100, 2_101, 2_600])
@pytest.mark.parametrize("kind", ["call", "put"])
def test_everyone_is_paid_or_charged_the_payoff(
    options: OptionScene, series: dict[str, bytes], kind: str, dollars: int
) -> None:
    base = options.base
    before = [base.leg(owner).collateral[STABLE] for owner in (base.trader, base.other_trader)]
    terms = options.call_at(2_100) if kind == "call" else options.put_at(1_900)
    fix(options, options.expire(dollars))

    options.desk.settle(series[kind], both(options), sender=base.stranger)

    worth = 10 * payoff(terms, dollars * WAD) * USDC // WAD
    assert [before[0] - worth, before[1] + worth] == [
        base.leg(owner).collateral[STABLE] for owner in (base.trader, base.other_trader)
    ]
    info = options.desk.series_info(series[kind])
    assert (0, 0) == (info.open_interest_long, info.open_interest_short)
    assert [1, 1] == [options.desk.series_count(account) for account in both(options)]


def test_settling_is_logged_and_leaves_the_version(options: OptionScene, series: dict[str, bytes]) -> None:
    base = options.base
    version = base.leg(base.trader).version
    fix(options, options.expire(2_600))
    (fixed,) = options.events("SettlementFixed")
    assert (ETHER_OPTIONS, options.month, 2_600 * WAD) == tuple(fixed)[-5:-2]

    options.desk.settle(series["call"], both(options)[:1])

    (event,) = options.events("OptionSet")
    assert (both(options)[0], series["call"], 0, version) == (
        event.account,
        event.series,
        event.size_wad,
        event.version,
    )
    assert version == base.leg(base.trader).version


def test_nobody_is_paid_twice(options: OptionScene, series: dict[str, bytes]) -> None:
    fix(options, options.expire(2_600))
    account = both(options)[1]
    options.desk.settle(series["call"], [account, account])
    paid = options.base.leg(options.base.other_trader).collateral[STABLE]

    options.desk.settle(series["call"], [account, options.base.account(options.base.stranger)])

    assert paid == options.base.leg(options.base.other_trader).collateral[STABLE]


def test_who_can_not_be_paid_stops_the_batch_and_not_the_others(
    options: OptionScene, series: dict[str, bytes]
) -> None:
    base = options.base
    fix(options, options.expire(2_600))
    base.hub.withdraw_pool(base.hub.pool_cash(), sender=base.owner)
    with refused(options.desk, "pool"):
        options.desk.settle(series["call"], both(options)[::-1])

    options.desk.settle(series["call"], both(options))

    assert [[], []] == [
        [row for row in rows if row.series == series["call"]] for rows in options.held(both(options))
    ]


def test_a_writer_that_has_not_enough_owes_the_rest(options: OptionScene, series: dict[str, bytes]) -> None:
    base = options.base
    held = base.leg(base.trader).collateral[STABLE]
    fix(options, options.expire(5_000))

    options.desk.settle(series["call"], both(options))

    assert 29_000 * USDC - held == base.leg(base.trader).debt


def test_a_paused_hub_settles(options: OptionScene, series: dict[str, bytes]) -> None:
    options.hub.set_paused(True, sender=options.base.owner)
    fix(options, options.expire(2_600))

    options.desk.settle(series["call"], both(options))

    assert 0 == options.size(both(options)[0], series["call"])


class TestPriceAtExpiry:
    def test_nothing_is_settled_without_it(self, options: OptionScene, series: dict[str, bytes]) -> None:
        options.expire(2_600)

        with refused(options.desk, "settled"):
            options.desk.settle(series["call"], both(options))

    def test_nor_a_series_that_was_never_opened(self, options: OptionScene) -> None:
        with refused(options.desk, "settled"):
            options.desk.settle(b"\1" * 32, [])

    def test_it_is_the_first_round_from_then_on(self, options: OptionScene, series: dict[str, bytes]) -> None:
        first = options.expire(2_600)
        options.base.wait(60)
        options.base.set_price(options.base.ether_feed, 1_000)
        for other in (first - 1, first + 1):
            with refused(options.desk, "round"):
                fix(options, other)

        fix(options, first)

        assert 2_600 * WAD == options.desk.settlement_price(ETHER_OPTIONS, options.month)

    def test_a_round_at_the_very_second_counts(self, options: OptionScene, series: dict[str, bytes]) -> None:
        fix(options, options.expire(2_600, late_s=0))

        assert 2_600 * WAD == options.desk.settlement_price(ETHER_OPTIONS, options.month)

    def test_one_before_does_not(self, options: OptionScene, series: dict[str, bytes]) -> None:
        options.base.wait(options.month - 1 - options.base.now)
        before = options.base.ether_feed.latestRoundData()[0]
        boa.env.evm.patch.timestamp = options.month

        with refused(options.desk, "round"):
            fix(options, before)

    def test_a_round_that_is_not_there(self, options: OptionScene, series: dict[str, bytes]) -> None:
        with refused(options.desk, "feed"):
            fix(options, options.expire(2_600) + 1)
        with refused(options.desk, "feed"):
            fix(options, 2**80)

    def test_a_first_answer_that_is_no_price(self, options: OptionScene, series: dict[str, bytes]) -> None:
        options.expire(2_600)
        options.base.ether_feed.set_answer(0, sender=options.base.owner)

        with refused(options.desk, "feed"):
            fix(options, options.base.ether_feed.latestRoundData()[0])

    def test_it_is_fixed_once(self, options: OptionScene, series: dict[str, bytes]) -> None:
        first = options.expire(2_600)
        fix(options, first)

        with refused(options.desk, "settled"):
            fix(options, first)

    def test_not_before_expiry(self, options: OptionScene, series: dict[str, bytes]) -> None:
        with refused(options.desk, "expired"):
            fix(options, options.base.ether_feed.latestRoundData()[0])

    def test_of_a_listed_market(self, options: OptionScene) -> None:
        with refused(options.desk, "market"):
            options.desk.fix_settlement(b"DOGE".ljust(32, b"\0"), 1, 1)

    def test_every_market_has_its_own(self, options: OptionScene, series: dict[str, bytes]) -> None:
        fix(options, options.expire(2_600))

        assert 0 == options.desk.settlement_price(BITCOIN_OPTIONS, options.month)

    def test_for_a_day_only_what_can_be_proven(self, options: OptionScene, series: dict[str, bytes]) -> None:
        options.expire(2_600)
        boa.env.evm.patch.timestamp = options.month + DAY_S - 1

        with refused(options.desk, "round"):
            fix(options, 0)

    def test_then_the_newest_if_it_is_fresh(self, options: OptionScene, series: dict[str, bytes]) -> None:
        base = options.base
        options.expire(2_600)
        boa.env.evm.patch.timestamp = options.month + DAY_S
        with refused(options.desk, "feed"):
            fix(options, 0)
        base.ether_feed.set_answer(2_700 * DOLLAR, sender=base.owner)

        fix(options, 0)

        assert 2_700 * WAD == options.desk.settlement_price(ETHER_OPTIONS, options.month)
