"""Reads of an option desk: what is told is taken, what can not be is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from chains.errors import MalformedAnswer, Reverted
from chains.hub.desk import DeskReader, legs_call, read_legs
from chains.hub.options import OptionHeld, OptionMarketFacts, item_of, market_key, series_id
from config.units import WAD

DESK, BLOCK = "0x" + "de" * 20, "0x" + "bb" * 32
MARKET = market_key("ETH-OPTIONS")
CALL = OptionHeld(series_id(MARKET, 2_000, 9, is_call=True), MARKET, True, 2_000, 9, -5)
PUT = OptionHeld(series_id(MARKET, 2_000, 9, is_call=False), MARKET, False, 2_000, 9, 2**255 - 1)


class Answering:
    """A chain that gives its answers in turn."""

    def __init__(self, *answers: bytes | Reverted) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, bytes]] = []
        self.requests: list[int] = []

    async def call_many(self, calls: Sequence[tuple[str, bytes]], block_hash: str) -> list[bytes | Reverted]:
        self.requests.append(len(calls))
        self.asked += calls
        return [self.answers.pop(0) for _ in calls]


def words(held: OptionHeld) -> list[int]:
    hashes = [int(held.series, 16), int(held.market, 16)]
    return [*hashes, int(held.is_call), held.strike_wad, held.expiry_s, held.size_wad % 2**256]


def answer(*accounts: Sequence[OptionHeld]) -> bytes:
    flat: list[int] = []
    for held in accounts:
        flat += [len(held), *(word for each in held for word in words(each))]
    return encode(["uint256[]"], [flat])


def test_a_series_id_is_the_hash_of_its_terms() -> None:
    encoded = encode(["bytes32", "bool", "uint256", "uint256"], [bytes.fromhex(MARKET[2:]), False, 2_000, 9])

    assert "0x" + keccak(encoded).hex() == PUT.series


def test_an_item_is_the_first_63_bits_of_an_id() -> None:
    assert 2**62 == item_of("0x80" + "00" * 30 + "ff")
    assert 0 == item_of("0x" + "00" * 7 + "01" + "ff" * 24)
    assert 2**63 - 1 == item_of("0x" + "ff" * 32)


@pytest.mark.parametrize("name", ["", "X" * 33, "É"])
def test_a_name_that_does_not_fit_is_no_market(name: str) -> None:
    with pytest.raises(ValueError, match=r"fit|ascii"):
        market_key(name)


async def test_legs_come_in_order_with_their_signs() -> None:
    chain = Answering(answer([], [CALL, PUT], [PUT]))

    found = await DeskReader(chain, DESK).legs([BLOCK] * 3, BLOCK)

    assert [(), (CALL, PUT), (PUT,)] == found
    assert [(DESK, legs_call([BLOCK] * 3))] == chain.asked


async def test_1300_accounts_are_six_calls_in_two_requests() -> None:
    chain = Answering(*[answer(*[[CALL]] * 250)] * 5, answer(*[[]] * 50))

    found = await DeskReader(chain, DESK).legs([BLOCK] * 1_300, BLOCK)

    assert [(CALL,)] * 1_250 + [()] * 50 == found
    assert [4, 2] == chain.requests


def test_more_accounts_than_a_call_takes_are_refused() -> None:
    with pytest.raises(ValueError, match="251 accounts"):
        legs_call([BLOCK] * 251)


FORGED = OptionHeld(CALL.series, MARKET, True, 1_999, 9, -5)


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"\0" * 31,
        answer([CALL])[:-1],
        answer([CALL])[:-32],
        answer([CALL], [PUT], [PUT]),
        answer([CALL]),
        answer([CALL] * 9, []),
        encode(["uint256[]"], [[2, *words(CALL)]]),
        encode(["uint256[]"], [[0, 1, *words(CALL)[:2], 2, *words(CALL)[3:]]]),
        answer([FORGED], []),
    ],
    ids=[
        "nothing",
        "part",
        "cut",
        "short",
        "more",
        "fewer",
        "too many",
        "announced",
        "a truth of 2",
        "forged",
    ],
)
def test_an_answer_that_no_desk_gives_is_refused(told: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        read_legs(told, 2)


async def test_markets_that_are_not_listed_are_left_out() -> None:
    row = encode(["address", *["uint256"] * 5], ["0x" + "fe" * 20, 3, 20, 1_250, 2 * WAD, 10 * WAD])
    chain = Answering(Reverted(b"", "market"), row)

    found = await DeskReader(chain, DESK).markets(["BTC-OPTIONS", "ETH-OPTIONS"], BLOCK)

    (facts,) = found
    assert OptionMarketFacts("ETH-OPTIONS", facts.feed, 3, 20, 1_250, 2 * WAD, 10 * WAD) == facts
    assert ["0x" + data[4:].hex() for _, data in chain.asked] == [market_key("BTC-OPTIONS"), MARKET]


async def test_a_call_that_reverts_is_told_as_such() -> None:
    with pytest.raises(Reverted):
        await DeskReader(Answering(Reverted(b"", "out of gas")), DESK).legs([BLOCK], BLOCK)
    with pytest.raises(MalformedAnswer):
        await DeskReader(Answering(b"\0" * 32), DESK).markets(["ETH-OPTIONS"], BLOCK)
