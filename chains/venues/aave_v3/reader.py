"""Reads a pool: its reserves, prices, modes and the accounts asked for, as of one block, in four rounds.

What is said of accounts that are not asked for is taken over, so that a price change costs a read
of the reserves and nothing for each account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chains.blocks import Head
from chains.venues.aave_v3 import codec
from chains.venues.aave_v3.state import Account, Balance, EMode, PoolState, Reserve
from chains.venues.reading import Answers, CallChain, Question, ask
from chains.venues.words import read_address_word, read_addresses, read_words

_ACCOUNT_QUESTIONS = ("getUserConfiguration", "getUserEMode")


async def read_pool(
    chain: CallChain, pool: str, accounts: Sequence[str], head: Head, known: PoolState | None = None
) -> PoolState:
    """Return the pool as of `head`, with these accounts read anew and the others as in `known`.

    Raises what the chain's `call_many` raises, `MalformedAnswer`, and `Reverted` if anything but a
    price reverts: then it is not such a pool.
    """
    heads = await ask(
        chain,
        [
            *((pool, each) for each in (codec.PROVIDER, codec.RESERVES)),
            *((pool, codec.about(name, account)) for account in accounts for name in _ACCOUNT_QUESTIONS),
        ],
        head.hash,
    )
    words = {
        account: tuple(_word(heads, (pool, codec.about(name, account))) for name in _ACCOUNT_QUESTIONS)
        for account in accounts
    }
    provider = _address(heads, (pool, codec.PROVIDER))
    assets = heads.read((pool, codec.RESERVES), read_addresses)
    categories = sorted(
        {category for _, category in words.values() if category} | set(known.emodes if known else ())
    )
    listing = await ask(
        chain,
        [
            *((provider, each) for each in (codec.PRICE_ORACLE, codec.SENTINEL)),
            *((pool, codec.about("getReserveData", asset)) for asset in assets),
            *((pool, codec.emode_call(category)) for category in categories),
        ],
        head.hash,
    )
    reserves = {asset: _reserve(listing, pool, asset) for asset in assets}
    modes = {each: _emode(listing, pool, each) for each in categories}
    oracle = _address(listing, (provider, codec.PRICE_ORACLE))
    facts = _Facts(
        oracle=oracle,
        sentinel=_word(listing, (provider, codec.SENTINEL)),
        reserves={reserve.reserve_id: reserve for reserve in reserves.values()},
        modes=modes,
    )
    answers = await ask(chain, [*facts.questions(), *facts.balance_questions(words)], head.hash)
    balances = {account: facts.balances(answers, account, bits) for account, (bits, _) in words.items()}
    fixed = await ask(chain, list(facts.fixed_questions(balances)), head.hash)
    taken_over = dict(known.accounts) if known else {}
    return PoolState(
        block_hash=head.hash,
        timestamp_s=head.timestamp,
        oracle=oracle,
        reserves=facts.priced_reserves(answers),
        emodes=facts.priced_modes(answers),
        accounts=taken_over
        | {
            account: Account(bits, category, facts.with_fixed(fixed, account, balances[account]))
            for account, (bits, category) in words.items()
        },
        sentinel_allows=facts.sentinel_allows(answers),
    )


class _Facts:
    """What the first two rounds told, and the questions and answers that follow from it."""

    def __init__(
        self,
        oracle: str,
        sentinel: int,
        reserves: Mapping[int, Reserve],
        modes: Mapping[int, EMode],
    ) -> None:
        self._oracle = oracle
        self._sentinel = read_address_word(sentinel) if sentinel else None
        self._reserves = reserves
        self._modes = modes

    def questions(self) -> list[Question]:
        """Return the questions for prices, for what can leave the pool, and for the sentinel."""
        asked = [self._price(reserve.asset) for reserve in self._reserves.values()]
        asked += [self._price(source) for source in self._sources()]
        asked += [_available(reserve) for reserve in self._reserves.values()]
        return asked + ([(self._sentinel, codec.SENTINEL_ALLOWS)] if self._sentinel else [])

    def balance_questions(self, words: Mapping[str, tuple[int, ...]]) -> list[Question]:
        """Return the questions for the balances that the accounts' words name."""
        return [
            question
            for account, (bits, _) in words.items()
            for reserve in self._used(bits)
            for question in _balance(reserve, account)
        ]

    def balances(self, answers: Answers, account: str, bits: int) -> dict[int, Balance]:
        """Return an account's balances; of a loan at a fixed rate only the principal yet."""
        return {
            reserve.reserve_id: Balance(*(_word(answers, each) for each in _balance(reserve, account)))
            for reserve in self._used(bits)
        }

    def fixed_questions(self, balances: Mapping[str, Mapping[int, Balance]]) -> list[Question]:
        """Return the questions for rates and times of loans at a fixed rate."""
        return [
            question
            for account, rows in balances.items()
            for reserve_id, balance in rows.items()
            if balance.stable_principal
            for question in _fixed(self._reserves[reserve_id], account)
        ]

    def with_fixed(
        self, answers: Answers, account: str, balances: Mapping[int, Balance]
    ) -> dict[int, Balance]:
        """Return an account's balances, loans at a fixed rate complete."""
        complete = dict(balances)
        for reserve_id, balance in balances.items():
            if balance.stable_principal:
                rate, updated = (_word(answers, each) for each in _fixed(self._reserves[reserve_id], account))
                complete[reserve_id] = replace(balance, stable_rate=rate, stable_updated_s=updated)
        return complete

    def priced_reserves(self, answers: Answers) -> dict[int, Reserve]:
        """Return the reserves with their prices and what can leave them."""
        return {
            reserve_id: replace(
                reserve,
                price=answers.read_or_none(self._price(reserve.asset), _one) or None,
                available=_word(answers, _available(reserve)),
            )
            for reserve_id, reserve in sorted(self._reserves.items())
        }

    def priced_modes(self, answers: Answers) -> dict[int, EMode]:
        """Return the modes with their prices."""
        return {
            category: replace(mode, price=answers.read_or_none(self._price(mode.source), _one))
            if mode.has_source
            else mode
            for category, mode in self._modes.items()
        }

    def sentinel_allows(self, answers: Answers) -> bool | None:
        """Return whether the sentinel allows liquidations; one that reverts allows none."""
        if self._sentinel is None:
            return None
        return bool(answers.read_or_none((self._sentinel, codec.SENTINEL_ALLOWS), _one))

    def _used(self, bits: int) -> list[Reserve]:
        return [reserve for reserve_id, reserve in self._reserves.items() if bits >> (2 * reserve_id) & 3]

    def _sources(self) -> list[str]:
        return [mode.source for mode in self._modes.values() if mode.has_source]

    def _price(self, asset: str) -> Question:
        return self._oracle, codec.about("getAssetPrice", asset)


