"""The demo's own arithmetic against the exact engine: what it expects is what the engine must find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from chains.devnet.deploy import Deployment, Listed
from config.loader import examine
from config.settings import Settings
from config.units import WAD
from keeper.demo.cast import (
    BEFORE,
    Fate,
    Role,
    after_the_crash,
    cast,
    equity,
    health,
    holdings,
    penalties,
)
from keeper.demo.cast_options import SCENARIO_SUBACCOUNT
from keeper.demo.configure import Attestor, LocalChain, LocalVenue, attestor_toml, keeper_toml
from keeper.domain.account import Account, Collateral, CutPoint, Debt, Leg, OptionPosition, Position
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy, policy_hash
from oracles.price import Price, PriceStatus

CHAINS = {"alpha": 31_101, "beta": 31_102, "gamma": 31_103}
ROLES = cast(70)


def address(number: int) -> str:
    return f"0x{0xAB00 << 144 | number:040x}"


def local_chain(name: str, number: int) -> LocalChain:
    tokens = tuple(
        Listed(index, symbol, asset, address(number * 100 + index + 20), decimals, is_vault=symbol == "sETH")
        for index, (symbol, asset, decimals) in enumerate(
            (("USDC", "USDC", 6), ("WETH", "ETH", 18), ("WBTC", "BTC", 8), ("sETH", "sETH", 18))
        )
    )
    feeds = {asset: address(number * 100 + 40 + at) for at, asset in enumerate(("USDC", "ETH", "BTC"))}
    deployment = Deployment(
        chain=name,
        chain_id=CHAINS[name],
        genesis_hash=f"0x{number:064x}",
        hub=address(number * 100 + 60),
        multicall=address(number * 100 + 61),
        tokens=tokens,
        feeds=feeds,
        markets={"ETH-PERP": 0, "BTC-PERP": 1},
        option_desk=address(number * 100 + 62) if name == "alpha" else None,
    )
    return LocalChain(
        name,
        CHAINS[name],
        1.0,
        f"http://127.0.0.1:{9000 + number}",
        f"ws://127.0.0.1:{9000 + number}",
        deployment,
    )


LOCAL = [local_chain(name, number) for number, name in enumerate(CHAINS, start=1)]
VENUES = [
    LocalVenue(
        name,
        f"http://127.0.0.1:{9100 + number}",
        {asset: f"{asset}-USD" for asset in ("ETH", "BTC", "USDC", "ETHVOL")},
    )
    for number, name in enumerate(("coinbase", "kraken", "bitstamp", "gemini"))
]
VENUES.append(LocalVenue("okx", "ws://127.0.0.1:9104", {"ETH": "ETH-USD", "BTC": "BTC-USD"}, pushes=True))


def written(folder: Path) -> tuple[Path, list[Path]]:
    """The demo's files for made-up addresses."""
    folder.chmod(0o700)
    attestors = [
        Attestor(f"attestor-{n}", folder / f"{n}.key", address(900 + n), 9200 + n) for n in (1, 2, 3)
    ]
    for path in [folder / "keeper.key", *(each.key_file for each in attestors)]:
        path.write_text("11" * 32)
        path.chmod(0o600)
    keeper = folder / "keeper.toml"
    keeper.write_text(
        keeper_toml(
            LOCAL,
            VENUES,
            attestors,
            key_file=folder / "keeper.key",
            address=address(900),
            state_log=folder / "k.db",
        )
    )
    files = []
    for attestor in attestors:
        path = folder / f"{attestor.name}.toml"
        path.write_text(
            attestor_toml(attestor, LOCAL, VENUES, state_log=folder / "a.db", keeper_log=folder / "u.db")
        )
        files.append(path)
    return keeper, files


def settings_of(path: Path) -> Settings:
    found = examine(path)
    assert found.settings is not None, found.findings
    return found.settings


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> RiskPolicy:
    keeper, _ = written(tmp_path_factory.mktemp("demo"))
    return RiskPolicy.from_settings(settings_of(keeper))


def test_the_files_are_what_the_loader_takes_without_a_word(tmp_path: Path) -> None:
    keeper, attestors = written(tmp_path)

    assert [] == [str(finding) for path in (keeper, *attestors) for finding in examine(path).errors]


def test_keeper_and_attestors_mean_the_same_by_healthy(tmp_path: Path) -> None:
    keeper, attestors = written(tmp_path)
    hashes = {policy_hash(RiskPolicy.from_settings(settings_of(path))) for path in (keeper, *attestors)}

    assert 1 == len(hashes)


