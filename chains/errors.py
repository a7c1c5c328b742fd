"""What can go wrong between us and a chain, named by what the caller must do.

::

    ChainError
    ├── RetryLater               ask again later, or another endpoint now
    │   ├── EndpointUnavailable  no answer: refused, reset, timed out, HTTP 5xx
    │   ├── RateLimited          asked too often; it may say for how long to wait
    │   ├── NotAgreed            too few endpoints gave the same answer to what decides something
    │   ├── NotYetThere          the node lacks that block: not yet, no longer, or pruned
    │   └── SignerUnavailable    an external signer gave no signature that holds
    ├── Unusable                 throw the answer away; another endpoint may do better
    │   └── MalformedAnswer      not what the protocol says: HTML, a wrong id, bad hex
    ├── AskForLess               the same question over a smaller range or batch
    │   └── AnswerTooLarge       (an Unusable as well) the answer passed our cap on its size
    ├── NodeRefused              the node understood and said no: asking again changes nothing
    ├── Reverted                 the call itself failed on chain; `data` says why
    ├── NeverSign                a transaction breaks its policy: a bug or an attack
    │   ├── WrongChainId, WrongTarget, WrongValue
    │   └── GasOutOfBounds, FeeOutOfBounds, CalldataTooLong
    ├── KeyRefused               the operator must mend the key file or its settings
    └── StopChain                act no more on this chain; a person is needed
        ├── ChainMismatch        the endpoint serves another chain than the one configured
        └── FinalityViolation    what was final is no longer on the chain

No message, cause or context of these carries an endpoint's URL or a key: text from a
node is cut short and cleaned, and errors of the transport are never chained.
"""

from __future__ import annotations

TEXT_LIMIT = 200
"""Characters kept of any text that a node chose."""


def clean_text(text: object, limit: int = TEXT_LIMIT) -> str:
    """Return a node's text fit for a log: one line, printable, at most `limit` characters."""
    printable = "".join(c if c.isprintable() else " " for c in str(text)[: limit * 2])
    return printable if len(printable) <= limit else printable[: limit - 1] + "…"


class ChainError(Exception):
    """Base of everything that chains raise on purpose."""


class RetryLater(ChainError):
    """No answer now. The same question may be answered later, or by another endpoint."""


class EndpointUnavailable(RetryLater):
    """The endpoint gave no answer. `timed_out` tells silence from refusal; `never_sent` that no byte left."""

    def __init__(self, message: str, *, timed_out: bool = False, never_sent: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out
        self.never_sent = never_sent


class RateLimited(RetryLater):
    """Asked too often. `retry_after_s` is what the endpoint asked for, 0 if it named no time."""

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotAgreed(RetryLater):
    """Fewer endpoints gave the same answer than must, to a question that decides whether something is sent."""


class NotYetThere(RetryLater):
    """The node does not have that block: it has not come yet, was reorganised away, or was pruned."""


class SignerUnavailable(RetryLater):
    """The external signer did not answer, or not with our key's signature. Nothing was signed that could be sent."""


class Unusable(ChainError):
    """There was an answer, and nothing may be concluded from it."""


class MalformedAnswer(Unusable):
    """The answer is not what the protocol says it must be."""


class AskForLess(ChainError):
    """The question was too large for the node. Halve the range or the batch."""


class AnswerTooLarge(MalformedAnswer, AskForLess):
    """The answer passed our cap on its size and was not read to its end."""


class NodeRefused(ChainError):
    """The node understood and said no. `code` is its JSON-RPC error code."""

    def __init__(self, code: int, text: object) -> None:
        self.code = code
        self.text = clean_text(text)
        super().__init__(f"node refused ({code}): {self.text}")


class Reverted(ChainError):
    """The call failed on chain. `data` is what the contract returned (empty when it ran out of gas)."""

    def __init__(self, data: bytes, text: object = "") -> None:
        self.data = data
        self.text = clean_text(text)
        super().__init__(f"reverted: {self.text or '0x' + data[:68].hex()}")


class NeverSign(ChainError):
    """The transaction breaks the signing policy. Nothing was signed."""


class WrongChainId(NeverSign):
    """It is for another chain than the policy's."""


class WrongTarget(NeverSign):
    """Its contract and selector are not on the allow-list."""


class WrongValue(NeverSign):
    """It would move native coins, which no transaction of ours does."""


class GasOutOfBounds(NeverSign):
    """Its gas limit is below what any transaction needs, or above the policy's."""


class FeeOutOfBounds(NeverSign):
    """Its fees contradict each other or pass the policy's ceiling."""


class CalldataTooLong(NeverSign):
    """Its calldata is longer than the policy's limit."""


class KeyRefused(ChainError):
    """The key can not be used as it is. The message says what to mend and never what the key is."""


class StopChain(ChainError):
    """Act no more on this chain until a person has looked."""


class ChainMismatch(StopChain):
    """The endpoint serves another chain: another chain id or another genesis block."""


class FinalityViolation(StopChain):
    """A block that was deep enough to be final is no longer on the chain."""
