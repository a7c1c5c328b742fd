"""A margin hub as a value: what its functions do to an account, and what they log. Rounded as the contract rounds.

Written from the contract's rules, without the keeper's own arithmetic, so that a mistake there shows here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chains.hub.attestation import Action, Attestation
from chains.hub.events import (
    BadDebtRecorded,
    ClaimOpened,
    ClaimPaid,
    CollateralSet,
    DebtSet,
    HubEvent,
    Liquidated,
    PositionSet,
)
from config.units import BPS, WAD
from tests.keeper.watch.world import TOKENS

PENALTY_BPS = {"USDC": 100, "ETH": 500}
MARKET_PENALTY_BPS = 100
COOLDOWN_S = 4
DECIMALS = {"USDC": 6, "ETH": 18}
ASSETS = ("USDC", "ETH")


class HubReverts(Exception):
    """The text is the contract's."""


@dataclass(frozen=True)
class HubAccount:
    """One account here: raw amounts by asset, one perpetual in ether, and what was done to it when."""

    version: int = 1
    debt: int = 0
    held: Mapping[str, int] = field(default_factory=dict)
    size_wad: int = 0
    entry_wad: int = 0
    last_sequence: int = 0
    done_at_s: Mapping[tuple[int, int], int] = field(default_factory=dict)


@dataclass(frozen=True)
class HubState:
    """A hub as of one block."""

    chain: str
    chain_id: int
    price_wad: int
    accounts: Mapping[str, HubAccount] = field(default_factory=dict)
    claims: Mapping[str, int] = field(default_factory=dict)
    paid: frozenset[str] = frozenset()
    accounts_of_claims: Mapping[str, str] = field(default_factory=dict)

    def executed(
        self, att: Attestation, sender: str, now_s: int, claim: str
    ) -> tuple[HubState, list[HubEvent]]:
        """Return the hub after a step, and its logs. Raises `HubReverts`. `claim` is what an opened claim is named."""
        account = self.accounts.get(att.account)
        if account is None:
            raise HubReverts("account")
        self._check(att, account, sender, now_s)
        step = _Step(self, att, account, claim)
        match att.action:
            case Action.REPAY:
                step.repay()
            case Action.REPAY_CROSS:
                step.repay_cross()
            case Action.SEIZE:
                step.seize()
            case Action.CLOSE:
                step.close()
            case Action.WRITE_OFF:
                step.write_off()
            case _:
                raise HubReverts("action")
        return step.end(sender, now_s)

    def deposited(self, account: str, asset: str, amount: int) -> tuple[HubState, HubEvent]:
        """Return the hub after an owner's deposit, and its log."""
        before = self.accounts[account]
        held = before.held.get(asset, 0) + amount
        after = replace(before, held={**before.held, asset: held}, version=before.version + 1)
        token = TOKENS[self.chain][ASSETS.index(asset)]
        hub = replace(self, accounts={**self.accounts, account: after})
        return hub, CollateralSet(account, token, held, after.version)

    def _check(self, att: Attestation, account: HubAccount, sender: str, now_s: int) -> None:
        item = 0 if att.action == Action.REPAY_CROSS else att.item
        cooled = att.action not in {Action.SEIZE, Action.WRITE_OFF}
        checks = (
            ("expired", att.deadline >= now_s),
            ("version", att.version == account.version),
            ("sequence", att.sequence > account.last_sequence),
            ("beneficiary", att.beneficiary == sender),
            ("healthy", att.health < WAD or att.action == Action.SEIZE),
            ("size", att.max_size > 0),
            (
                "cooldown",
                not cooled or now_s - account.done_at_s.get((att.action, item), -(10**9)) >= COOLDOWN_S,
            ),
        )
        for text, holds in checks:
            if not holds:
                raise HubReverts(text)
        priced = self.price_of(att)
        if abs(att.price - priced) * BPS > priced * 200:
            raise HubReverts("price")

    def price_of(self, att: Attestation) -> int:
        """Return the hub's own price of what the step is about."""
        of_stable = att.action in {Action.REPAY_CROSS, Action.WRITE_OFF} or (
            att.action in {Action.REPAY, Action.SEIZE} and ASSETS[att.item] == "USDC"
        )
        return WAD if of_stable else self.price_wad


