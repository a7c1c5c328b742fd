"""A hub with everything it needs, in a real EVM, and the people who use it.

Ether is collateral at 2,000 USD, a vault's share of ether too, and bitcoin is a market at 50,000.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import boa
from boa.contracts.abi.abi_contract import ABIContract, ABIContractFactory
from eth_abi import decode, encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from chains.contracts.artifacts import load
from chains.hub.attestation import DOMAIN_NAME, DOMAIN_VERSION, TYPE_STRING, Action, Attestation

WAD = 10**18
USDC = 10**6
"""One whole unit of the stable, raw."""
ETHER = 10**18
BITCOIN = 10**18
DOLLAR = 10**8
"""One US dollar in a feed's decimals."""

STABLE, ETHER_TOKEN, SHARE_TOKEN = 0, 1, 2
BITCOIN_MARKET, ETHER_MARKET = 0, 1

POLICY = bytes.fromhex("70" * 32)
ZERO_HASH = "0x" + "00" * 32
ZERO_ADDRESS = "0x" + "00" * 20
ADDS_RISK = (Action.WITHDRAW, Action.BORROW, Action.TRADE, Action.UNLINK)
ERROR_SELECTOR = bytes.fromhex("08c379a0")
"""Of Error(string)."""
FIELDS = [
    {"type": part.split(" ")[0], "name": part.split(" ")[1]}
    for part in TYPE_STRING.removeprefix("Attestation(").removesuffix(")").split(",")
]


class Leg(NamedTuple):
    """One account's 20 words of `legs()`."""

    version: int
    cross_margin: bool
    debt: int
    last_sequence: int
    collateral: tuple[int, ...]
    positions: tuple[tuple[int, int], ...]


@contextmanager
def refused(contract: ABIContract, reason: str) -> Iterator[None]:
    """Expect the call to revert with exactly this reason ("" for none at all)."""
    try:
        yield
    except boa.BoaError:
        assert reason == revert_reason(contract)
    else:
        raise AssertionError(f"went through instead of being refused with {reason!r}")


def revert_reason(contract: ABIContract) -> str:
    """Return the reason of the contract's last call, which reverted ("" for none)."""
    output = contract._computation.output
    return str(decode(["string"], output[4:])[0]) if output[:4] == ERROR_SELECTOR else ""


def _leg(found: Sequence[int]) -> Leg:
    signed = [word - 2**256 if word >= 2**255 else word for word in found]
    return Leg(
        version=found[0],
        cross_margin=bool(found[1]),
        debt=found[2],
        last_sequence=found[3],
        collateral=tuple(found[6:12]),
        positions=tuple((signed[at], found[at + 1]) for at in range(12, 20, 2)),
    )


def deploy(name: str, *arguments: object) -> ABIContract:
    """Deploy a committed artifact; the current sender becomes owner."""
    artifact = load(name)
    types = [
        entry["type"] for item in artifact.abi if item["type"] == "constructor" for entry in item["inputs"]
    ]
    code = bytes.fromhex(artifact.bytecode[2:]) + encode(types, arguments)
    address, _ = boa.env.deploy_code(bytecode=code)
    return ABIContractFactory(name, artifact.abi).at(address)


def words(attestation: Attestation) -> tuple[object, ...]:
    """Return the attestation as the contract's ABI takes it."""
    return tuple(
        bytes.fromhex(value[2:]) if field["type"] == "bytes32" else value
        for field, value in zip(FIELDS, dataclasses.astuple(attestation), strict=True)
    )


NO_ATTESTATION = words(
    Attestation(
        *(0, ZERO_HASH, 0, 0, 0, 0, 0, 0, 0, 0),
        *(ZERO_HASH, ZERO_ADDRESS, ZERO_ADDRESS, ZERO_HASH, ZERO_HASH, ZERO_HASH, 0, 0),
    )
)


def typed_data(attestation: Attestation, chain_id: int, contract: str) -> dict[str, Any]:
    """Return the EIP-712 document of the attestation, for eth_account."""
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Attestation": FIELDS,
        },
        "primaryType": "Attestation",
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": chain_id,
            "verifyingContract": contract,
        },
        "message": dataclasses.asdict(attestation),
    }


