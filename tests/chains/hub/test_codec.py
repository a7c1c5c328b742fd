"""The hub's wire format against its ABI and a general encoder."""

from __future__ import annotations

from dataclasses import astuple, fields
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from chains.contracts.artifacts import load
from chains.hub import codec, events
from chains.hub.attestation import Attestation
from chains.hub.codec import ATTESTATION_TYPE, attested_call, decode, legs_call, read_legs

ATTESTATION = Attestation(
    action=4,
    account="0x" + "11" * 32,
    version=7,
    sequence=8,
    epoch=2,
    item=1,
    max_size=10**18,
    price=3000 * 10**18,
    health=9 * 10**17,
    value=5 * 10**18,
    claim="0x" + "22" * 32,
    target="0x" + "33" * 20,
    beneficiary="0x" + "44" * 20,
    blocks_root="0x" + "55" * 32,
    policy_hash="0x" + "66" * 32,
    price_set="0x" + "77" * 32,
    observed_at=1_800_000_000,
    deadline=1_800_000_060,
)


def abi_tuple(attestation: Attestation) -> tuple[Any, ...]:
    """The struct as a general encoder takes it."""
    return tuple(
        bytes.fromhex(value[2:]) if isinstance(value, str) and len(value) == 66 else value
        for value in astuple(attestation)
    )


def abi_entries(kind: str) -> dict[str, dict[str, Any]]:
    every = [*load("OptionDesk").abi, *load("MarginHub").abi]
    return {entry["name"]: entry for entry in every if entry["type"] == kind}


def canonical_type(argument: dict[str, Any]) -> str:
    if argument["type"].startswith("tuple"):
        inner = ",".join(canonical_type(component) for component in argument["components"])
        return f"({inner})" + str(argument["type"])[5:]
    return str(argument["type"])


@pytest.mark.parametrize(
    "name",
    [
        "liquidate",
        "seize",
        "write_off",
        "legs",
        "deposit",
        "withdraw",
        "borrow",
        "repay",
        "change_position",
        "trade_option",
        "set_cross_margin",
    ],
)
def test_every_selector_is_that_of_the_contracts_function(name: str) -> None:
    entry = abi_entries("function")[name]
    signature = f"{name}({','.join(canonical_type(argument) for argument in entry['inputs'])})"

    assert keccak(signature.encode())[:4] == getattr(codec, name.upper())


def test_every_event_of_the_book_is_the_contracts() -> None:
    emitted = abi_entries("event")
    for event, topic in codec.TOPICS.items():
        arguments = emitted[event.__name__]["inputs"]
        signature = f"{event.__name__}({','.join(canonical_type(argument) for argument in arguments)})"

        assert "0x" + keccak(signature.encode()).hex() == topic
        assert [argument["name"] for argument in arguments] == [field.name for field in fields(event)]


@given(
    st.lists(st.binary(min_size=65, max_size=65), max_size=4),
    st.lists(st.integers(0, 2**256 - 1), max_size=4),
)
def test_an_attested_call_is_what_a_general_encoder_gives(
    signatures: list[bytes], leading: list[int]
) -> None:
    types = [*["uint256"] * len(leading), ATTESTATION_TYPE, "bytes[]"]
    expected = codec.LIQUIDATE + encode(types, [*leading, abi_tuple(ATTESTATION), signatures])

    assert expected == attested_call(codec.LIQUIDATE, leading, ATTESTATION, signatures)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=5))
def test_a_legs_call_is_what_a_general_encoder_gives(accounts: list[bytes]) -> None:
    expected = codec.LEGS + encode(["bytes32[]"], [accounts])

    assert expected == legs_call(["0x" + account.hex() for account in accounts])


def test_legs_are_read_back_in_order() -> None:
    words = list(range(40))

    assert [tuple(range(20)), tuple(range(20, 40))] == read_legs(encode(["uint256[]"], [words]), 2)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        encode(["uint256[]"], [[0] * 20]),
        encode(["uint256[]"], [[0] * 60]),
        encode(["uint256[]"], [[0] * 40])[:-1],
    ],
    ids=["nothing", "one leg", "three legs", "cut"],
)
def test_an_answer_of_another_length_is_no_leg(answer: bytes) -> None:
    with pytest.raises(ValueError, match="for 2 legs"):
        read_legs(answer, 2)


