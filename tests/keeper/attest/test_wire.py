"""What keeper and attestors say to each other survives the way, and nothing else is taken for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.hub.attestation import Attestation
from keeper.attest.wire import (
    Batch,
    CutBlock,
    Proposal,
    RefusalReason,
    Refused,
    Signed,
    WireError,
    decode_answers,
    decode_batch,
    encode_answers,
    encode_batch,
)

WORDS = st.integers(0, 2**256 - 1)
BYTES32 = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
ATTESTATIONS = st.builds(
    Attestation,
    action=st.integers(1, 9),
    account=BYTES32,
    version=WORDS,
    sequence=WORDS,
    epoch=WORDS,
    item=WORDS,
    max_size=WORDS,
    price=WORDS,
    health=WORDS,
    value=WORDS,
    claim=BYTES32,
    target=ADDRESSES,
    beneficiary=ADDRESSES,
    blocks_root=BYTES32,
    policy_hash=BYTES32,
    price_set=BYTES32,
    observed_at=WORDS,
    deadline=WORDS,
)
BATCHES = st.builds(
    Batch,
    cut=st.lists(st.builds(CutBlock, WORDS, WORDS, BYTES32), min_size=1, max_size=3).map(tuple),
    proposals=st.lists(st.builds(Proposal, WORDS, ATTESTATIONS), min_size=1, max_size=3).map(tuple),
)


def over_the_wire(message: object) -> Any:
    return json.loads(json.dumps(message))


@given(BATCHES)
def test_a_batch_arrives_as_it_was_sent(batch: Batch) -> None:
    assert batch == decode_batch(over_the_wire(encode_batch(batch)))


def test_answers_arrive_as_they_were_sent() -> None:
    answers = (Signed("0x" + "ab" * 65), Refused(RefusalReason.HEALTHY, "health.high 1.02"))

    assert answers == decode_answers(over_the_wire(encode_answers(answers)), 2)


@given(BATCHES, st.data())
def test_any_field_of_another_form_is_refused(batch: Batch, data: st.DataObject) -> None:
    message = over_the_wire(encode_batch(batch))
    fields = message["proposals"][0]["attestation"]
    name = data.draw(st.sampled_from(sorted(fields)))
    fields[name] = data.draw(
        st.sampled_from(
            [None, 7, True, "", "-1", "0x", " 1", "1_0", "٣", "1" * 79, ["1"], {}, "0x" + "g" * 64]
        )
    )

    with pytest.raises(WireError):
        decode_batch(message)


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        {},
        {"cut": [], "proposals": []},
        {"cut": [{}], "proposals": [{}], "more": 1},
        {"cut": "x", "proposals": "y"},
        {"cut": [{"chain_id": "1", "number": "1", "hash": "0x00"}], "proposals": [{}]},
    ],
)
def test_other_messages_are_refused_with_the_field_that_is_wrong(message: object) -> None:
    with pytest.raises(WireError, match=r"batch|cut|proposals|hash"):
        decode_batch(message)


@pytest.mark.parametrize(
    "message",
    [
        {"answers": [{"signature": "0x00"}]},
        {"answers": [{"refused": "because", "detail": ""}]},
        {"answers": [{"refused": "healthy", "detail": 3}]},
        {"answers": []},
        {"answers": [{"signature": "0x" + "ab" * 65}] * 2},
    ],
)
def test_an_attestors_nonsense_is_no_answer(message: object) -> None:
    with pytest.raises(WireError):
        decode_answers(message, 1)


def test_a_refusals_text_is_shown_without_control_characters() -> None:
    (answer,) = decode_answers({"answers": [{"refused": "size", "detail": "a\x1b[31mb\n"}]}, 1)

    assert Refused(RefusalReason.SIZE, "a?[31mb?") == answer
