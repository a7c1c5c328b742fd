from __future__ import annotations

import pytest

from config.asset_settings import AssetSettings
from config.pairs import Edge
from config.units import WAD
from oracles.price import Quote
from oracles.votes import reading, refusal, votes_of
from tests.oracles.evidence import EXACT, NOW_MS, ages, quote

EDGE = Edge("ETH", "USD")


def read(answer: Quote, settings: AssetSettings = EXACT, now_ms: int = NOW_MS) -> tuple[int, int, int, int]:
    return reading(answer, EDGE, settings, now_ms)[1:]


def test_a_quote_is_read_with_its_confidence_or_the_floor_whichever_is_wider() -> None:
    settings = EXACT.model_copy(update={"floor_bps": 100})
    assert (990_099, 1_000_000, 1_000_000, 1_010_000) == read(quote("a", 1_000_000), settings)
    assert (900_000, 1_000_000, 1_000_000, 1_100_000) == read(
        quote("a", 1_000_000, confidence=100_000), settings
    )


def test_a_quote_widens_by_its_own_age() -> None:
    settings = EXACT.model_copy(update={"widen_bps_per_minute": 100})
    assert (990_099, 1_000_000, 1_000_000, 1_010_000) == read(
        quote("a", 1_000_000), settings, NOW_MS + 60_000
    )


def test_a_quote_of_the_inverse_pair_is_turned_round_and_outward() -> None:
    answer = quote("a", 3 * WAD, confidence=WAD, pair="USD/ETH")
    assert (WAD // 4, WAD // 3, WAD // 3 + 1, WAD // 2) == read(answer)


def test_an_old_source_of_four_does_not_widen_what_the_others_say() -> None:
    settings = EXACT.model_copy(update={"widen_bps_per_minute": 100})
    answers = [*(quote(name, 1_000_000) for name in "abc"), quote("old", 1_000_000, age_ms=60_000)]
    votes = votes_of([reading(answer, EDGE, settings, NOW_MS) for answer in answers])
    assert [1_000_000, 1_000_000, 1_000_000, 990_099] == [vote.low for vote in votes]


@pytest.mark.parametrize(("confidence", "refused"), [(500, False), (501, True)])
def test_a_source_may_be_as_unsure_as_the_asset_allows_and_not_more(confidence: int, refused: bool) -> None:
    answer = quote("a", 10_000, confidence=confidence)
    reason = refusal(answer, EDGE, AssetSettings(), ages([answer]), NOW_MS)
    assert refused == (reason is not None)
    assert reason is None or reason == "unsure: 501 bps, limit 500 bps"