def as_engine_sees(role: Role) -> Account:
    legs = []
    for leg in role.account.legs:
        deployment = next(chain.deployment for chain in LOCAL if chain.name == leg.chain)
        held = [(deployment.token(symbol), amount) for symbol, amount in holdings(leg).items()]
        collateral = tuple(Collateral(t.address, t.asset, t.decimals, amount) for t, amount in held)
        positions = tuple(
            Position(market, deployment.markets[market], asset, size, int(BEFORE[asset] * WAD))
            for market, size in leg.positions.items()
            if (asset := market.removesuffix("-PERP"))
        )
        debt = Debt("USDC", 6, leg.debt) if leg.debt else None
        options = tuple(
            OptionPosition(
                its.market, its.series, "ETH", its.is_call, its.strike_wad, its.expiry_s, its.size_wad
            )
            for its in leg.options
        )
        legs.append(Leg(leg.chain, 1, leg.cross_margin, collateral, debt, positions, options=options))
    legs.sort(key=lambda each: each.chain)
    return Account(role.account.account_id, role.account.owner, role.account.subaccount, tuple(legs))


def exact_prices(prices: Mapping[str, Fraction]) -> dict[str, Price]:
    return {
        asset: Price(asset, PriceStatus.OK, "", int(p * WAD), int(p * WAD), int(p * WAD), 0, ())
        for asset, p in prices.items()
    }


@pytest.mark.parametrize("prices", [BEFORE, after_the_crash()], ids=["before", "after"])
def test_the_engine_finds_the_health_that_the_demo_expects(
    policy: RiskPolicy, prices: Mapping[str, Fraction]
) -> None:
    cut = [CutPoint(chain, 1, "0x" + "00" * 32, 0, 0) for chain in CHAINS]
    for role in ROLES:
        found = evaluate(as_engine_sees(role), exact_prices(prices), cut, policy).health
        expected = health(role.account, prices)
        if expected is None:
            assert found is None
        else:
            assert found is not None
            assert abs(Fraction(found.mid, WAD) - expected) < Fraction(1, 10**9), role.story


def test_every_fate_is_played_and_none_is_a_close_call() -> None:
    fates = Counter(role.fate for role in ROLES)
    assert {Fate.UNTOUCHED, Fate.CALLED, Fate.LIQUIDATED} == set(fates)
    assert min(fates.values()) >= 5
    for role in ROLES:
        after = health(role.account, after_the_crash())
        before = health(role.account, BEFORE)
        assert before is None or before > Fraction(105, 100)
        assert after is None or not Fraction(975, 1000) < after < Fraction(102, 100), role.story


def test_the_cast_has_every_case_that_the_demo_speaks_of() -> None:
    assert len(ROLES) >= 60
    assert sum(len(role.chains) > 1 for role in ROLES) >= 40
    assert sum(role.account.subaccount > 0 and len(role.chains) == 1 for role in ROLES) >= 5
    assert sum(bool(leg.options) for role in ROLES for leg in role.account.legs) >= 6
    assert any(role.account.subaccount == SCENARIO_SUBACCOUNT for role in ROLES)
    assert sum("sETH" in leg.collateral for role in ROLES for leg in role.account.legs) >= 5
    assert len({role.account.account_id for role in ROLES}) == len(ROLES)


def test_some_are_healthy_only_thanks_to_another_chain() -> None:
    def alone(role: Role, chain: str) -> Fraction | None:
        legs = tuple(leg for leg in role.account.legs if leg.chain == chain)
        return health(replace(role.account, legs=legs), BEFORE)

    thanks = [
        role for role in ROLES if any((own := alone(role, c)) is not None and own < 1 for c in role.chains)
    ]
    assert len(thanks) >= 30


def test_a_margin_call_is_no_close_call_either() -> None:
    for role in ROLES:
        after = health(role.account, after_the_crash())
        assert after is None or not Fraction(108, 100) < after < Fraction(115, 100), role.story


def test_some_go_bankrupt_and_what_they_owe_is_far_more_than_they_have() -> None:
    bankrupt = [role for role in ROLES if role.bankrupt]

    assert 2 <= len(bankrupt)
    for role in bankrupt:
        assert Fate.LIQUIDATED is role.fate
        assert role.may_leave_bad_debt
        assert equity(role.account, after_the_crash()) < -500


def test_who_may_leave_bad_debt_is_never_a_matter_of_a_few_dollars() -> None:
    for role in ROLES:
        prices = after_the_crash()
        assert abs(equity(role.account, prices) - penalties(role.account, prices)) > 20, role.story


def test_a_seed_changes_who_they_are_and_not_what_happens_to_them() -> None:
    other = cast(70, "another seed")

    assert [role.fate for role in ROLES] == [role.fate for role in other]
    assert not {role.account.account_id for role in ROLES} & {role.account.account_id for role in other}
    assert [role.account for role in ROLES] == [role.account for role in cast(70)]