def test_a_negative_position_is_read_as_negative() -> None:
    log = {
        "topics": [codec.TOPICS[events.PositionSet], "0x" + "ab" * 32, "0x" + (3).to_bytes(32).hex()],
        "data": "0x" + encode(["int256", "uint256", "uint256"], [-5, 7, 9]).hex(),
    }

    assert events.PositionSet("0x" + "ab" * 32, 3, -5, 7, 9) == decode(log)


def drawn(kind: str) -> st.SearchStrategy[Any]:
    """Values of an ABI type, as an event holds them."""
    number = st.integers(-(2**255), 2**255 - 1) if kind == "int256" else st.integers(0, 2**256 - 1)
    return {
        "bytes32": st.binary(min_size=32, max_size=32).map(lambda value: "0x" + value.hex()),
        "address": st.binary(min_size=20, max_size=20).map(to_checksum_address),
        "bool": st.booleans(),
    }.get(kind, number)


def encoded(kind: str, value: Any) -> bytes:
    plain = bytes.fromhex(value[2:]) if kind == "bytes32" else value
    return encode([kind], [plain])


@pytest.mark.parametrize("event", codec.TOPICS, ids=lambda event: event.__name__)
@given(data=st.data())
def test_every_event_is_read_back_as_a_general_encoder_wrote_it(
    event: type[Any], data: st.DataObject
) -> None:
    arguments = abi_entries("event")[event.__name__]["inputs"]
    expected = event(*(data.draw(drawn(argument["type"])) for argument in arguments))
    words = [
        (argument["indexed"], encoded(argument["type"], value))
        for argument, value in zip(arguments, astuple(expected), strict=True)
    ]
    log = {
        "topics": [codec.TOPICS[event], *("0x" + word.hex() for indexed, word in words if indexed)],
        "data": "0x" + b"".join(word for indexed, word in words if not indexed).hex(),
    }

    assert expected == decode(log)


ACCOUNT_TOPIC = "0x" + "ab" * 32


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        ([ACCOUNT_TOPIC], "0x" + "00" * 32),
        ([ACCOUNT_TOPIC], "0x" + "00" * 96),
        ([ACCOUNT_TOPIC], "0x" + "00" * 63),
        ([], "0x" + "00" * 96),
        ([ACCOUNT_TOPIC, ACCOUNT_TOPIC], "0x" + "00" * 32),
        (["0x" + "ab" * 31], "0x" + "00" * 64),
        ([ACCOUNT_TOPIC], "0x" + "zz" * 64),
    ],
    ids=["short", "long", "cut", "no topic", "a topic more", "a topic cut", "no hex"],
)
def test_an_event_of_another_shape_is_refused_not_guessed(topics: list[str], data: str) -> None:
    with pytest.raises(ValueError, match=r"DebtSet|hexadecimal"):
        decode({"topics": [codec.TOPICS[events.DebtSet], *topics], "data": data})


def test_words_that_no_encoder_writes_are_refused() -> None:
    topics = [codec.TOPICS[events.CrossMarginSet], ACCOUNT_TOPIC]
    with pytest.raises(ValueError, match="truth word"):
        decode({"topics": topics, "data": "0x" + encode(["uint256", "uint256"], [2, 1]).hex()})

    topics = [codec.TOPICS[events.CollateralSet], ACCOUNT_TOPIC, "0x" + "01" * 32]
    with pytest.raises(ValueError, match="before the address"):
        decode({"topics": topics, "data": "0x" + encode(["uint256", "uint256"], [2, 1]).hex()})


def test_more_accounts_than_a_call_takes_are_refused() -> None:
    with pytest.raises(ValueError, match="801 accounts"):
        legs_call([ACCOUNT_TOPIC] * 801)


def test_other_events_are_not_of_the_book() -> None:
    assert decode({"topics": ["0x" + "12" * 32], "data": "0x"}) is None
    assert decode({"topics": [], "data": "0x"}) is None
