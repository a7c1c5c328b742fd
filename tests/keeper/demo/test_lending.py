"""The scene with protocols: its cast is what it says, its lines configure a keeper, and every check of it can fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from eth_utils import to_checksum_address

from chains.devnet.anvil import Anvil
from chains.devnet.deploy import Deployment, Listed
from chains.devnet.local_chain import LocalChain as DevnetChain
from chains.devnet.protocols.aave import AavePool
from chains.devnet.protocols.morpho import MorphoMarkets
from chains.venues.morpho_blue.state import MarketParameters
from chains.venues.venue import Borrower, Outcome
from config.loader import load
from config.units import WAD
from keeper.demo.cast import BEFORE, Fate, after_the_crash
from keeper.demo.configure import Attestor, LocalChain, LocalVenue, keeper_toml
from keeper.demo.ledger import Ledger
from keeper.demo.lending.cast import Owner, Protocol, expected, owners
from keeper.demo.lending.ground import Ground
from keeper.demo.lending.judging import Place, Told, crash_handled, mispricing_held, unified_right
from keeper.demo.timeline import Check
from oracles.sources.presets import PRESETS

CAST = owners()
LOANS = [loan for owner in CAST for loan in owner.loans]
EXECUTORS = {"beta": "0x" + "ee" * 20, "gamma": "0x" + "ff" * 20}
Done = tuple[str, str, Outcome]


def test_one_owner_has_legs_in_all_three_places_and_all_three_fall() -> None:
    example = CAST[0]

    assert [Protocol.AAVE, Protocol.MORPHO] == [loan.protocol for loan in example.loans]
    assert all(loan.falls for loan in example.loans)
    assert Fate.LIQUIDATED is example.hub.fate


def test_everybody_may_borrow_what_they_owe_and_nobody_is_bankrupt_at_a_protocol() -> None:
    most = {
        "aave/WETH": Fraction(805, 1000),
        "aave/WBTC": Fraction(73, 100),
        "morpho/WETH": Fraction(86, 100),
    }
    for loan in LOANS:
        limit = most[f"{loan.protocol}/{loan.symbol}"]
        assert loan.weighted(BEFORE) / Fraction(80, 100) * limit >= Fraction(loan.debt, 10**6)
        # what is seized for all that is owed, bonus included, is there
        assert loan.weighted(after_the_crash()) / Fraction(80, 100) > Fraction(loan.debt, 10**6) * Fraction(
            105, 100
        )


def test_some_fall_and_some_are_spared_at_each_place() -> None:
    for protocol in Protocol:
        assert {True, False} == {loan.falls for loan in LOANS if loan.protocol is protocol}
    assert {Fate.LIQUIDATED} < {owner.hub.fate for owner in CAST if owner.hub.account.legs}
    spared = [loan for loan in LOANS if loan.falls_for and not loan.falls]
    assert spared, "a wrong price alone must endanger somebody whom the crash spares"


def good() -> tuple[list[Done], Ledger]:
    done = [
        (
            chain,
            venue,
            Outcome(Borrower(owner, "0x" if venue == "morpho" else ""), EXECUTORS[chain], "", "", 1, 1),
        )
        for chain, venue, owner in sorted(expected(CAST))
    ]
    fell = [
        owner.account_id for owner in CAST if owner.hub.account.legs and owner.hub.fate is Fate.LIQUIDATED
    ]
    return done, Ledger(liquidated=dict.fromkeys(fell, frozenset({"alpha"})))


def failed(checks: list[Check]) -> list[str]:
    return [check.text.split(",")[0][:24] for check in checks if not check.held]


def test_a_crash_that_went_as_it_must_holds() -> None:
    done, after = good()
    assert [] == failed(crash_handled(CAST, done, EXECUTORS, after))


def one_missed(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    return done[1:], after


def one_too_many(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    spared = next(owner for owner in CAST if owner.loans and not any(loan.falls for loan in owner.loans))
    chain, venue, first = done[0]
    return [*done, (chain, venue, replace(first, borrower=Borrower(spared.address)))], after


def by_a_stranger(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    chain, venue, first = done[0]
    return [(chain, venue, replace(first, liquidator="0x" + "01" * 20)), *done[1:]], after


def bad_debt(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    chain, venue, first = done[0]
    return [(chain, venue, replace(first, bad_debt=1)), *done[1:]], after


def a_hub_leg_that_only_a_view_would_save(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    saved = CAST[2].account_id
    return done, replace(after, liquidated={a: c for a, c in after.liquidated.items() if a != saved})


def a_hub_leg_that_only_a_view_would_take(done: list[Done], after: Ledger) -> tuple[list[Done], Ledger]:
    return done, replace(after, liquidated={**after.liquidated, CAST[1].account_id: frozenset({"alpha"})})


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (one_missed, "exactly the 8 loans that"),
        (one_too_many, "exactly the 8 loans that"),
        (by_a_stranger, "each by our executor"),
        (bad_debt, "each by our executor"),
        (a_hub_leg_that_only_a_view_would_save, "at the hub exactly the 3"),
        (a_hub_leg_that_only_a_view_would_take, "at the hub exactly the 3"),
    ],
)
def test_a_crash_that_went_wrong_is_told(
    spoil: Callable[[list[Done], Ledger], tuple[list[Done], Ledger]], what: str
) -> None:
    done, after = spoil(*good())

    assert [what] == failed(crash_handled(CAST, done, EXECUTORS, after))


def told(owner: Owner, factor: Fraction = Fraction(1)) -> Told:
    chains = {leg.chain for leg in owner.hub.account.legs} | {loan.protocol.chain for loan in owner.loans}
    return Told(int(owner.unified_health(BEFORE) * factor * WAD), frozenset(chains))


def test_one_health_over_all_legs_is_compared_with_plain_arithmetic() -> None:
    right = {owner.account_id: told(owner) for owner in CAST}
    first = CAST[0].account_id

    assert unified_right(CAST, right, BEFORE).held
    assert not unified_right(CAST, {**right, first: told(CAST[0], Fraction(99, 100))}, BEFORE).held
    assert not unified_right(
        CAST, {**right, first: replace(right[first], chains=frozenset({"alpha"}))}, BEFORE
    ).held
    assert not unified_right(CAST, {**right, first: replace(right[first], health_mid_wad=None)}, BEFORE).held
    del right[first]
    assert not unified_right(CAST, right, BEFORE).held


def test_a_wrong_price_must_be_held_told_and_touch_nobody() -> None:
    held: dict[Place, str] = {
        ("beta", "aave", owner.address): "price_held"
        for owner in CAST
        for loan in owner.loans
        if loan.falls_for
    }
    done, _ = good()

    assert mispricing_held(CAST, held, [], alerted=True).held
    assert not mispricing_held(CAST, held, [], alerted=False).held
    assert not mispricing_held(CAST, held, done[:1], alerted=True).held
    assert not mispricing_held(CAST, dict(list(held.items())[1:]), [], alerted=True).held
    assert not mispricing_held(CAST, {**held, next(iter(held)): "send"}, [], alerted=True).held


def test_its_lines_configure_a_keeper_that_is_live_at_both_protocols(tmp_path: Path) -> None:
    deployments = [
        deployment(number, name) for number, name in enumerate(("alpha", "beta", "gamma"), start=1)
    ]
    chains = [
        LocalChain(
            each.chain,
            each.chain_id,
            1.0,
            f"http://127.0.0.1:{each.chain_id}",
            f"ws://127.0.0.1:{each.chain_id}",
            each,
        )
        for each in deployments
    ]
    venues = [
        LocalVenue(name, "http://127.0.0.1:2", {"ETH": "x", "BTC": "y", "USDC": "z"})
        for name in ("coinbase", "kraken", "bitstamp")
    ]
    attestors = [
        Attestor(name, tmp_path / "key", address(0x70 + at), 9 + at) for at, name in enumerate("abc")
    ]
    text = keeper_toml(
        chains,
        venues,
        attestors,
        key_file=tmp_path / "key",
        address=address(0x60),
        state_log=tmp_path / "log",
    )
    file = tmp_path / "keeper.toml"
    file.write_text(text + ground(deployments[1], deployments[2]).toml())

    settings = load(file, PRESETS)

    assert [["aave"], ["morpho"]] == [list(settings.chains[name].venues) for name in ("beta", "gamma")]
    assert {"beta", "gamma"} == {name for name, its in settings.chains.items() if its.executor is not None}
    assert [1, 0] == [
        len(its.executor.inventory) for its in settings.chains.values() if its.executor is not None
    ]


def address(number: int) -> str:
    return str(to_checksum_address(f"0xab{number:038x}"))


def deployment(number: int, name: str) -> Deployment:
    listed = (("USDC", "USDC", 6), ("WETH", "ETH", 18), ("WBTC", "BTC", 8), ("sETH", "sETH", 18))
    tokens = tuple(
        Listed(at, symbol, asset, address(number * 256 + at), decimals, is_vault=symbol == "sETH")
        for at, (symbol, asset, decimals) in enumerate(listed)
    )
    feeds = {asset: address(number * 256 + 32 + at) for at, asset in enumerate(("USDC", "ETH", "BTC"))}
    genesis = f"0x{number:064x}"
    return Deployment(
        name,
        31_000 + number,
        genesis,
        address(number * 256 + 64),
        tokens,
        feeds,
        {"ETH-PERP": 0, "BTC-PERP": 1},
        "",
    )


def ground(beta: Deployment, gamma: Deployment) -> Ground:
    tokens = [{each.symbol: each.address for each in its.tokens} for its in (beta, gamma)]
    chain = DevnetChain(Anvil(1), free=False)
    aave = AavePool(chain, pool=address(0x51), tokens=tokens[0])
    market = MarketParameters(
        tokens[1]["USDC"], tokens[1]["WETH"], address(0x54), address(0x55), 86 * WAD // 100
    )
    morpho = MorphoMarkets(chain, tokens=tokens[1], morpho=address(0x52), markets={"WETH/USDC": market})
    pools, executors = ({"beta": address(at), "gamma": address(at + 1)} for at in (0x56, 0x58))
    return Ground({"beta": chain, "gamma": chain}, aave, morpho, pools, executors)
