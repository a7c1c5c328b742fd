"""A hub under arbitrary use: several accounts, three collateral tokens, one market, moving prices.

Whatever is done and whatever is refused, the books balance, nobody moves another's leg, and
no step costs an account more than its penalty.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any, ClassVar

import boa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chains.hub.attestation import Action, Attestation
from tests.contracts.scene import (
    BITCOIN,
    BITCOIN_MARKET,
    DOLLAR,
    ETHER,
    ETHER_TOKEN,
    NO_ATTESTATION,
    SHARE_TOKEN,
    STABLE,
    USDC,
    WAD,
    Leg,
    Scene,
    revert_reason,
    words,
)

UNITS = {STABLE: USDC, ETHER_TOKEN: ETHER, SHARE_TOKEN: ETHER}
WEIGHTS = {STABLE: 9_500, ETHER_TOKEN: 8_000, SHARE_TOKEN: 7_500}
PENALTIES_BPS = {STABLE: 100, ETHER_TOKEN: 500, SHARE_TOKEN: 700}
PENALTY_OF_CLOSING_BPS = 100
ROUNDING = Fraction(1, 10**4)
"""USD. A few raw units of the stable, which are a millionth each."""
REASONS = {
    *("paused", "dust", "size", "token", "margin", "pool", "action", "price", "market", "open interest"),
    *("close factor", "cooldown", "claim paid", "healthy"),
}

accounts = st.integers(0, 3)
tokens = st.sampled_from([STABLE, ETHER_TOKEN, SHARE_TOKEN])
parts_bps = st.integers(1, 12_000)
healths = st.sampled_from([0, WAD // 2, WAD * 94 // 100, WAD * 95 // 100, WAD - 1])


class HubMachine(RuleBasedStateMachine):
    """`scene` is set by the test that runs it."""

    scene: ClassVar[Scene]

    def __init__(self) -> None:
        super().__init__()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        self.owners = [
            (self.scene.trader, 0),
            (self.scene.trader, 1),
            (self.scene.other_trader, 0),
            (self.scene.stranger, 0),
        ]
        self.ids = [self.scene.account(*owner) for owner in self.owners]
        for number, (owner, subaccount) in enumerate(self.owners):
            self.scene.deposit(owner, number % 2, (5_000 * USDC, 10 * ETHER)[number % 2], subaccount)
            self.scene.borrow(owner, 3_000 * USDC, subaccount)
            self.scene.trade(owner, BITCOIN_MARKET, (-1) ** number * BITCOIN // 5, subaccount)
            if number > 1:
                self.scene.link(owner, subaccount)
        self.legs = self.scene.legs(self.ids)
        self.opened: set[bytes] = set()
        self.paid: set[bytes] = set()

    def teardown(self) -> None:
        self._anchor.__exit__(None, None, None)

    # What is done, and what must be true of it

    def attempt(self, who: int | None, call: Callable[[], None], *, own: bool) -> dict[str, Any] | None:
        """Do it; check whose leg and version moved. Return its events by name if it went through."""
        try:
            call()
        except boa.BoaError:
            # Never without a reason: that would be an overflow or a division by zero.
            reason = revert_reason(self.scene.hub)
            assert reason in REASONS, f"refused with {reason!r}"
            return None
        events = {type(event).__name__: event for event in self.scene.hub.get_logs()}
        before, self.legs = self.legs, self.scene.legs(self.ids)
        for number, (old, new) in enumerate(zip(before, self.legs, strict=True)):
            raised = 1 if own and number == who else 0
            assert old.version + raised == new.version
            assert number == who or old == new
        return events

    def prices(self) -> dict[int, Fraction]:
        """USD of one raw unit of each token."""
        return {
            token: Fraction(self.scene.hub.token_price(token), WAD * unit) for token, unit in UNITS.items()
        }

    def equity(self, leg: Leg) -> Fraction:
        """USD: collateral and unrealised results less debt, at the feeds' prices."""
        price = self.prices()
        size, entry = leg.positions[BITCOIN_MARKET]
        result = Fraction(size * (self.scene.hub.market_price(BITCOIN_MARKET) - entry), WAD * WAD)
        held = sum((price[token] * leg.collateral[token] for token in UNITS), Fraction(0))
        return held + result - price[STABLE] * leg.debt

    def local_surplus(self, leg: Leg) -> Fraction:
        """USD: by how much the leg alone meets its initial margin. Written from the specification."""
        price = self.prices()
        size, entry = leg.positions[BITCOIN_MARKET]
        market = self.scene.hub.market_price(BITCOIN_MARKET)
        loss = max(Fraction(0), Fraction(size * (entry - market), WAD * WAD))
        notional = Fraction(abs(size) * market, WAD * WAD)
        held = sum(
            (price[token] * leg.collateral[token] * weight / 10_000 for token, weight in WEIGHTS.items()),
            Fraction(0),
        )
        return held - price[STABLE] * leg.debt - loss - notional / 10

    def add_risk(self, who: int, call: Callable[..., None], action: Action, item: int, size: int) -> None:
        """Try on local margin, or with an attestation if the account is linked."""
        owner, subaccount = self.owners[who]
        proof: tuple[object, ...] = (NO_ATTESTATION, [])
        if self.legs[who].cross_margin:
            request = self.scene.attest(action, owner, item, size, subaccount)
            proof = (words(request), self.scene.sign(request))
        held = self.legs[who].positions[BITCOIN_MARKET][0]
        events = self.attempt(who, lambda: call(*proof, sender=owner), own=True)
        leg = self.legs[who]
        size_now = leg.positions[BITCOIN_MARKET][0]
        reduced = action == Action.TRADE and abs(size_now) < abs(held) and size_now * held >= 0
        owes = leg.debt > 0 or size_now != 0
        if events is not None and owes and not leg.cross_margin and not reduced:
            assert self.local_surplus(leg) >= 0

    def step(self, who: int, request: Attestation, penalty_bps: int) -> dict[str, Any] | None:
        """Take a step of a liquidation: it costs the account its penalty at most."""
        before = self.equity(self.legs[who])
        events = self.attempt(who, lambda: self.scene.liquidate(request), own=False)
        if events is None:
            return None
        leg = self.legs[who]
        assert request.sequence == leg.last_sequence
        value = Fraction(events["Liquidated"].value_wad, WAD)
        # What the account is rid of elsewhere (SEIZE) it was given here.
        given = value if request.action == Action.SEIZE else 0
        cost = before - self.equity(leg) - given
        assert cost <= value * penalty_bps / 10_000 + ROUNDING
        return events

    # What people do

    @rule(who=accounts, token=tokens, milli=st.integers(1, 20_000))
    def deposit(self, who: int, token: int, milli: int) -> None:
        owner, subaccount = self.owners[who]
        amount = milli * UNITS[token] // (1 if token == STABLE else 1_000)
        self.attempt(who, lambda: self.scene.hub.deposit(subaccount, token, amount, sender=owner), own=True)

    @rule(who=accounts, token=tokens, part_bps=parts_bps)
    def withdraw(self, who: int, token: int, part_bps: int) -> None:
        amount = self.legs[who].collateral[token] * part_bps // 10_000
        call = partial(self.scene.hub.withdraw, self.owners[who][1], token, amount)
        self.add_risk(who, call, Action.WITHDRAW, token, amount)

    @rule(who=accounts, dollars=st.integers(0, 30_000))
    def borrow(self, who: int, dollars: int) -> None:
        call = partial(self.scene.hub.borrow, self.owners[who][1], dollars * USDC)
        self.add_risk(who, call, Action.BORROW, STABLE, dollars * USDC)

    @rule(who=accounts, milli=st.integers(-3_000, 3_000))
    def trade(self, who: int, milli: int) -> None:
        size = milli * BITCOIN // 1_000
        limit = 2**256 - 1 if size > 0 else 0
        call = partial(self.scene.hub.change_position, self.owners[who][1], BITCOIN_MARKET, size, limit)
        leg = self.legs[who]
        before = self.equity(leg)
        # Reducing is not asked for an attestation, and must be free of any other cost too.
        self.add_risk(who, call, Action.TRADE, BITCOIN_MARKET, abs(size))
        assert abs(before - self.equity(self.legs[who])) <= ROUNDING

    @rule(who=accounts, part_bps=parts_bps, by_owner=st.booleans())
    def repay(self, who: int, part_bps: int, by_owner: bool) -> None:
        payer = self.owners[who][0] if by_owner else self.scene.liquidator
        amount = self.legs[who].debt * part_bps // 10_000
        self.attempt(who, lambda: self.scene.hub.repay(self.ids[who], amount, sender=payer), own=by_owner)

    @precondition(lambda self: not all(leg.cross_margin for leg in self.legs))
    @rule()
    def link(self) -> None:
        who = next(number for number, leg in enumerate(self.legs) if not leg.cross_margin)
        owner, subaccount = self.owners[who]
        self.attempt(who, lambda: self.scene.link(owner, subaccount), own=True)

    @precondition(lambda self: all(leg.cross_margin for leg in self.legs))
    @rule(who=accounts)
    def unlink(self, who: int) -> None:
        call = partial(self.scene.hub.set_cross_margin, self.owners[who][1], False)
        self.add_risk(who, call, Action.UNLINK, 0, 0)

    # What a quorum lets through

    @rule(who=accounts, part_bps=parts_bps, health=healths)
    def close(self, who: int, part_bps: int, health: int) -> None:
        size = abs(self.legs[who].positions[BITCOIN_MARKET][0]) * part_bps // 10_000
        owner, subaccount = self.owners[who]
        self.step(
            who,
            self.scene.attest(Action.CLOSE, owner, BITCOIN_MARKET, size, subaccount, health=health),
            PENALTY_OF_CLOSING_BPS,
        )

    @rule(who=accounts, token=tokens, part_bps=parts_bps, health=healths)
    def repay_for_collateral(self, who: int, token: int, part_bps: int, health: int) -> None:
        size = self.legs[who].debt * part_bps // 10_000
        owner, subaccount = self.owners[who]
        self.step(
            who,
            self.scene.attest(Action.REPAY, owner, token, size, subaccount, health=health),
            PENALTIES_BPS[token],
        )

    @rule(who=accounts, part_bps=parts_bps, health=healths)
    def repay_for_a_claim(self, who: int, part_bps: int, health: int) -> None:
        size = self.legs[who].debt * part_bps // 10_000
        owner, subaccount = self.owners[who]
        request = self.scene.attest(Action.REPAY_CROSS, owner, STABLE, size, subaccount, health=health)
        events = self.step(who, request, 0)
        if events is not None:
            opened = events["ClaimOpened"]
            assert opened.value_wad == self.scene.hub.claim_value(opened.claim)
            assert opened.claim not in self.opened
            self.opened.add(opened.claim)

    @rule(who=accounts, token=tokens, number=st.integers(1, 5), dollars=st.integers(1, 20_000))
    def seize(self, who: int, token: int, number: int, dollars: int) -> None:
        # Opened on another chain, of which this one knows only what the quorum says.
        claim = number.to_bytes(32, "big")
        owner, subaccount = self.owners[who]
        request = self.scene.attest(
            Action.SEIZE,
            owner,
            token,
            2**200,
            subaccount,
            value=dollars * WAD,
            claim="0x" + claim.hex(),
        )
        assert (claim in self.paid) == self.scene.hub.claim_paid(claim)
        if self.step(who, request, PENALTIES_BPS[token]) is not None:
            assert claim not in self.paid
            self.paid.add(claim)

    @rule(who=accounts)
    def write_off(self, who: int) -> None:
        owner, subaccount = self.owners[who]
        debt = self.legs[who].debt
        request = self.scene.attest(Action.WRITE_OFF, owner, STABLE, debt, subaccount, health=0)
        self.step(who, request, 0)

    # What happens around them

    @rule(ether=st.integers(200, 5_000), bitcoin=st.integers(5_000, 120_000), cents=st.integers(80, 120))
    def prices_move(self, ether: int, bitcoin: int, cents: int) -> None:
        self.scene.set_price(self.scene.ether_feed, ether)
        self.scene.set_price(self.scene.bitcoin_feed, bitcoin)
        self.scene.stable_feed.set_answer(cents * DOLLAR // 100, sender=self.scene.owner)

    @rule(milli=st.integers(1, 200_000))
    def the_vault_earns(self, milli: int) -> None:
        self.scene.vault.donate(milli * ETHER // 1_000, sender=self.scene.owner)

    @rule(seconds=st.integers(1, 60))
    def time_passes(self, seconds: int) -> None:
        self.scene.wait(seconds)

    @rule(dollars=st.integers(0, 20_000))
    def the_funds_are_fed(self, dollars: int) -> None:
        hub = self.scene.hub
        self.attempt(None, lambda: hub.fund_pool(dollars * USDC, sender=self.scene.owner), own=False)
        self.attempt(None, lambda: hub.fund_insurance(dollars * USDC, sender=self.scene.owner), own=False)

    @rule(part_bps=parts_bps, token=tokens)
    def the_owner_takes_out(self, part_bps: int, token: int) -> None:
        hub, owner = self.scene.hub, self.scene.owner
        cash = hub.pool_cash() * part_bps // 10_000
        insured = hub.insurance(token) * part_bps // 10_000
        self.attempt(None, lambda: hub.withdraw_pool(cash, sender=owner), own=False)
        self.attempt(None, lambda: hub.withdraw_insurance(token, insured, sender=owner), own=False)

    # What holds at all times

    @invariant()
    def what_the_hub_holds_is_what_its_books_say(self) -> None:
        hub = self.scene.hub
        for number, token in enumerate((self.scene.stable, self.scene.ether, self.scene.vault)):
            booked = sum(leg.collateral[number] for leg in self.legs) + hub.insurance(number)
            cash = hub.pool_cash() if number == STABLE else 0
            assert booked + cash == token.balanceOf(hub.address)

    @invariant()
    def open_interest_is_the_sum_of_positions(self) -> None:
        sizes = [leg.positions[BITCOIN_MARKET][0] for leg in self.legs]
        info = self.scene.hub.market_info(BITCOIN_MARKET)
        assert sum(size for size in sizes if size > 0) == info.open_interest_long
        assert -sum(size for size in sizes if size < 0) == info.open_interest_short

    @invariant()
    def a_position_has_an_entry_price_and_nothing_else_has(self) -> None:
        for leg in self.legs:
            size, entry = leg.positions[BITCOIN_MARKET]
            assert (size == 0) == (entry == 0)
