"""Everything that a verdict on one borrower is made from, as values that can be written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chains.venues.venue import Borrower
from config.venue_settings import ExecutorSettings
from oracles.policy import Liveness
from oracles.price import Price


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the chain: the asset it stands for, and its decimals."""

    asset: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Standing:
    """For how long a venue's price has said the same, and for how long it has been apart from the reference."""

    unchanged_ms: int
    apart_ms: int


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool of Uniswap v3 to swap by."""

    address: str
    base_token: str
    quote_token: str

    def trades(self, one: str, other: str) -> bool:
        """Whether it swaps these two tokens, either way."""
        return {one, other} == {self.base_token, self.quote_token}


@dataclass(frozen=True, slots=True)
class Means:
    """What there is to pay with. `inventory` is the signer's own, raw by token, less what live intents may take."""

    executor: str
    inventory: Mapping[str, int]
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What must be left: see `config.venue_settings.ExecutorSettings`. Values are USD wad."""

    least_profit_wad: int
    profit_kept_bps: int
    resale_bps: int
    band_bps: int
    price_decimals: int

    @classmethod
    def of(cls, executor: ExecutorSettings | None, band_bps: int, price_decimals: int) -> Terms:
        """Return the configured terms; without an executor those of one that was never configured."""
        if executor is None:
            return cls(0, 0, 0, band_bps, price_decimals)
        return cls(
            executor.least_profit, executor.profit_kept_bps, executor.resale_bps, band_bps, price_decimals
        )


@dataclass(frozen=True, slots=True)
class Costs:
    """What a transaction costs: gas it uses, wei for each, what a rollup charges for its data, and whose coin that is."""

    gas: int
    gas_price_wei: int
    l1_fee_wei: int
    native_asset: str


@dataclass(frozen=True, slots=True)
class Setback:
    """What last went wrong for a borrower: how often in a row, and the first block in which it is tried again.

    Below `sunk_wad` it is another case, and tried at once.
    """

    times: int
    until_block: int
    reason: str
    sunk_wad: int


@dataclass(frozen=True, slots=True)
class Quote:
    """X of one way: the collateral that would be left after everything, raw units, as the newest state says it.

    With the signer's own tokens nothing need be asked. `failure` says why there is no such figure.
    """

    pool: str
    kept: int
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Inputs:
    """One borrower at one venue, as of one block.

    `state` is the borrower's part of the venue's state (`keeper.venues.kinds`). `at_s` is the second it is judged
    for and `deadline_s` the last in which a call may be mined. `held` is why nothing may be begun there, or empty;
    `quotes` is None before anybody was asked for them.
    """

    chain: str
    venue: str
    kind: str
    account_id: str
    borrower: Borrower
    block_number: int
    at_s: int
    deadline_s: int
    state: str
    tokens: Mapping[str, Token]
    price_set: str
    prices: Mapping[str, Price]
    standings: Mapping[str, Standing]
    chain_health: Liveness
    held: str
    held_assets: Mapping[str, str]
    means: Means | None
    terms: Terms
    costs: Costs
    live: bool
    setback: Setback | None
    quotes: tuple[Quote, ...] | None
