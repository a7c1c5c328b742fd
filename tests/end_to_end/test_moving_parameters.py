"""Parameters that move, played through: markets turn wild, new risk needs more, and nobody is liquidated by other rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from click.testing import CliRunner

from chains.devnet.accounts import LocalHub, RiskRequest
from chains.hub.attestation import Action
from keeper.attest.quorum import Quorum
from keeper.attest.wire import RefusalReason, Refused
from keeper.demo.opening import Owners
from keeper.domain.health import UnifiedHealth
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy
from keeper.runtime import moving
from keeper.runtime.clock import now_ms
from keeper.state.errors import LogUnreadable
from keeper.state.reader import LogReader
from keeper.views.cli import keeper
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.crowd import USDC_UNIT, Crowd, Plan, account_id
from tests.end_to_end.inside import Inside, running
from tests.end_to_end.rounds import steady_prices
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage, until

pytestmark = pytest.mark.chain

BOUND_BPS, CONFIGURED_BPS, LOWEST_BPS = 10_500, 7_500, 7_400
"""A haircut of 25 % times 1.05 would leave a weight of 73.75 %: the asset's own bound is nearer."""
TIERS_BPS = {"markets.ETH-PERP.tiers.0.initial_bps": (1_000, 1_030)}
EARLY, LATE, SMALL = 1, 2, 3
ASKED = {EARLY: 490, LATE: 490, SMALL: 400}
"""To borrow more on top of a thousand, against one ether: at most 500 as configured, 480 where new risk needs most."""
MULTIPLIERS = "SELECT multiplier_bps FROM multipliers WHERE asset = 'ETH'"
HISTORY = "SELECT name, before_bps, after_bps, why FROM parameter_history ORDER BY seq, number"


def moving_parameters(text: str) -> str:
    text = steady_prices(text)
    text = text.replace(
        "[assets.ETH]\n", f"[assets.ETH]\nlowest_initial_collateral_weight_bps = {LOWEST_BPS}\n"
    )
    text = text.replace(
        "[markets.ETH-PERP]\n", "[markets.ETH-PERP]\nhighest_initial_multiplier_bps = 10300\n"
    )
    return text + (
        "\n[risk.moving]\n"
        f"highest_multiplier_bps = {BOUND_BPS}\n"
        "tighten_bps_per_hour = 100000\n"
        "loosen_bps_per_hour = 1\n"
        "\n[assets.ETH.estimates]\n"
        "sample_s = 0.4\n"
        "half_life_s = 3600\n"
        'calm_volatility = "0.8"\n'
    )


@pytest_asyncio.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(moving, "LOOK_S", 0.5)
    plan = ChainPlan("gamma", 31_197, block_time_s=1)
    async with Stage(tmp_path, plan, text=moving_parameters) as stage:
        yield stage


class Borrowers:
    """Accounts of one ether that owe a thousand and ask the attestors for more."""

    def __init__(self, stage: Stage, session: aiohttp.ClientSession) -> None:
        hubs = {name: LocalHub(chain.node, chain.deployment) for name, chain in stage.chains.items()}
        assert stage.settings.attestation is not None
        self._owners = Owners(hubs, stage.settings.attestation, stage.policy_hash, session)
        self._chain = stage.chain.name

    async def ask(self, subaccount: int) -> Quorum:
        """Ask every attestor whether the account may owe what it asks for."""
        amount = ASKED[subaccount] * USDC_UNIT
        request = RiskRequest(self._chain, account_id(subaccount), Action.BORROW, 0, amount)
        (quorum,) = await self._owners._quorum.ask(await self._owners._batch([request]))
        return quorum

    async def allowed(self, subaccount: int) -> bool:
        return (await self.ask(subaccount)).signatures is not None


async def grow_wild(stage: Stage, logs: list[Path]) -> None:
    """Let the price jump, within a band but several times a second, until all multipliers are at their bound."""

    def at_the_bound() -> bool:
        return all(rows(log, MULTIPLIERS) == [(BOUND_BPS,)] for log in logs)

    async def shake() -> None:
        for number in range(1_000):
            stage.market.set({"ETH": str(2_000 + 7 * number % 11)})
            await asyncio.sleep(0.37)

    shaking = asyncio.create_task(shake())
    try:
        await until(at_the_bound, "new risk needs as much as it may", 120)
    finally:
        shaking.cancel()
    stage.market.set({"ETH": "2000"})


