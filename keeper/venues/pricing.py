"""P against R at a venue: each of the protocol's own prices beside the reference, by the policy's table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config.units import WAD, mul_div_down
from keeper.venues.inputs import Inputs, Standing, Token
from keeper.venues.kinds import ProtocolPrice
from oracles.policy import Outcome, Protocol, Rules, judge
from oracles.price import Price

RULES = Rules()
NEVER_SEEN = Standing(0, 0)


def protocol_wad(
    price: ProtocolPrice, tokens: Mapping[str, Token], references: Mapping[str, Price]
) -> int | None:
    """Return P in USD wad for one whole unit; in a market priced in another token, at that one's reference."""
    if price.numerator is None:
        return None
    if not price.quoted_in:
        return mul_div_down(price.numerator, WAD, price.denominator)
    own, other = tokens.get(price.token), tokens.get(price.quoted_in)
    reference = references.get(other.asset) if other is not None else None
    if own is None or other is None or reference is None or reference.mid_wad is None:
        return None
    unit: int = 10**own.decimals
    other_unit: int = 10**other.decimals
    return mul_div_down(price.numerator * unit, reference.mid_wad, price.denominator * other_unit)


def reference_numerator(
    price: ProtocolPrice, tokens: Mapping[str, Token], references: Mapping[str, Price]
) -> int | None:
    """Return the numerator that the venue's price would have if it were the reference's middle."""
    own = tokens.get(price.token)
    reference = references.get(own.asset) if own is not None else None
    if own is None or reference is None or reference.mid_wad is None:
        return None
    if not price.quoted_in:
        return mul_div_down(reference.mid_wad, price.denominator, WAD)
    other = tokens.get(price.quoted_in)
    unit = references.get(other.asset) if other is not None else None
    if other is None or unit is None or not unit.mid_wad:
        return None
    scaled: int = reference.mid_wad * 10**other.decimals
    per_unit: int = unit.mid_wad * 10**own.decimals
    return mul_div_down(scaled, price.denominator, per_unit)


def outcomes(inputs: Inputs, prices: tuple[ProtocolPrice, ...]) -> Iterator[tuple[str, Outcome]]:
    """Yield what may be done at each of the venue's prices that this borrower depends on, with its asset."""
    for price in prices:
        token = inputs.tokens.get(price.token)
        if token is None:
            continue
        standing = inputs.standings.get(price.key, NEVER_SEEN)
        yield (
            token.asset,
            judge(
                Protocol(
                    protocol_wad(price, inputs.tokens, inputs.prices), unchanged_ms=standing.unchanged_ms
                ),
                inputs.prices.get(token.asset),
                None,
                inputs.chain_health,
                inputs.terms.band_bps,
                standing.apart_ms,
                RULES,
            ),
        )