@dataclass
class Scene:
    """The contracts and the people. Prices are set in dollars."""

    hub: ABIContract
    stable: ABIContract
    stable_feed: ABIContract
    ether: ABIContract
    ether_feed: ABIContract
    vault: ABIContract
    bitcoin_feed: ABIContract
    signers: tuple[LocalAccount, ...]
    outsider: LocalAccount
    owner: str
    trader: str
    other_trader: str
    liquidator: str
    stranger: str

    @property
    def now(self) -> int:
        """The block's time, unix seconds."""
        return int(boa.env.evm.patch.timestamp)

    def wait(self, seconds: int) -> None:
        """Let time pass; every feed is told its answer again, so that none is stale."""
        boa.env.evm.patch.timestamp += seconds
        for feed in (self.stable_feed, self.ether_feed, self.bitcoin_feed):
            feed.set_answer(feed.latestRoundData()[1], sender=self.owner)

    def set_price(self, feed: ABIContract, dollars: int) -> None:
        """Set a feed's answer."""
        feed.set_answer(dollars * DOLLAR, sender=self.owner)

    def set_limits(self, **changes: int) -> None:
        """Change some of the hub's limits."""
        limits = self.hub.limits()._asdict() | changes
        self.hub.set_limits(*limits.values(), sender=self.owner)

    def account(self, owner: str, subaccount: int = 0) -> bytes:
        """Return the id of the owner's account."""
        return bytes(self.hub.account_id_of(owner, subaccount))

    def leg(self, owner: str, subaccount: int = 0) -> Leg:
        """Return what the account has on the hub."""
        (leg,) = self.legs([self.account(owner, subaccount)])
        return leg

    def legs(self, accounts: Sequence[bytes]) -> list[Leg]:
        """Return what the accounts have on the hub, with one call."""
        found = self.hub.legs(accounts)
        return [_leg(found[at : at + 20]) for at in range(0, len(found), 20)]

    def deposit(self, owner: str, token_id: int, amount: int, subaccount: int = 0) -> None:
        """Add collateral to the owner's account."""
        self.hub.deposit(subaccount, token_id, amount, sender=owner)

    def borrow(self, owner: str, amount: int, subaccount: int = 0) -> None:
        """Borrow on local margin."""
        self.hub.borrow(subaccount, amount, NO_ATTESTATION, [], sender=owner)

    def trade(self, owner: str, market_id: int, size_delta: int, subaccount: int = 0) -> None:
        """Trade at any price on local margin."""
        limit = 2**256 - 1 if size_delta > 0 else 0
        self.hub.change_position(subaccount, market_id, size_delta, limit, NO_ATTESTATION, [], sender=owner)

    def link(self, owner: str, subaccount: int = 0) -> None:
        """Switch cross margin on."""
        self.hub.set_cross_margin(subaccount, True, NO_ATTESTATION, [], sender=owner)

    def attest(
        self,
        action: Action,
        owner: str,
        item: int,
        max_size: int,
        subaccount: int = 0,
        **changes: Any,
    ) -> Attestation:
        """Return a statement that is good now: fresh, next in sequence, at the hub's own price."""
        account = self.account(owner, subaccount)
        (leg,) = self.legs([account])
        if action in {Action.CLOSE, Action.TRADE}:
            price = self.hub.market_price(item)
        else:
            unpriced = action in {Action.REPAY_CROSS, Action.WRITE_OFF, Action.UNLINK}
            price = self.hub.token_price(STABLE if unpriced else item)
        attestation = Attestation(
            action=int(action),
            account="0x" + account.hex(),
            version=leg.version,
            sequence=leg.last_sequence + 1,
            epoch=self.hub.epoch(),
            item=item,
            max_size=max_size,
            price=price,
            health=WAD * 12 // 10 if action in ADDS_RISK else WAD * 97 // 100,
            value=0,
            claim=ZERO_HASH,
            target=ZERO_ADDRESS,
            beneficiary=self.liquidator,
            blocks_root="0x" + "b1" * 32,
            policy_hash="0x" + POLICY.hex(),
            price_set="0x" + "a5" * 32,
            observed_at=self.now,
            deadline=self.now + 60,
        )
        return dataclasses.replace(attestation, **changes)

    def sign(
        self,
        attestation: Attestation,
        signers: Sequence[LocalAccount] | None = None,
        chain_id: int | None = None,
        contract: str | None = None,
    ) -> list[bytes]:
        """Return the signatures of the first two signers, or of those named, in their order."""
        document = typed_data(
            attestation,
            boa.env.evm.patch.chain_id if chain_id is None else chain_id,
            contract or self.hub.address,
        )
        message = encode_typed_data(full_message=document)
        return [
            bytes(signer.sign_message(message).signature)
            for signer in (self.signers[:2] if signers is None else signers)
        ]

    def liquidate(self, attestation: Attestation, signatures: Sequence[bytes] | None = None) -> None:
        """Execute the attestation as the liquidator, with the hub's function for its action."""
        call = {Action.SEIZE: self.hub.seize, Action.WRITE_OFF: self.hub.write_off}.get(
            Action(attestation.action), self.hub.liquidate
        )
        signed = self.sign(attestation) if signatures is None else signatures
        call(words(attestation), signed, sender=self.liquidator)

    def events(self, name: str) -> list[Any]:
        """Return the hub's events of that name in its last transaction, oldest first."""
        return [event for event in self.hub.get_logs() if type(event).__name__ == name]


