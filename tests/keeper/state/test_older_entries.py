"""What earlier versions wrote is read as before: fields that came later have the value that says nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from keeper.state.entries import Body, IntentSigned
from keeper.state.live import read_lane
from keeper.state.log import StateLog
from keeper.state.verify import verify
from tests.keeper.state import samples


@dataclass(frozen=True, slots=True)
class IntentSignedEarlier(IntentSigned):
    """An intent as version 5 wrote it: without what it may cost, and without a fee for data."""

    def body(self) -> Body:
        body = IntentSigned.body(self)
        intent, attempt = body["intent"], body["attempt"]
        assert isinstance(intent, dict)
        assert isinstance(attempt, dict)
        del intent["max_cost_wei"], attempt["l1_fee_wei"]
        return body


async def test_an_intent_without_a_bound_is_read_and_rebuilt(log: StateLog) -> None:
    await log.write(IntentSignedEarlier(samples.intent(), samples.attempt()))

    (live,) = read_lane(log.path, samples.CHAIN_ID, samples.SENDER, 0).live
    assert samples.intent() == live.intent
    assert [samples.attempt()] == [one.attempt for one in live.attempts]
    assert () == verify(log.path).findings


async def test_a_bound_and_a_fee_for_data_come_back_as_they_were_written(log: StateLog) -> None:
    intent = replace(samples.intent(), max_cost_wei=3 * 10**21)
    attempt = replace(samples.attempt(), l1_fee_wei=2 * 10**20)
    await log.write(IntentSigned(intent, attempt))

    (live,) = read_lane(log.path, samples.CHAIN_ID, samples.SENDER, 0).live
    assert intent == live.intent
    assert [attempt] == [one.attempt for one in live.attempts]
    assert () == verify(log.path).findings
