"""What the hub's calls cost, so that a keeper's gas limits and a contract's growth stay known.

Run with ``-s`` to see the figures: execution, plus 21,000, plus calldata.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import boa
from boa.contracts.abi.abi_contract import ABIContract
from boa.environment import Env

from chains.hub.attestation import Action
from tests.contracts.option_scene import ETHER_OPTIONS, build_options
from tests.contracts.scene import (
    BITCOIN,
    BITCOIN_MARKET,
    ETHER,
    ETHER_TOKEN,
    STABLE,
    USDC,
    WAD,
    Scene,
    build,
    words,
)


@contextmanager
def fresh_scene() -> Iterator[Scene]:
    """An EVM of its own: starting a call cold drops the snapshots that tests share."""
    with boa.swap_env(Env()):
        scene = build()
        scene.deposit(scene.trader, STABLE, 10_000 * USDC)
        scene.deposit(scene.trader, ETHER_TOKEN, 10 * ETHER)
        scene.borrow(scene.trader, 5_000 * USDC)
        scene.trade(scene.trader, BITCOIN_MARKET, BITCOIN)
        scene.set_price(scene.bitcoin_feed, 48_000)
        scene.link(scene.trader)
        yield scene


def measured(scene: Scene, what: str, call: Callable[[], object], contract: ABIContract | None = None) -> int:
    """Return the gas of a transaction that makes the call, and print it."""
    boa.env.evm.reset_access_counters()
    call()
    computation = (contract or scene.hub)._computation
    data = bytes(computation.msg.data)
    gas = computation.get_gas_used() + 21_000 + sum(16 if byte else 4 for byte in data)
    print(f"{what}: {gas} gas")
    return int(gas)


def test_a_step_of_a_liquidation() -> None:
    steps = [
        (Action.CLOSE, BITCOIN_MARKET, BITCOIN // 2),
        (Action.REPAY, ETHER_TOKEN, 1_000 * USDC),
        (Action.REPAY_CROSS, STABLE, 1_000 * USDC),
        (Action.SEIZE, ETHER_TOKEN, ETHER),
    ]
    with fresh_scene() as scene:
        for action, item, size in steps:
            claim = "0x" + "c1" * 32
            request = scene.attest(action, scene.trader, item, size, value=1_000 * WAD, claim=claim)
            signatures = scene.sign(request)

            def step(request: object = request, signatures: object = signatures) -> None:
                scene.liquidate(request, signatures)  # type: ignore[arg-type]

            assert measured(scene, action.name, step) < 300_000


def test_own_actions() -> None:
    with fresh_scene() as scene:
        trader = scene.trader
        request = scene.attest(Action.TRADE, trader, BITCOIN_MARKET, BITCOIN, version=6)
        proof = (words(request), scene.sign(request))

        def trade() -> None:
            scene.hub.change_position(0, BITCOIN_MARKET, BITCOIN, 2**255, *proof, sender=trader)

        assert measured(scene, "deposit", lambda: scene.deposit(trader, ETHER_TOKEN, ETHER)) < 200_000
        assert measured(scene, "change_position", trade) < 250_000


def test_eight_hundred_legs_fit_into_the_gas_a_node_gives_a_call() -> None:
    count = 100
    with fresh_scene() as scene:
        ids = [scene.account(scene.stranger, number) for number in range(count)]
        for number in range(count):
            scene.deposit(scene.stranger, ETHER_TOKEN, ETHER, number)

        one = measured(scene, "legs of 1", lambda: scene.hub.legs(ids[:1]))
        hundred = measured(scene, f"legs of {count}", lambda: scene.hub.legs(ids))

    each = (hundred - one) // (count - 1)
    # Carrying 16,000 words costs 2 M more than carrying 2,000.
    assert one + 799 * each + 2_000_000 < 30_000_000


def test_options() -> None:
    with boa.swap_env(Env()):
        options = build_options()
        base = options.base
        options.linked(base.trader)
        series = options.open(options.call_at(2_100))
        written = options.attest(Action.OPTION_TRADE, base.trader, series, 10 * ETHER, 100 * WAD)
        proof = (words(written), base.sign(written))

        def trade() -> None:
            base.hub.trade_option(0, series, -10 * ETHER, 0, *proof, sender=base.trader)

        assert measured(base, "trade_option", trade) < 400_000
        closed = options.attest(Action.OPTION_CLOSE, base.trader, series, 5 * ETHER, 100 * WAD)
        signatures = base.sign(closed)
        assert measured(base, "OPTION_CLOSE", lambda: base.liquidate(closed, signatures)) < 400_000
        options.desk.fix_settlement(ETHER_OPTIONS, options.month, options.expire(2_600))
        account = base.account(base.trader)
        assert (
            measured(base, "settle", lambda: options.desk.settle(series, [account]), options.desk) < 200_000
        )