def build() -> Scene:
    """Deploy everything, fund everyone."""
    owner, trader, other_trader, liquidator, stranger = (
        str(boa.env.generate_address(role))
        for role in ("owner", "trader", "other_trader", "liquidator", "stranger")
    )
    signers = sorted(
        (Account.from_key(bytes([number]) * 32) for number in (1, 2, 3)), key=lambda key: key.address.lower()
    )
    with boa.env.prank(owner):
        stable = deploy("TestToken", "USD Coin", "USDC", 6)
        ether = deploy("TestToken", "Wrapped Ether", "WETH", 18)
        vault = deploy("ShareVault", ether.address, "Staked Ether", "svETH")
        stable_feed = deploy("PriceFeed", 8, "USDC / USD")
        ether_feed = deploy("PriceFeed", 8, "ETH / USD")
        bitcoin_feed = deploy("PriceFeed", 8, "BTC / USD")
        hub = deploy("MarginHub", stable.address, stable_feed.address, 6)
        stable_feed.set_answer(1 * DOLLAR)
        ether_feed.set_answer(2_000 * DOLLAR)
        bitcoin_feed.set_answer(50_000 * DOLLAR)
        hub.add_token(ether.address, ether_feed.address, 18, False, 8_000, 8_500, 500, 0)
        hub.add_token(vault.address, ether_feed.address, 18, True, 7_500, 8_000, 700, WAD * 11 // 10)
        hub.add_market(bitcoin_feed.address, 1_000, 500, 100, 100 * BITCOIN)
        hub.add_market(ether_feed.address, 1_000, 500, 100, 1_000 * ETHER)
        hub.set_signers([signer.address for signer in signers], 2)
        hub.set_policy(POLICY)
        for person in (owner, trader, other_trader, liquidator, stranger):
            stable.mint(person, 10_000_000 * USDC)
            ether.mint(person, 10_000 * ETHER)
    for person in (owner, trader, other_trader, liquidator, stranger):
        ether.approve(vault.address, 2**256 - 1, sender=person)
        vault.deposit(1_000 * ETHER, sender=person)
        for token in (stable, ether, vault):
            token.approve(hub.address, 2**256 - 1, sender=person)
    hub.fund_pool(1_000_000 * USDC, sender=owner)
    return Scene(
        hub=hub,
        stable=stable,
        stable_feed=stable_feed,
        ether=ether,
        ether_feed=ether_feed,
        vault=vault,
        bitcoin_feed=bitcoin_feed,
        signers=tuple(signers),
        outsider=Account.from_key(b"\x09" * 32),
        owner=owner,
        trader=trader,
        other_trader=other_trader,
        liquidator=liquidator,
        stranger=stranger,
    )
