"""An option desk under arbitrary use: three accounts, four series, moving prices, expiries.

Whatever is done and whatever is refused, the books balance, each account's stable moves by exactly what the
keeper's arithmetic says, nobody moves another's, and what is not allowed by the bounds is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import boa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from config.units import BPS, mul_div_down, mul_div_up
from keeper.planner.option_arithmetic import (
    OptionTerms,
    payoff,
    penalty_price,
    price_range,
    traded_price,
    worth,
)
from tests.contracts.option_scene import CONTRACT, DAY_S, ETHER_OPTIONS, LISTING, OptionScene
from tests.contracts.scene import STABLE, USDC, WAD, Leg, revert_reason

BAND_BPS = 150
REASONS = {
    *("price", "size", "pool", "open interest", "expired", "close factor", "cooldown", "healthy"),
    *("settled", "dust", "action"),
}

people = st.integers(0, 2)
numbers = st.integers(0, 3)
healths = st.sampled_from([0, WAD // 2, WAD * 94 // 100, WAD * 95 // 100, WAD - 1, WAD])
moneyness_bps = st.integers(0, 11_000)


class OptionMachine(RuleBasedStateMachine):
    """`scene` is set by the test that runs it."""

    scene: ClassVar[OptionScene]

    def __init__(self) -> None:
        super().__init__()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        base = self.scene.base
        self.owners = [base.trader, base.other_trader, base.stranger]
        self.accounts = [self.scene.linked(owner, 20_000) for owner in self.owners]
        week, month = base.now + 7 * DAY_S, self.scene.month
        self.terms = [
            self.scene.call_at(2_100, week),
            self.scene.put_at(1_900, week),
            self.scene.call_at(2_000, month),
            self.scene.put_at(2_000, month),
        ]
        self.series = [self.scene.open(terms) for terms in self.terms]
        self.sizes = dict.fromkeys(((who, number) for who in range(3) for number in range(4)), 0)
        for who, number, contracts in ((0, 0, -100), (1, 0, 100), (1, 1, -50), (2, 2, 20), (2, 3, -80)):
            delta = contracts * CONTRACT
            self.scene.trade(self.owners[who], self.series[number], delta, 80 * WAD)
            self.sizes[who, number] = delta
        self.legs = base.legs(self.accounts)

    def teardown(self) -> None:
        self._anchor.__exit__(None, None, None)

    # What must come of it

    def attempt(self, who: int | None, contract: Any, call: Callable[[], None]) -> bool:
        """Try it; whoever did not act has what they had."""
        before = self.legs
        try:
            call()
        except boa.BoaError:
            assert revert_reason(contract) in REASONS
            done = False
        else:
            done = True
        self.legs = self.scene.base.legs(self.accounts)
        for number, (old, new) in enumerate(zip(before, self.legs, strict=True)):
            if number != who or not done:
                assert old == new
        return done

    def moved(self, before: Leg, who: int) -> int:
        """Return the raw stable an account has more, its debt counted against it."""
        leg = self.legs[who]
        return (leg.collateral[STABLE] - leg.debt) - (before.collateral[STABLE] - before.debt)

    def raw(self, sold: int, price: int) -> int:
        """Return the raw stable that giving up a signed size brings, by the keeper's arithmetic."""
        stable = self.scene.hub.token_price(STABLE)
        gain, loss = worth(sold, price)
        return mul_div_down(gain, USDC, stable) - mul_div_up(loss, USDC, stable)

    @property
    def underlying(self) -> int:
        return int(self.scene.hub.token_price(1))

    def price_at(self, number: int, bps: int) -> int:
        """Return a price between the lowest and highest possible (bps of the way), or beyond."""
        terms = self.terms[number]
        at = min(self.scene.base.now, terms.expiry_s)
        low, high = price_range(terms, LISTING, self.underlying, BAND_BPS, at)
        return low + (high - low) * bps // BPS

    def possible(self, terms: OptionTerms, price: int) -> bool:
        now = self.scene.base.now
        low, high = price_range(terms, LISTING, self.underlying, BAND_BPS, now)
        return now < terms.expiry_s and low <= price <= high

    # What people do

    @rule(who=people, number=numbers, milli=st.integers(-400_000, 400_000), bps=moneyness_bps)
    def trade(self, who: int, number: int, milli: int, bps: int) -> None:
        delta, price = milli * CONTRACT // 1_000, self.price_at(number, bps)
        before = self.legs[who]
        done = self.attempt(
            who,
            self.scene.hub,
            lambda: self.scene.trade(self.owners[who], self.series[number], delta, price),
        )
        if done:
            assert self.possible(self.terms[number], price)
            premium = traded_price(LISTING, price, self.underlying, delta)
            assert self.raw(-delta, premium) == self.moved(before, who)
            assert before.version + 1 == self.legs[who].version
            assert before.last_sequence == self.legs[who].last_sequence
            self.sizes[who, number] += delta

    @rule(
        who=people,
        number=numbers,
        part_bps=st.integers(1, 12_000),
        bps=moneyness_bps,
        health=healths,
    )
    def close(self, who: int, number: int, part_bps: int, bps: int, health: int) -> None:
        held, price = self.sizes[who, number], self.price_at(number, bps)
        size = abs(held) * part_bps // BPS
        before, insured = self.legs[who], self.scene.hub.insurance(STABLE)
        cash = self.scene.base.stable.balanceOf(self.scene.base.liquidator)
        done = self.attempt(
            who,
            self.scene.hub,
            lambda: self.scene.close(self.owners[who], self.series[number], size, price, health=health),
        )
        if not done:
            return
        assert self.possible(self.terms[number], price)
        assert health < WAD
        closed = min(size, abs(held)) * (1 if held > 0 else -1)
        rest_wad = (abs(held) - abs(held) * 5_000 // BPS) * self.underlying // WAD
        assert abs(closed) <= abs(held) * 5_000 // BPS or health < WAD * 95 // 100 or rest_wad <= 50 * WAD
        stable = self.scene.hub.token_price(STABLE)
        most = abs(closed) * penalty_price(LISTING, price, self.underlying) // WAD * USDC // stable
        given = self.scene.base.stable.balanceOf(self.scene.base.liquidator) - cash
        penalty = given + self.scene.hub.insurance(STABLE) - insured
        # Less only where the pool has nothing to lend for it.
        assert penalty == most or (penalty < most and self.scene.hub.pool_cash() == 0)
        assert self.raw(closed, price) - penalty == self.moved(before, who)
        assert before.version == self.legs[who].version
        self.sizes[who, number] -= closed

    @rule(number=numbers, dollars=st.integers(200, 9_000), patience=st.integers(0, 5))
    def it_expires(self, number: int, dollars: int, patience: int) -> None:
        terms = self.terms[number]
        if patience == 0 and self.scene.base.now < terms.expiry_s:
            first = self.scene.expire(dollars, terms.expiry_s)
            self.scene.desk.fix_settlement(ETHER_OPTIONS, terms.expiry_s, first)

    @rule(who=people, number=numbers)
    def settle(self, who: int, number: int) -> None:
        terms, held, before = self.terms[number], self.sizes[who, number], self.legs[who]
        done = self.attempt(
            who,
            self.scene.desk,
            lambda: self.scene.desk.settle(self.series[number], [self.accounts[who]]),
        )
        if done:
            price = self.scene.desk.settlement_price(ETHER_OPTIONS, terms.expiry_s)
            assert terms.expiry_s <= self.scene.base.now
            assert self.raw(held, payoff(terms, price)) == self.moved(before, who)
            assert before.version == self.legs[who].version
            self.sizes[who, number] = 0

    # What happens around them

    @rule(ether=st.integers(200, 9_000), cents=st.integers(80, 120))
    def prices_move(self, ether: int, cents: int) -> None:
        self.scene.base.set_price(self.scene.base.ether_feed, ether)
        self.scene.base.stable_feed.set_answer(cents * 10**6, sender=self.scene.base.owner)

    @rule(seconds=st.sampled_from([1, 30, 3_600, DAY_S]))
    def time_passes(self, seconds: int) -> None:
        base = self.scene.base
        due = [terms.expiry_s for terms in self.terms if terms.expiry_s > base.now]
        base.wait(min([seconds, *(expiry - 1 - base.now for expiry in due)]))

    @rule(part_bps=st.integers(0, BPS))
    def the_pool_is_drawn_on(self, part_bps: int) -> None:
        hub, owner = self.scene.hub, self.scene.base.owner
        hub.withdraw_pool(hub.pool_cash() * part_bps // BPS, sender=owner)

    @rule(dollars=st.integers(1, 500_000))
    def the_pool_is_fed(self, dollars: int) -> None:
        self.scene.hub.fund_pool(dollars * USDC, sender=self.scene.base.owner)

    # What holds at all times

    @invariant()
    def what_the_hub_holds_is_what_its_books_say(self) -> None:
        hub, base = self.scene.hub, self.scene.base
        booked = sum(leg.collateral[STABLE] for leg in self.legs) + hub.insurance(STABLE)
        assert booked + hub.pool_cash() == base.stable.balanceOf(hub.address)
        assert 0 == base.stable.balanceOf(self.scene.desk.address)

    @invariant()
    def the_desk_holds_what_was_done(self) -> None:
        for who, rows in enumerate(self.scene.held(self.accounts)):
            expected = {
                self.series[number]: (self.terms[number], self.sizes[who, number])
                for number in range(4)
                if self.sizes[who, number]
            }
            assert expected == {row.series: (row.terms, row.size_wad) for row in rows}
            assert len(rows) == self.scene.desk.series_count(self.accounts[who])

    @invariant()
    def open_interest_is_the_sum_of_sizes(self) -> None:
        for number, series in enumerate(self.series):
            info = self.scene.desk.series_info(series)
            sizes = [self.sizes[who, number] for who in range(3)]
            assert sum(size for size in sizes if size > 0) == info.open_interest_long
            assert -sum(size for size in sizes if size < 0) == info.open_interest_short
