"""P and R of a venue are brought to one unit, and back, for prices in dollars and in another token."""

from __future__ import annotations

from config.units import WAD
from keeper.venues.inputs import Token
from keeper.venues.kinds import KINDS, ProtocolPrice
from keeper.venues.pricing import protocol_wad, reference_numerator
from tests.keeper.venues.cases import BORROWER, USDC, WETH, inputs, price, state

TOKENS = {USDC: Token("USDC", 6), WETH: Token("ETH", 18)}
REFERENCES = {"USDC": price("USDC", 1), "ETH": price("ETH", 2_000)}
IN_DOLLARS = ProtocolPrice(WETH, WETH, "", 1_915_00000000, 10**8)


def test_a_price_in_dollars_is_scaled() -> None:
    assert 1_915 * WAD == protocol_wad(IN_DOLLARS, TOKENS, REFERENCES)
    assert 2_000_00000000 == reference_numerator(IN_DOLLARS, TOKENS, REFERENCES)


def test_a_price_in_another_token_is_taken_at_that_tokens_reference() -> None:
    (found,) = KINDS["morpho_blue"].prices(state(1_900), 8)
    half = REFERENCES | {"USDC": price("USDC", 2)}

    assert 1_900 * WAD == protocol_wad(found, TOKENS, REFERENCES)
    assert 3_800 * WAD == protocol_wad(found, TOKENS, half)
    assert 2_000 * 10**24 == reference_numerator(found, TOKENS, REFERENCES)
    assert 1_000 * 10**24 == reference_numerator(found, TOKENS, half)


def test_without_a_reference_there_is_nothing_to_compare() -> None:
    (found,) = KINDS["morpho_blue"].prices(state(1_900), 8)

    assert protocol_wad(found, TOKENS, {}) is None
    assert reference_numerator(found, TOKENS, {}) is None
    assert reference_numerator(IN_DOLLARS, {}, REFERENCES) is None


def test_at_the_references_price_health_is_another() -> None:
    kind = KINDS["morpho_blue"]
    moved = kind.repriced(state(1_900), BORROWER.market, 2_000 * 10**24)

    assert kind.arithmetic.health(state(2_000), BORROWER, 1_000) == kind.arithmetic.health(
        moved, BORROWER, 1_000
    )


def test_a_state_that_was_written_down_is_read_back_as_it_was() -> None:
    kind = KINDS["morpho_blue"]

    assert kind.read(inputs().state) == state(1_900)