def rows(log: Path, sql: str) -> list[tuple[Any, ...]]:
    try:
        with LogReader(log) as reader:
            return [tuple(row.values()) for row in reader.select(sql)]
    except LogUnreadable:
        return []


def figures(inside: Inside, policy: RiskPolicy, subaccount: int) -> UnifiedHealth:
    evidence = inside.evidence
    account = evidence.book.account(account_id(subaccount))
    assert account is not None
    return evaluate(account, evidence.prices.prices, evidence.cut(now_ms()), policy)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_in_wild_markets_new_risk_needs_more_and_maintenance_stays(stage: Stage) -> None:
    base = RiskPolicy.from_settings(stage.settings)
    attestors = [its.settings.attestor.state_log for its in stage.attestors.values() if its.settings.attestor]
    logs = [stage.settings.state_log, *attestors]
    crowd = Crowd(stage.chain)
    accounts = await crowd.open([Plan(number, "1", "1000") for number in ASKED])
    await crowd.link(list(ASKED))
    async with aiohttp.ClientSession() as session, running(stage.settings) as inside:
        borrowers = Borrowers(stage, session)
        await stage.known(accounts)
        await until(lambda: borrowers.allowed(EARLY), "in calm markets it is signed")
        assert [[]] * len(logs) == [rows(log, HISTORY) for log in logs]

        await grow_wild(stage, logs)

        assert inside.engine is not None
        in_force = inside.engine._planning._policy()
        check_only_new_risk_moved(in_force, base)
        before, now = figures(inside, base, LATE), figures(inside, in_force, LATE)
        assert (before.surplus, before.health) == (now.surplus, now.health)
        assert now.initial_surplus.low < before.initial_surplus.low
        for log in logs:
            check_history(rows(log, HISTORY))
        await until(lambda: borrowers.allowed(SMALL), "what is enough now is signed")
        refused = await borrowers.ask(LATE)
        assert refused.signatures is None
        assert len(refused.answers) >= 2, "enough that no quorum can be had"
        for answer in refused.answers.values():
            assert isinstance(answer, Refused)
            assert RefusalReason.MARGIN is answer.reason
            assert "initial surplus would be" in answer.detail
        assert {"healthy"} == set(stage.states().values())

        await stage.move({"ETH": "1230"})
        await until(
            lambda: len(stage.rows("SELECT 1 FROM receipts")) >= len(accounts), "all are liquidated", 60
        )
        await stage.quiet(60)

    for command in (["replay"], ["verify"]):
        told = await asyncio.to_thread(
            CliRunner().invoke, keeper, [*command, "--log", str(stage.settings.state_log)]
        )
        assert 0 == told.exit_code, told.output
    await assert_sound(stage)


def check_only_new_risk_moved(policy: RiskPolicy, base: RiskPolicy) -> None:
    assert LOWEST_BPS == policy.assets["ETH"].initial_collateral_weight_bps
    assert base == replace(policy, assets=base.assets, markets=base.markets)
    for name, asset in policy.assets.items():
        configured = base.assets[name]
        least = replace(asset, initial_collateral_weight_bps=configured.initial_collateral_weight_bps)
        assert configured == least
    for name, market in policy.markets.items():
        for tier, its in zip(market.tiers, base.markets[name].tiers, strict=True):
            assert its == replace(tier, initial_bps=its.initial_bps)
            assert tier.initial_bps >= its.initial_bps


def check_history(told: list[tuple[Any, ...]]) -> None:
    """Every change follows on the last, in one direction, within bounds, and the reason is volatility."""
    weights = [row for row in told if row[0] == "assets.ETH.initial_collateral_weight_bps"]
    assert CONFIGURED_BPS == weights[0][1]
    assert LOWEST_BPS == weights[-1][2]
    for first, second in pairwise(weights):
        assert first[2] == second[1]
    for name, (configured, most) in TIERS_BPS.items():
        its = [row for row in told if row[0] == name]
        assert configured == its[0][1]
        assert most == its[-1][2]
    for name, before_bps, after_bps, why in told:
        is_weight = name.endswith("weight_bps")
        assert (after_bps < before_bps) is is_weight
        assert "volatility" in why
    assert {row[0] for row in told} >= {"assets.ETH.initial_collateral_weight_bps", *TIERS_BPS}
