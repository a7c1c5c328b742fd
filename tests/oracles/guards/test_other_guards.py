"""Pegs, references, rates, magnitudes and constants: what each objects to, and how it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.guard_settings import GuardSettings
from config.units import WAD, parse_wad
from oracles.guards.rate import DAY_MS, YEAR_MS, RateGuard, Snapshot, moved_together
from oracles.price import Price, PriceStatus
from tests.oracles.evidence import NOW_MS, interval_of
from tests.oracles.tape import Tape, asset, lone, venues

RATE = {"max_rate_growth_bps": 1_000, "max_rate_drop_bps": 100, "max_move_bps": 0}
PEG = {"peg": "USD", "peg_band_bps": 200, "max_move_bps": 0}


def wads(*texts: str) -> tuple[int, ...]:
    return tuple(parse_wad(text) for text in texts)


def holds_of(price: Price) -> list[str]:
    return [hold.guard for hold in price.holds]


class TestPeg:
    def test_a_discount_that_a_quorum_sees_is_real(self) -> None:
        tape = Tape({"USDC": asset(PEG)}, venues("USDC/USD", "a", "b", "c"))
        tape.at(0, a="0.88", b="0.885", c="0.881")

        assert parse_wad("0.881") == tape.price("USDC").mid_wad
        assert PriceStatus.OK is tape.price("USDC").status

    def test_a_discount_that_one_venue_sees_is_held(self) -> None:
        tape = Tape({"USDC": lone(PEG)}, venues("USDC/USD", "a"))
        tape.at(0, a="0.985")
        inside = tape.price("USDC").status
        tape.at(1, a="0.88")

        assert PriceStatus.OK is inside
        assert tape.price("USDC").reason.startswith("held: peg: at 0.8800 USD")

    def test_a_premium_that_a_quorum_sees_only_widens_the_price(self) -> None:
        tape = Tape({"DAI": asset(PEG)}, venues("DAI/USD", "a", "b", "c"))
        tape.at(0, a="1.30", b="1.30", c="1.30")

        assert wads("1.02", "1.02", "1.30") == interval_of(tape.price("DAI"))
        assert PriceStatus.DEGRADED is tape.price("DAI").status
        assert ["peg"] == holds_of(tape.price("DAI"))

    def test_a_premium_that_one_venue_sees_is_held(self) -> None:
        tape = Tape({"DAI": lone(PEG)}, venues("DAI/USD", "a"))
        tape.at(0, a="1.30")

        assert tape.price("DAI").mid_wad is None

    def test_a_peg_may_be_many_of_another_asset(self) -> None:
        settings = {"ETH": lone(), "STETH": lone({"peg": "ETH", "peg_value": "1.1", "max_move_bps": 0})}
        tape = Tape(settings, venues("ETH/USD", "eth") | venues("STETH/USD", "steth"))
        tape.at(0, eth="2000", steth="2200")
        right = tape.price("STETH").status
        tape.at(1, steth="1900")

        assert PriceStatus.OK is right
        assert ["peg"] == holds_of(tape.price("STETH"))

    def test_without_a_price_of_its_peg_nothing_is_compared(self) -> None:
        settings = {"ETH": lone(), "STETH": lone({"peg": "ETH", "max_move_bps": 0})}
        tape = Tape(settings, venues("ETH/USD", "eth") | venues("STETH/USD", "steth"))
        tape.at(0, steth="1900")

        assert PriceStatus.OK is tape.price("STETH").status

    def test_an_expired_hold_stays_released_until_the_peg_is_back(self) -> None:
        tape = Tape({"DAI": lone({**PEG, "hold_s": 60.0})}, venues("DAI/USD", "a"))
        tape.at(0, a="1.30")
        tape.at(60, a="1.30")
        released = tape.price("DAI")
        tape.at(500, a="1.31")
        later = tape.price("DAI")
        tape.at(600, a="1.00")
        tape.at(601, a="1.30")

        assert parse_wad("1.30") == released.mid_wad
        assert PriceStatus.DEGRADED is released.status
        assert parse_wad("1.31") == later.mid_wad
        assert ["peg"] == holds_of(tape.price("DAI"))
        assert 2 == tape.guards.tallies["DAI", "peg"].begun


class TestDeviation:
    def tape(self) -> Tape:
        settings = {
            "RATE": lone({"reference": "MARKET", "reference_band_bps": 200, "max_move_bps": 0}),
            "MARKET": lone({"max_move_bps": 0}),
        }
        return Tape(settings, venues("RATE/USD", "rate") | venues("MARKET/USD", "market"))

    @pytest.mark.parametrize(
        ("market", "expected"),
        [
            ("102", wads("100", "100", "100")),
            ("98.04", wads("100", "100", "100")),
            ("104.04", wads("100", "102", "104.04")),
            ("107", (None, None, None)),
        ],
    )
    def test_what_disagrees_is_covered_and_what_is_far_off_is_no_price(
        self, market: str, expected: tuple[int | None, ...]
    ) -> None:
        tape = self.tape()
        tape.at(0, rate="100", market=market)

        assert expected == interval_of(tape.price("RATE"))

    def test_without_the_reference_the_price_stands_alone(self) -> None:
        tape = self.tape()
        tape.at(0, rate="100")

        assert 100 * WAD == tape.price("RATE").mid_wad

    def test_a_quorum_needs_no_confirmation_by_fewer(self) -> None:
        settings = {"ETH": asset({"reference": "SLOW"}), "SLOW": lone()}
        tape = Tape(settings, venues("ETH/USD", "a", "b", "c") | venues("SLOW/USD", "slow"))
        tape.at(0, a="194", b="194", c="194", slow="194")
        tape.at(1, a="110", b="110", c="110")

        assert 110 * WAD == tape.price("ETH").mid_wad


class TestRate:
    def tape(self) -> Tape:
        settings = {"ETH": lone(), "VAULT": lone(RATE, priced_in="ETH")}
        return Tape(settings, venues("ETH/USD", "eth") | venues("VAULT/ETH", "rate"), max_age_s=10**7)

    def test_a_rate_above_its_cap_is_covered_from_the_cap_up(self) -> None:
        tape = self.tape()
        tape.at(0, eth="2000", rate="1")
        tape.at(60, rate="2")
        low, mid, high = interval_of(tape.price("VAULT"))

        cap = 2_000 * Snapshot(WAD, 0).cap_wad(1_000, 60_000)
        assert (cap, cap, 4_000 * WAD) == (low, mid, high)
        assert 2_001 * WAD > cap > 2_000 * WAD

    def test_a_rate_below_its_floor_is_covered_up_to_the_floor(self) -> None:
        tape = self.tape()
        tape.at(0, eth="2000", rate="1")
        tape.at(60, rate="0.9")

        assert wads("1800", "1980", "1980") == interval_of(tape.price("VAULT"))

    def test_a_year_of_yield_is_no_jump(self) -> None:
        tape = self.tape()
        rate = WAD
        for day in range(365):
            tape.at(day * 86_400, eth="2000", rate=f"{rate / WAD:.12f}")
            assert () == tape.price("VAULT").holds
            rate = rate * 10_002 // 10_000

    def test_rate_and_time_of_a_cap_move_together(self) -> None:
        before = Snapshot(parse_wad("1.19"), NOW_MS)

        assert moved_together(before, Snapshot(parse_wad("1.1903"), NOW_MS + 3 * DAY_MS), 1_000)
        assert not moved_together(before, Snapshot(parse_wad("1.2257"), NOW_MS + 3 * DAY_MS), 1_000)
        assert not moved_together(before, Snapshot(parse_wad("1.1903"), NOW_MS), 1_000)
        assert not moved_together(before, Snapshot(parse_wad("1.18"), NOW_MS + YEAR_MS), 1_000)
        assert moved_together(before, before, 1_000)

    def test_a_new_snapshot_takes_rate_and_time(self) -> None:
        guard = RateGuard(GuardSettings(), 1_000)
        tape = Tape({"ETH": lone()}, venues("ETH/USD", "eth"))
        tape.at(0, eth="1")
        assert guard._snapshot is None
        assert 1_100 == Snapshot(1_000, 0).cap_wad(1_000, YEAR_MS)


class TestMagnitude:
    def tape(self, guards: dict[str, str], last: str | None = None) -> Tape:
        known = {} if last is None else {"ETH": last}
        return Tape({"ETH": lone({**guards, "hold_s": 600.0})}, venues("ETH/USD", "a"), last_known=known)

    @pytest.mark.parametrize("value", ["0.000000002", "199", "9000.01", "2000000000000000"])
    def test_a_first_price_of_another_size_than_expected_is_held(self, value: str) -> None:
        tape = self.tape({"expected_low": "200", "expected_high": "9000"})
        tape.at(0, a=value)

        assert ["magnitude"] == holds_of(tape.price("ETH"))

    def test_once_a_price_fitted_it_may_leave_what_was_expected(self) -> None:
        tape = self.tape({"expected_low": "200", "expected_high": "9000"})
        tape.at(0, a="8900")
        tape.at(10, a="9100")

        assert 9_100 * WAD == tape.price("ETH").mid_wad

    @pytest.mark.parametrize(
        ("value", "fits"), [("1000", True), ("4000", True), ("999", False), ("4001", False)]
    )
    def test_a_first_price_lies_within_half_and_twice_the_last_run_s(self, value: str, fits: bool) -> None:
        tape = self.tape({}, "2000")
        tape.at(0, a=value)

        assert fits is (tape.price("ETH").mid_wad is not None)

    def test_a_quorum_may_have_crashed_while_nothing_ran(self) -> None:
        tape = Tape({"ETH": asset()}, venues("ETH/USD", "a", "b", "c"), last_known={"ETH": "2000"})
        tape.at(0, a="900", b="900", c="900")

        assert 900 * WAD == tape.price("ETH").mid_wad

    def test_it_ends_when_a_price_fits_or_when_it_expires(self) -> None:
        tape = self.tape({}, "2000")
        tape.at(0, a="2")
        tape.at(1, a="2100")
        fitting = tape.price("ETH")
        other = self.tape({}, "2000")
        other.at(0, a="2")
        other.at(600, a="2")

        assert 2_100 * WAD == fitting.mid_wad
        assert 2 * WAD == other.price("ETH").mid_wad


class TestConstant:
    def test_a_price_that_nobody_moves_is_held_when_its_time_is_over(self) -> None:
        tape = Tape({"XUSD": lone({"constant_s": 300.0})}, venues("XUSD/USD", "wired"))
        tape.repeat(0, 300, 10, wired="1")
        before = tape.price("XUSD")
        tape.book.tick(NOW_MS + 300_001)

        assert () == before.holds
        assert ["constant"] == holds_of(tape.price("XUSD"))

    def test_it_is_free_as_soon_as_it_moves(self) -> None:
        tape = Tape({"XUSD": lone({"constant_s": 300.0})}, venues("XUSD/USD", "wired"))
        tape.repeat(0, 400, 10, wired="1")
        tape.at(401, wired="0.9999")

        assert parse_wad("0.9999") == tape.price("XUSD").mid_wad


def test_all_that_widen_are_asked_and_nothing_after_one_that_holds() -> None:
    guards = {"peg": "USD", "max_rate_growth_bps": 100, "max_move_bps": 0, "confirm_groups": 3}
    tape = Tape({"DAI": asset(guards, min_sources=2)}, venues("DAI/USD", "a", "b", "c"))
    tape.at(0, a="1", b="1")
    tape.at(10, a="1.1", b="1.1")
    held = tape.price("DAI")

    assert ["rate", "peg"] == holds_of(held)
    assert held.mid_wad is None


class TestReload:
    def test_what_is_held_stays_held_and_what_is_known_stays_known(self) -> None:
        settings = {"ETH": lone({"max_move_bps": 500})}
        tape = Tape(settings, venues("ETH/USD", "a"))
        tape.at(0, a="2000")
        tape.at(1, a="1500")
        after = tape.guards.reloaded(settings)
        raw = replace(tape.price("ETH"), holds=(), low_wad=1, mid_wad=1, high_wad=1)

        assert ["magnitude"] == holds_of(after.apply(raw, {}, tape.now_ms))
        fitting = replace(raw, low_wad=1_500 * WAD, mid_wad=1_500 * WAD, high_wad=1_500 * WAD)
        (hold,) = after.apply(fitting, {}, tape.now_ms).holds
        assert ("move", NOW_MS + 1_000) == (hold.guard, hold.since_ms)
        assert after.tallies is tape.guards.tallies

    def test_an_asset_with_other_settings_begins_anew(self) -> None:
        tape = Tape({"ETH": lone({"max_move_bps": 500})}, venues("ETH/USD", "a"))
        tape.at(0, a="2000")
        free = tape.price("ETH")
        after = tape.guards.reloaded({"ETH": lone({"max_move_bps": 600}), "BTC": lone()})
        moved = replace(free, low_wad=1_500 * WAD, mid_wad=1_500 * WAD, high_wad=1_500 * WAD)

        assert () == after.apply(moved, {}, tape.now_ms).holds
        assert ["magnitude"] == holds_of(
            tape.guards.reloaded({"ETH": lone()}).apply(replace(moved, mid_wad=5), {}, tape.now_ms)
        )
