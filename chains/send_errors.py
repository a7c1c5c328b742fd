"""What a node meant by refusing a transaction: a table of texts per client, and the outcome of a send.

Nodes share codes (-32000, -32003) between unlike failures, so the text decides. It is
matched case-insensitively and anywhere, because clients and gateways put words before
and after it; a pattern never starts inside a word ("unknown transaction" is not
"known transaction"). The first match wins, so narrower texts stand before wider ones.
What matches nothing is `UNKNOWN`: the transaction may or may not be in a pool.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from chains.errors import clean_text


class SendClass(StrEnum):
    """What to do after a send. The reactions are the transaction lane's; these are its words."""

    PUBLISHED = "published"
    """A pool has these bytes: now, or already before."""
    NONCE_USED = "nonce_used"
    """Something with this nonce is mined, perhaps ours: look up every hash of the intent."""
    NONCE_GAP = "nonce_gap"
    """Lower nonces are missing at this node: resend those first."""
    REPLACE_UNDERPRICED = "replace_underpriced"
    """Another transaction holds the nonce: bump over it if it is ours."""
    UNDERPRICED = "underpriced"
    """Too cheap for the pool or the block: new estimate, same nonce."""
    FUNDS = "funds"
    """The sender can not pay: resend the same bytes after a top-up, never bump."""
    FEE_CAP_NODE = "fee_cap_node"
    """This node's own fee cap refused it; another may have taken it. The node needs configuring."""
    FATAL_TX = "fatal_tx"
    """These bytes can never be mined: a bug or a wrong setting."""
    POOL_FULL = "pool_full"
    """No room: wait, then bump."""
    RESERVED = "reserved"
    """The sender is used for blob transactions elsewhere: alarm."""
    TRANSIENT = "transient"
    """No usable answer. The outcome is unknown: keep the nonce, resend the same bytes."""
    UNKNOWN = "unknown"
    """An answer that is not in the table. As TRANSIENT, and worth a look."""


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What one broadcast led to.

    `tx_hash` is the hash of the bytes sent. `may_be_pooled` is True whenever some endpoint may
    hold them, whatever the class says: only when it is False is it certain that none does.
    `text` is the node's own, cut and cleaned; `endpoint` is shown without its secret.
    """

    send_class: SendClass
    tx_hash: str
    text: str
    endpoint: str
    may_be_pooled: bool


_NODE_TEXTS: tuple[tuple[str, SendClass, tuple[str, ...]], ...] = (
    (
        "geth and its forks (bsc, bor, op-geth)",
        SendClass.REPLACE_UNDERPRICED,
        ("replacement transaction underpriced", "replacement blob transaction underpriced"),
    ),
    ("geth, reth", SendClass.RESERVED, ("address already reserved",)),
    ("nethermind", SendClass.RESERVED, ("pendingtxsofconflictingtype", "conflicting type")),
    ("geth", SendClass.PUBLISHED, ("already known", "known transaction")),
    ("anvil, reth, erigon", SendClass.PUBLISHED, ("transaction already imported", "already imported")),
    ("nethermind", SendClass.PUBLISHED, ("alreadyknown",)),
    ("parity, openethereum", SendClass.PUBLISHED, ("same hash was already imported",)),
    ("moonbeam, sei", SendClass.PUBLISHED, ("pool(alreadyimported)", "tx already exists in cache")),
    ("besu", SendClass.PUBLISHED, ("transaction already exists", "known_transaction")),
    ("geth", SendClass.NONCE_GAP, ("nonce too high", "nonce is too high")),
    ("geth", SendClass.NONCE_GAP, ("gapped-nonce tx",)),
    ("nethermind", SendClass.NONCE_GAP, ("noncegap", "noncetoofarinfuture", "nonce too far in future")),
    ("besu", SendClass.NONCE_GAP, ("transaction with a lower nonce exists",)),
    ("besu", SendClass.NONCE_GAP, ("nonce too far in the future", "nonce_too_far_in_future")),
    ("zksync, besu", SendClass.NONCE_GAP, ("exceeds next nonce", "nonce is too distant")),
    ("geth, anvil, reth", SendClass.NONCE_USED, ("nonce too low", "nonce is too low")),
    ("nethermind", SendClass.NONCE_USED, ("oldnonce",)),
    ("erigon, parity", SendClass.NONCE_USED, ("invalid transaction nonce", "transaction nonce is too low")),
    ("moonbeam", SendClass.NONCE_USED, ("pool(stale)",)),
    ("besu", SendClass.NONCE_USED, ("nonce_too_low", "transaction nonce below sender account nonce")),
    ("nethermind", SendClass.REPLACE_UNDERPRICED, ("ownnoncealreadyused", "replacementnotallowed")),
    ("besu", SendClass.REPLACE_UNDERPRICED, ("transaction_replacement_underpriced",)),
    ("reth", SendClass.REPLACE_UNDERPRICED, ("insufficient gas price to replace existing transaction",)),
    (
        "parity, klaytn",
        SendClass.REPLACE_UNDERPRICED,
        (
            "another transaction with same nonce",
            "another tx which has the same nonce",
            "gas price is too low to replace",
        ),
    ),
    (
        "geth, anvil",
        SendClass.FATAL_TX,
        (
            "max priority fee per gas higher than max fee per gas",
            "tip above fee cap",
            "tip higher than fee cap",
        ),
    ),
    ("besu", SendClass.FATAL_TX, ("max priority fee per gas exceeds max fee per gas",)),
    ("geth", SendClass.FEE_CAP_NODE, ("exceeds the configured cap",)),
    ("besu", SendClass.FEE_CAP_NODE, ("transaction fee cap exceeded",)),
    ("geth", SendClass.UNDERPRICED, ("transaction underpriced", "transaction gas price below minimum")),
    (
        "anvil, geth, arbitrum",
        SendClass.UNDERPRICED,
        (
            "max fee per gas less than block base fee",
            "max fee per gas less than block basefee",
            "fee cap less than block base fee",
            "less than block base fee",
        ),
    ),
    ("nethermind", SendClass.UNDERPRICED, ("feetoolow", "feetoolowtocompete")),
    (
        "besu",
        SendClass.UNDERPRICED,
        (
            "gas price below minimum",
            "gas price below configured minimum",
            "gas price below current base fee",
            "gas_price_too_low",
        ),
    ),
    ("reth", SendClass.UNDERPRICED, ("below chain minimum",)),
    ("zksync", SendClass.UNDERPRICED, ("pubdata price too high", "unacceptable gas price")),
    ("hedera, sei", SendClass.UNDERPRICED, ("below configured minimum gas price", "insufficient fee")),
    (
        "bor, bsc, parity",
        SendClass.UNDERPRICED,
        ("gas tip cap", "gas price too low", "gas price is too low", "gasprice is too low"),
    ),
    ("geth, anvil, erigon, reth", SendClass.FUNDS, ("insufficient funds", "insufficient balance")),
    ("nethermind", SendClass.FUNDS, ("insufficientfunds",)),
    ("geth", SendClass.FUNDS, ("would cause overdraft",)),
    ("arbitrum", SendClass.FUNDS, ("not enough funds for gas",)),
    ("hedera", SendClass.FUNDS, ("insufficient_payer_balance",)),
    ("besu", SendClass.FUNDS, ("upfront cost exceeds", "upfront_cost_exceeds_balance")),
    ("geth", SendClass.POOL_FULL, ("txpool is full", "tx pool is full", "transaction pool is full")),
    (
        "parity, erigon, arbitrum",
        SendClass.POOL_FULL,
        (
            "queue full",
            "pool full",
            "transaction was dropped due to limit",
            "transaction limit reached",
            "due to l2 congestion",
            "txpool_full",
        ),
    ),
    (
        "geth, anvil",
        SendClass.FATAL_TX,
        (
            "intrinsic gas too low",
            "intrinsic gas too high",
            "floor data gas",
            "exceeds block gas limit",
            "gas limit too high",
            "transaction gas limit too high",
            "invalid sender",
            "oversized data",
            "gas uint64 overflow",
            "max initcode size exceeded",
            "transaction type not supported",
            "negative value",
            "sender not an eoa",
            "insufficient gas for floor data",
            "rlp: ",
            "typed transaction too short",
        ),
    ),
    (
        "anvil, geth, reth",
        SendClass.FATAL_TX,
        (
            "invalid chain id",
            "invalid signature",
            "failed to decode transaction",
            "failed to decode signed transaction",
        ),
    ),
    (
        "nethermind",
        SendClass.FATAL_TX,
        (
            "gaslimitexceeded",
            "gas limit reached",
            "senderiscontract",
            "invalid transaction signature",
            "int256overflow",
            "transaction cost overflow",
            "failedtoresolvesender",
            "failed to recover sender",
        ),
    ),
    (
        "besu",
        SendClass.FATAL_TX,
        (
            "exceeds_block_gas_limit",
            "wrong_chain_id",
            "wrong chainid",
            "intrinsic_gas_exceeds_gas_limit",
            "intrinsic gas exceeds gas limit",
            "invalid transaction type",
            "not authorized to send transactions",
        ),
    ),
    (
        "parity",
        SendClass.FATAL_TX,
        (
            "supplied gas is beyond limit",
            "banned in local queue",
            "transaction is not permitted",
            "transaction is too big",
            "transaction gas is too low",
            "cost exceeds current gas limit",
            "invalid rlp data",
        ),
    ),
    (
        "zksync, polygon zkevm",
        SendClass.FATAL_TX,
        (
            "validation revert",
            "failed to serialize transaction",
            "counters to continue the execution",
            "out of counters",
        ),
    ),
    (
        "arbitrum, sei, monad, hedera",
        SendClass.FATAL_TX,
        (
            "forbidden sender address",
            "execution reverted",
            "tx too large",
            "gas limit too low",
            "invalid_signature",
        ),
    ),
    (
        "gateways",
        SendClass.TRANSIENT,
        (
            "timeout",
            "timed out",
            "too many requests",
            "rate limit",
            "header not found",
            "internal error",
            "service unavailable",
            "bad gateway",
            "connection reset",
            "connection refused",
            "network is unreachable",
            "temporarily unavailable",
            "timeout expired",
            "initial sync is still in progress",
            "transaction pool not enabled",
            "node is syncing",
            "syncing",
            "failed to forward tx to sequencer",
        ),
    ),
)

_MATCHERS: tuple[tuple[re.Pattern[str], SendClass], ...] = tuple(
    (re.compile(r"(?<![a-z0-9])" + re.escape(text)), send_class)
    for _, send_class, texts in _NODE_TEXTS
    for text in texts
)

_POOLED: frozenset[SendClass] = frozenset(
    {
        SendClass.PUBLISHED,
        SendClass.NONCE_USED,
        SendClass.FEE_CAP_NODE,
        SendClass.TRANSIENT,
        SendClass.UNKNOWN,
    }
)


def classify_send(text: str) -> SendClass:
    """Return what the text of a JSON-RPC error to ``eth_sendRawTransaction`` means."""
    lowered = clean_text(text, 2_000).lower()
    for pattern, send_class in _MATCHERS:
        if pattern.search(lowered):
            return send_class
    return SendClass.UNKNOWN


def may_be_pooled(send_class: SendClass) -> bool:
    """Return whether a node that answered with this class may hold the transaction, or have mined it."""
    return send_class in _POOLED