class _Step:
    """One step under way: `account` becomes what it will be."""

    def __init__(self, hub: HubState, att: Attestation, account: HubAccount, claim: str) -> None:
        self.hub, self.att, self.account, self.claim = hub, att, account, claim
        self.claims, self.paid = dict(hub.claims), set(hub.paid)
        self.logs: list[HubEvent] = []
        self.value_wad = self.size = 0

    def repay(self) -> None:
        asset = ASSETS[self.att.item]
        repaid = min(self.att.max_size, self.account.debt)
        value_wad = repaid * 10**12
        taken = self._take(asset, value_wad)
        if taken is None:
            held = self.account.held.get(asset, 0)
            taken = held
            worth = self._worth(asset, held)
            repaid = min(repaid, -(-worth * BPS // (BPS + PENALTY_BPS[asset])) // 10**12 + 1)
        self._hold(asset, -taken)
        self._owe(-repaid)
        self.size, self.value_wad = repaid, repaid * 10**12

    def repay_cross(self) -> None:
        repaid = min(self.att.max_size, self.account.debt)
        self._owe(-repaid)
        self.size, self.value_wad = repaid, repaid * 10**12
        self.claims[self.claim] = self.value_wad
        self.logs.append(
            ClaimOpened(
                self.att.account,
                self.claim,
                self.att.value,
                self.att.target,
                self.value_wad,
                self.att.beneficiary,
            )
        )

    def seize(self) -> None:
        if self.att.claim in self.paid:
            raise HubReverts("claim paid")
        asset = ASSETS[self.att.item]
        taken = self._take(asset, self.att.value)
        taken = min(
            self.account.held.get(asset, 0) if taken is None else taken,
            self.att.max_size,
            self.account.held.get(asset, 0),
        )
        if not taken:
            raise HubReverts("size")
        self._hold(asset, -taken)
        self.paid.add(self.att.claim)
        self.size, self.value_wad = taken, self.att.value
        self.logs.append(
            ClaimPaid(self.att.account, self.att.claim, TOKENS[self.hub.chain][self.att.item], taken)
        )

    def close(self) -> None:
        account, price_wad = self.account, self.hub.price_wad
        size = min(self.att.max_size, abs(account.size_wad))
        if not size:
            raise HubReverts("size")
        signed = size if account.size_wad > 0 else -size
        notional = size * price_wad // WAD
        result = signed * (price_wad - account.entry_wad) // WAD - notional * MARKET_PENALTY_BPS // BPS
        self.account = replace(account, size_wad=account.size_wad - signed)
        raw = result // 10**12
        if raw >= 0:
            repaid = min(raw, account.debt)
            self._owe(-repaid)
            self._hold("USDC", raw - repaid)
        else:
            taken = min(-raw, account.held.get("USDC", 0))
            self._hold("USDC", -taken)
            self._owe(-raw - taken)
        left = self.account
        self.logs.append(
            PositionSet(
                self.att.account, 0, left.size_wad, left.entry_wad if left.size_wad else 0, left.version
            )
        )
        self.size, self.value_wad = size, notional

    def write_off(self) -> None:
        if any(self.account.held.values()) or self.account.size_wad:
            raise HubReverts("collateral")
        gone = min(self.att.max_size, self.account.debt)
        self._owe(-gone)
        self.size, self.value_wad = gone, gone * 10**12
        self.logs.append(BadDebtRecorded(self.att.account, gone, 0))

    def end(self, sender: str, now_s: int) -> tuple[HubState, list[HubEvent]]:
        att = self.att
        item = 0 if att.action == Action.REPAY_CROSS else att.item
        account = replace(
            self.account,
            last_sequence=att.sequence,
            done_at_s={**self.account.done_at_s, (att.action, item): now_s},
        )
        self.logs.append(
            Liquidated(
                att.account,
                att.action,
                att.item,
                self.size,
                att.price,
                self.value_wad,
                0,
                att.health,
                sender,
                att.sequence,
                "0x" + "00" * 32,
            )
        )
        accounts = {**self.hub.accounts, att.account: account}
        owners = {
            **self.hub.accounts_of_claims,
            **dict.fromkeys(self.claims.keys() - self.hub.claims.keys(), att.account),
        }
        hub = replace(
            self.hub,
            accounts=accounts,
            claims=self.claims,
            paid=frozenset(self.paid),
            accounts_of_claims=owners,
        )
        return hub, self.logs

    def _price(self, asset: str) -> int:
        return WAD if asset == "USDC" else self.hub.price_wad

    def _worth(self, asset: str, raw: int) -> int:
        worth: int = raw * self._price(asset) // 10 ** DECIMALS[asset]
        return worth

    def _take(self, asset: str, value_wad: int) -> int | None:
        """Return what is taken for a value; None where less is held."""
        with_penalty = value_wad * (BPS + PENALTY_BPS[asset]) // BPS
        raw = with_penalty * 10 ** DECIMALS[asset] // self._price(asset)
        return raw if raw <= self.account.held.get(asset, 0) else None

    def _hold(self, asset: str, change: int) -> None:
        if change:
            now = self.account.held.get(asset, 0) + change
            self.account = replace(self.account, held={**self.account.held, asset: now})
            token = TOKENS[self.hub.chain][ASSETS.index(asset)]
            self.logs.append(CollateralSet(self.att.account, token, now, self.account.version))

    def _owe(self, change: int) -> None:
        if change:
            self.account = replace(self.account, debt=self.account.debt + change)
            self.logs.append(DebtSet(self.att.account, self.account.debt, self.account.version))
