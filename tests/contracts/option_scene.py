"""An option desk beside the hub, with ether and bitcoin as underlyings, and what people do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import boa
from boa.contracts.abi.abi_contract import ABIContract

from chains.hub.attestation import Action, Attestation
from chains.hub.options import item_of
from keeper.planner.option_arithmetic import OptionListing, OptionTerms
from tests.contracts.scene import DOLLAR, ETHER, STABLE, USDC, WAD, Scene, build, deploy, words

ETHER_OPTIONS = b"ETH-OPTIONS".ljust(32, b"\0")
BITCOIN_OPTIONS = b"BTC-OPTIONS".ljust(32, b"\0")
LISTING = OptionListing(3, 20, 1_250, 2 * WAD, 1_000 * ETHER)
DAY_S = 86_400
CONTRACT = 10**18
"""One contract: an option on one whole unit."""


@dataclass(frozen=True)
class Held:
    """One series of an account, as the desk's `legs` tell it."""

    series: bytes
    market: bytes
    terms: OptionTerms
    size_wad: int


@dataclass
class OptionScene:
    """A hub's scene and its desk."""

    base: Scene
    desk: ABIContract
    month: int
    """Unix seconds of an expiry thirty days ahead."""

    @property
    def hub(self) -> ABIContract:
        return self.base.hub

    def call_at(self, dollars: int, expiry_s: int | None = None) -> OptionTerms:
        """Return the terms of a call on ether."""
        return OptionTerms(True, dollars * WAD, expiry_s or self.month)

    def put_at(self, dollars: int, expiry_s: int | None = None) -> OptionTerms:
        """Return the terms of a put on ether."""
        return OptionTerms(False, dollars * WAD, expiry_s or self.month)

    def open(self, terms: OptionTerms, market: bytes = ETHER_OPTIONS) -> bytes:
        """Make a series tradable and return its id."""
        found = self.desk.open_series(
            market, terms.is_call, terms.strike_wad, terms.expiry_s, sender=self.base.stranger
        )
        return bytes(found)

    def linked(self, owner: str, dollars: int = 10_000, subaccount: int = 0) -> bytes:
        """Open an account with cross margin and so many dollars in it; return its id."""
        self.base.deposit(owner, STABLE, dollars * USDC, subaccount)
        self.base.link(owner, subaccount)
        return self.base.account(owner, subaccount)

    def attest(
        self,
        action: Action,
        owner: str,
        series: bytes,
        size: int,
        price: int,
        subaccount: int = 0,
    ) -> Attestation:
        """Return a statement that is good now, with the option at `price` and ether at its feed's price."""
        return replace(
            self.base.attest(Action.BORROW, owner, STABLE, size, subaccount),
            action=int(action),
            item=item_of("0x" + series.hex()),
            price=price,
            value=self.hub.token_price(1),
            health=WAD * 12 // 10 if action is Action.OPTION_TRADE else WAD * 97 // 100,
        )

    def trade(
        self,
        owner: str,
        series: bytes,
        size_delta: int,
        price: int,
        subaccount: int = 0,
        limit: int | None = None,
        **changes: Any,
    ) -> None:
        """Trade with an attestation for exactly this size."""
        good = self.attest(Action.OPTION_TRADE, owner, series, abs(size_delta), price, subaccount)
        request = replace(good, **changes)
        worst = (2**255 if size_delta > 0 else 0) if limit is None else limit
        self.hub.trade_option(
            subaccount,
            series,
            size_delta,
            worst,
            words(request),
            self.base.sign(request),
            sender=owner,
        )

    def close(
        self, owner: str, series: bytes, size: int, price: int, subaccount: int = 0, **changes: Any
    ) -> None:
        """Liquidate so many contracts."""
        good = self.attest(Action.OPTION_CLOSE, owner, series, size, price, subaccount)
        self.base.liquidate(replace(good, **changes))

    def size(self, account: bytes, series: bytes) -> int:
        """Return what the account holds of a series."""
        return int(self.desk.size_of(account, series))

    def held(self, accounts: Sequence[bytes]) -> list[list[Held]]:
        """Return what accounts hold, by the desk's `legs`."""
        left = list(self.desk.legs(accounts))
        found: list[list[Held]] = []
        for _ in accounts:
            count = left.pop(0)
            rows = [left[6 * at : 6 * at + 6] for at in range(count)]
            del left[: 6 * count]
            found.append(
                [
                    Held(
                        row[0].to_bytes(32),
                        row[1].to_bytes(32),
                        OptionTerms(bool(row[2]), row[3], row[4]),
                        row[5] - (2**256 if row[5] >= 2**255 else 0),
                    )
                    for row in rows
                ]
            )
        assert not left
        return found

    def expire(self, dollars: int, expiry_s: int | None = None, late_s: int = 10) -> int:
        """Let the expiry pass, with ether at so many dollars in the first round after it; return that round."""
        at = self.month if expiry_s is None else expiry_s
        if self.base.now < at - 1:
            self.base.wait(at - 1 - self.base.now)
        boa.env.evm.patch.timestamp = at + late_s
        for feed in (self.base.stable_feed, self.base.bitcoin_feed):
            feed.set_answer(feed.latestRoundData()[1], sender=self.base.owner)
        self.base.ether_feed.set_answer(dollars * DOLLAR, sender=self.base.owner)
        return int(self.base.ether_feed.latestRoundData()[0])

    def events(self, name: str) -> list[Any]:
        """Return the desk's events of that name in its last transaction."""
        return [event for event in self.desk.get_logs() if type(event).__name__ == name]


def build_options() -> OptionScene:
    """Deploy a hub and its desk, list ether and bitcoin, and let everyone have an account to come."""
    base = build()
    with boa.env.prank(base.owner):
        desk = deploy("OptionDesk", base.hub.address)
        base.hub.set_option_desk(desk.address)
        listed = (
            *(LISTING.spread_bps, LISTING.penalty_bps, LISTING.cap_bps),
            *(LISTING.max_volatility_wad, LISTING.max_open_interest_wad),
        )
        desk.add_market(ETHER_OPTIONS, base.ether_feed.address, *listed)
        desk.add_market(BITCOIN_OPTIONS, base.bitcoin_feed.address, *listed)
    return OptionScene(base, desk, base.now + 30 * DAY_S)
