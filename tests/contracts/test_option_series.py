"""Series of options: what they are called, which can be opened, and how they are told."""

from __future__ import annotations

import boa
import pytest
from boa.util.abi import Address
from eth_abi import encode
from eth_hash.auto import keccak

from chains.hub.codec import decode
from chains.hub.desk import legs_call, read_legs
from chains.hub.events import OptionSet
from chains.hub.options import item_of, market_key, series_id
from tests.contracts.option_scene import (
    BITCOIN_OPTIONS,
    CONTRACT,
    DAY_S,
    ETHER_OPTIONS,
    OptionScene,
)
from tests.contracts.scene import WAD, refused

PRICE = 100 * WAD


def place(variable: int, key: int) -> int:
    """Return where Vyper stores the value of a key of a map."""
    return int.from_bytes(keccak(variable.to_bytes(32) + key.to_bytes(32)))


@pytest.fixture
def call(options: OptionScene) -> bytes:
    options.linked(options.base.trader)
    return options.open(options.call_at(2_100))


class TestSeries:
    def test_its_id_is_the_same_on_every_chain(self, options: OptionScene) -> None:
        terms = (ETHER_OPTIONS, True, 2_100 * WAD, options.month)

        found = bytes(options.desk.open_series(*terms))

        expected = keccak(encode(["bytes32", "bool", "uint256", "uint256"], terms))
        assert expected == found == bytes(options.desk.series_id(*terms))
        assert expected != bytes(options.desk.series_id(BITCOIN_OPTIONS, *terms[1:]))

    def test_attestations_name_it_by_the_first_63_bits_of_its_id(
        self, options: OptionScene, call: bytes
    ) -> None:
        item = item_of("0x" + call.hex())

        assert int.from_bytes(call) >> 193 == item
        assert call == bytes(options.desk.series_of(item))

    def test_two_series_alike_in_those_bits_are_not_both_opened(
        self, options: OptionScene, call: bytes
    ) -> None:
        # Nobody can find two such; so the number of another one is made that of this in the desk's storage.
        other = bytes(options.desk.series_id(ETHER_OPTIONS, True, 2_200 * WAD, options.month))
        number, taken = (item_of("0x" + series.hex()) for series in (other, call))
        address, word = Address(options.desk.address), int.from_bytes(call)
        variable = next(
            slot for slot in range(100) if boa.env.get_storage(address, place(slot, taken)) == word
        )
        boa.env.set_storage(address, place(variable, number), word)

        with refused(options.desk, "series"):
            options.open(options.call_at(2_200))

    def test_opening_it_again_changes_nothing(self, options: OptionScene, call: bytes) -> None:
        options.trade(options.base.trader, call, CONTRACT, PRICE)

        assert call == options.open(options.call_at(2_100))

        assert [] == options.events("SeriesOpened")
        assert CONTRACT == options.desk.series_info(call).open_interest_long

    @pytest.mark.parametrize(
        ("market", "strike", "ahead", "reason"),
        [
            (b"DOGE".ljust(32, b"\0"), WAD, DAY_S, "market"),
            (ETHER_OPTIONS, 0, DAY_S, "series"),
            (ETHER_OPTIONS, 10**36 + 1, DAY_S, "series"),
            (ETHER_OPTIONS, WAD, 0, "expired"),
            (ETHER_OPTIONS, WAD, -1, "expired"),
            (ETHER_OPTIONS, WAD, 730 * DAY_S + 1, "expired"),
        ],
    )
    def test_what_can_not_be_opened(
        self, options: OptionScene, market: bytes, strike: int, ahead: int, reason: str
    ) -> None:
        with refused(options.desk, reason):
            options.desk.open_series(market, True, strike, options.base.now + ahead)

    def test_one_that_was_never_opened_is_not_traded(self, options: OptionScene, call: bytes) -> None:
        never = bytes(options.desk.series_id(ETHER_OPTIONS, True, 3 * WAD, options.month))

        with refused(options.hub, "series"):
            options.trade(options.base.trader, never, CONTRACT, PRICE)

    def test_nor_is_one_that_has_expired(self, options: OptionScene, call: bytes) -> None:
        options.expire(2_000, late_s=0)

        with refused(options.hub, "expired"):
            options.trade(options.base.trader, call, CONTRACT, PRICE)


class TestWire:
    def test_the_logs_are_read_as_what_was_done(self, options: OptionScene, call: bytes) -> None:
        base = options.base
        options.trade(base.trader, call, -CONTRACT, PRICE)

        raw = options.hub._computation.get_raw_log_entries()
        logs = [
            {"topics": [f"0x{topic:064x}" for topic in topics], "data": "0x" + data.hex()}
            for _, address, topics, data in raw
            if "0x" + address.hex() == options.desk.address.lower()
        ]
        key = market_key("ETH-OPTIONS")
        terms = (key, True, 2_100 * WAD, options.month, -CONTRACT, base.leg(base.trader).version)
        account = "0x" + base.account(base.trader).hex()
        assert [OptionSet(account, "0x" + call.hex(), *terms)] == [decode(log) for log in logs]
        assert "0x" + call.hex() == series_id(key, 2_100 * WAD, options.month, is_call=True)

    def test_the_legs_are_read_as_what_is_held(self, options: OptionScene, call: bytes) -> None:
        base = options.base
        options.trade(base.trader, call, -CONTRACT, PRICE)
        accounts = ["0x" + base.account(owner).hex() for owner in (base.stranger, base.trader)]

        options.desk.legs([bytes.fromhex(account[2:]) for account in accounts])

        none, (held,) = read_legs(options.desk._computation.output, 2)
        assert () == none
        assert ("0x" + call.hex(), -CONTRACT, 2_100 * WAD) == (held.series, held.size_wad, held.strike_wad)
        assert legs_call(accounts) == bytes(options.desk._computation.msg.data)