def _available(reserve: Reserve) -> Question:
    return reserve.asset, codec.about("balanceOf", reserve.a_token)


def _balance(reserve: Reserve, account: str) -> tuple[Question, Question, Question]:
    return (
        (reserve.a_token, codec.about("scaledBalanceOf", account)),
        (reserve.variable_debt_token, codec.about("scaledBalanceOf", account)),
        (reserve.stable_debt_token, codec.about("principalBalanceOf", account)),
    )


def _fixed(reserve: Reserve, account: str) -> tuple[Question, Question]:
    token = reserve.stable_debt_token
    return (token, codec.about("getUserStableRate", account)), (
        token,
        codec.about("getUserLastUpdated", account),
    )


def _reserve(answers: Answers, pool: str, asset: str) -> Reserve:
    question = (pool, codec.about("getReserveData", asset))
    return answers.read(question, lambda answer: codec.read_reserve(asset, answer))


def _emode(answers: Answers, pool: str, category: int) -> EMode:
    return answers.read((pool, codec.emode_call(category)), lambda answer: codec.read_emode(category, answer))


def _one(answer: bytes) -> int:
    return read_words(answer, 1)[0]


def _word(answers: Answers, question: Question) -> int:
    return answers.read(question, _one)


def _address(answers: Answers, question: Question) -> str:
    return answers.read(question, lambda answer: read_address_word(_one(answer)))
