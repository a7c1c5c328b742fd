"""What clients say when they refuse a transaction, word for word, with what it means for ours.

Sources: go-ethereum core/txpool/errors.go and core/error.go; Nethermind TxPool/AcceptTxResult.cs (names until
2025) and TxPoolErrorMessages.cs (sentences since); Besu RpcErrorType.java; reth rpc error/mod.rs (RpcPoolError);
erigon, parity, Arbitrum, zkSync, Polygon zkEVM, Mantle, Avalanche, Celo, Moonbeam, Sei, Monad and Hedera as seen by
others' transaction managers (smartcontractkit/chainlink-evm, pkg/client/errors_test.go); anvil 1.7 as measured.
"""

from __future__ import annotations

from chains.send_errors import SendClass

TEXTS: dict[str, tuple[tuple[str, SendClass], ...]] = {
    "geth": (
        ("already known", SendClass.PUBLISHED),
        ("known transaction: 0x7f657507aee0511e36d2d1972a6b22e917cc89f92b6c12c4", SendClass.PUBLISHED),
        ("nonce too low: next nonce 5, tx nonce 3", SendClass.NONCE_USED),
        ("nonce too high", SendClass.NONCE_GAP),
        ("gapped-nonce tx from delegated accounts", SendClass.NONCE_GAP),
        (
            "replacement transaction underpriced: new tx gas fee cap 5 <= 5 queued",
            SendClass.REPLACE_UNDERPRICED,
        ),
        ("transaction underpriced: tip needed 1, tip permitted 0", SendClass.UNDERPRICED),
        (
            "transaction gas price below minimum: gas tip cap 25 wei, minimum needed 26 wei",
            SendClass.UNDERPRICED,
        ),
        ("max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1", SendClass.UNDERPRICED),
        ("insufficient funds for gas * price + value: balance 0, tx cost 9, overshot 9", SendClass.FUNDS),
        ("insufficient funds for transfer", SendClass.FUNDS),
        ("insufficient balance for transfer", SendClass.FUNDS),
        ("transaction would cause overdraft", SendClass.FUNDS),
        ("tx fee (1.10 ether) exceeds the configured cap (1.00 ether)", SendClass.FEE_CAP_NODE),
        ("address already reserved", SendClass.RESERVED),
        ("txpool is full", SendClass.POOL_FULL),
        ("in-flight transaction limit reached for delegated accounts", SendClass.POOL_FULL),
        ("intrinsic gas too low: gas 20000, minimum needed 21000", SendClass.FATAL_TX),
        ("insufficient gas for floor data gas cost: gas 1, minimum needed 2", SendClass.FATAL_TX),
        ("exceeds block gas limit", SendClass.FATAL_TX),
        ("transaction gas limit too high (cap: 16777216, tx: 20000000)", SendClass.FATAL_TX),
        ("invalid sender", SendClass.FATAL_TX),
        ("negative value", SendClass.FATAL_TX),
        ("oversized data: transaction size 138074, limit 131072", SendClass.FATAL_TX),
        ("gas uint64 overflow", SendClass.FATAL_TX),
        ("invalid chain id for signer: have 1 want 5", SendClass.FATAL_TX),
        ("max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: 2", SendClass.FATAL_TX),
        ("sender not an eoa: address 0x1, len(code): 5", SendClass.FATAL_TX),
        ("transaction type not supported", SendClass.FATAL_TX),
    ),
    "anvil": (
        ("transaction already imported", SendClass.PUBLISHED),
        ("nonce too low", SendClass.NONCE_USED),
        ("transaction underpriced", SendClass.UNDERPRICED),
        ("max fee per gas less than block base fee", SendClass.UNDERPRICED),
        ("replacement transaction underpriced", SendClass.REPLACE_UNDERPRICED),
        ("Insufficient funds for gas * price + value", SendClass.FUNDS),
        ("intrinsic gas too high -- CallGasCostMoreThanGasLimit", SendClass.FATAL_TX),
        ("Failed to decode transaction", SendClass.FATAL_TX),
    ),
    "nethermind": (
        ("AlreadyKnown", SendClass.PUBLISHED),
        ("OldNonce, Current nonce: 22, nonce of rejected tx: 17", SendClass.NONCE_USED),
        ("NonceGap, Future nonce. Expected nonce: 10", SendClass.NONCE_GAP),
        ("NonceTooFarInFuture, Nonce too far in future: 60", SendClass.NONCE_GAP),
        ("nonce too far in future", SendClass.NONCE_GAP),
        ("OwnNonceAlreadyUsed", SendClass.REPLACE_UNDERPRICED),
        ("ReplacementNotAllowed", SendClass.REPLACE_UNDERPRICED),
        ("FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 50, BaseFee: 100", SendClass.UNDERPRICED),
        ("FeeTooLow, EffectivePriorityFeePerGas too low 10 < 20, BaseFee: 30", SendClass.UNDERPRICED),
        ("FeeTooLowToCompete", SendClass.UNDERPRICED),
        ("InsufficientFunds, Account balance: 47, cumulative cost: 220", SendClass.FUNDS),
        ("InsufficientFunds, Balance is 10 less than sending value + gas 71", SendClass.FUNDS),
        ("PendingTxsOfConflictingType", SendClass.RESERVED),
        ("GasLimitExceeded, Gas limit: 100, gas limit of rejected tx: 150", SendClass.FATAL_TX),
        ("gas limit reached", SendClass.FATAL_TX),
        ("Int256Overflow", SendClass.FATAL_TX),
        ("transaction cost overflow", SendClass.FATAL_TX),
        ("SenderIsContract", SendClass.FATAL_TX),
        ("FailedToResolveSender", SendClass.FATAL_TX),
        ("failed to recover sender", SendClass.FATAL_TX),
        ("Syncing", SendClass.TRANSIENT),
        ("node is syncing", SendClass.TRANSIENT),
    ),
    "besu": (
        ("Known transaction", SendClass.PUBLISHED),
        ("Nonce too low", SendClass.NONCE_USED),
        ("Nonce too high", SendClass.NONCE_GAP),
        ("Transaction nonce is too distant from current sender nonce", SendClass.NONCE_GAP),
        ("An invalid transaction with a lower nonce exists", SendClass.NONCE_GAP),
        ("Replacement transaction underpriced", SendClass.REPLACE_UNDERPRICED),
        ("Gas price below configured minimum gas price", SendClass.UNDERPRICED),
        ("Gas price below current base fee", SendClass.UNDERPRICED),
        ("Upfront cost exceeds account balance", SendClass.FUNDS),
        ("Transaction fee cap exceeded", SendClass.FEE_CAP_NODE),
        ("Intrinsic gas exceeds gas limit", SendClass.FATAL_TX),
        ("Transaction gas limit exceeds block gas limit", SendClass.FATAL_TX),
        ("Max priority fee per gas exceeds max fee per gas", SendClass.FATAL_TX),
        ("Invalid signature", SendClass.FATAL_TX),
        ("Invalid transaction type", SendClass.FATAL_TX),
        ("Wrong chainId", SendClass.FATAL_TX),
        ("Sender account not authorized to send transactions", SendClass.FATAL_TX),
        ("Initial sync is still in progress", SendClass.TRANSIENT),
        ("Timeout expired", SendClass.TRANSIENT),
        (
            "Transaction pool not enabled. (Either txpool explicitly disabled, or node not yet in sync).",
            SendClass.TRANSIENT,
        ),
    ),
    "erigon": (
        ("block already known", SendClass.PUBLISHED),
        ("nonce too low", SendClass.NONCE_USED),
        ("nonce too high", SendClass.NONCE_GAP),
        ("could not replace existing tx: replacement transaction underpriced", SendClass.REPLACE_UNDERPRICED),
        (
            "transaction gas price below minimum: gas tip cap 1 gwei, minimum needed 25 gwei",
            SendClass.UNDERPRICED,
        ),
        ("insufficient funds for gas * price + value", SendClass.FUNDS),
    ),
    "reth": (
        ("already known", SendClass.PUBLISHED),
        ("nonce too low: next nonce 9, tx nonce 3", SendClass.NONCE_USED),
        ("[0x12]: insufficient gas price to replace existing transaction.", SendClass.REPLACE_UNDERPRICED),
        ("max fee per gas less than block base fee", SendClass.UNDERPRICED),
        ("[0x12] Transaction feeCap 3 below chain minimum.", SendClass.UNDERPRICED),
        ("insufficient funds for gas * price + value: have 1 want 2", SendClass.FUNDS),
        ("txpool is full", SendClass.POOL_FULL),
        ("address already reserved", SendClass.RESERVED),
        ("max initcode size exceeded", SendClass.FATAL_TX),
        ("failed to decode signed transaction", SendClass.FATAL_TX),
    ),
    "arbitrum": (
        ("nonce too low: address 0x3363, tx: 8089 state: 8090", SendClass.NONCE_USED),
        ("transaction rejected: nonce too low", SendClass.NONCE_USED),
        ("invalid transaction nonce", SendClass.NONCE_USED),
        ("nonce too high: address 0x3363, tx: 8089 state: 8090", SendClass.NONCE_GAP),
        ("gas price too low", SendClass.UNDERPRICED),
        (
            "max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1 baseFee: 2",
            SendClass.UNDERPRICED,
        ),
        ("not enough funds for gas", SendClass.FUNDS),
        ("insufficient funds for gas * price + value: address 0xb68D have 99 want 100", SendClass.FUNDS),
        ("queue full", SendClass.POOL_FULL),
        ("sequencer pending tx pool full, please try again", SendClass.POOL_FULL),
        ("tx dropped due to L2 congestion", SendClass.POOL_FULL),
        ("forbidden sender address", SendClass.FATAL_TX),
        ("execution reverted: stale report", SendClass.FATAL_TX),
        ("502 Bad Gateway: <html>", SendClass.TRANSIENT),
        ("i/o timeout", SendClass.TRANSIENT),
        ("network is unreachable", SendClass.TRANSIENT),
        ("408 Request Timeout: {", SendClass.TRANSIENT),
    ),
    "op stack and mantle": (
        (
            "failed to forward tx to sequencer, please try again. Error message: 'already known'",
            SendClass.PUBLISHED,
        ),
        (
            "failed to forward tx to sequencer, please try again. Error message: 'nonce too low'",
            SendClass.NONCE_USED,
        ),
        (
            "failed to forward tx to sequencer, please try again. Error message: 'replacement transaction underpriced'",
            SendClass.REPLACE_UNDERPRICED,
        ),
        (
            "failed to forward tx to sequencer, please try again. Error message: 'insufficient funds for gas * price + value'",
            SendClass.FUNDS,
        ),
        (
            "failed to forward tx to sequencer, please try again. Error message: 'invalid sender'",
            SendClass.FATAL_TX,
        ),
        ("failed to forward tx to sequencer, please try again. Error message: 'EOF'", SendClass.TRANSIENT),
    ),
    "zksync": (
        ("known transaction. transaction with hash 0x6013 is already in the system", SendClass.PUBLISHED),
        ("nonce too low. allowed nonce range: 427 - 447, actual: 426", SendClass.NONCE_USED),
        ("nonce too high. allowed nonce range: 427 - 477, actual: 527", SendClass.NONCE_GAP),
        ("max fee per gas less than block base fee", SendClass.UNDERPRICED),
        (
            (
                "failed to validate the transaction. reason: Validation revert: virtual machine entered unexpected state."
                " Error description: Assertion error: Fair pubdata price too high"
            ),
            SendClass.UNDERPRICED,
        ),
        (
            (
                "virtual machine entered unexpected state. Error description: The operator included transaction with an"
                " unacceptable gas price"
            ),
            SendClass.UNDERPRICED,
        ),
        ("insufficient balance for transfer", SendClass.FUNDS),
        (
            (
                "failed to validate the transaction. reason: Validation revert: Account validation error: Not enough gas"
                " for transaction validation"
            ),
            SendClass.FATAL_TX,
        ),
        ("invalid sender. can't start a transaction from a non-account", SendClass.FATAL_TX),
        ("Failed to serialize transaction: max fee per gas higher than 2^64-1", SendClass.FATAL_TX),
    ),
    "polygon zkEVM": (
        (
            "failed to add tx to the pool: not enough keccak counters to continue the execution",
            SendClass.FATAL_TX,
        ),
        (
            "RPC error response: failed to add tx to the pool: out of counters at node level (Steps)",
            SendClass.FATAL_TX,
        ),
    ),
    "parity": (
        ("Transaction with the same hash was already imported.", SendClass.PUBLISHED),
        ("Transaction nonce is too low. Try incrementing the nonce.", SendClass.NONCE_USED),
        (
            (
                "Transaction gas price 100wei is too low. There is another transaction with same nonce in the queue with gas"
                " price 150wei. Try increasing the gas price or incrementing the nonce."
            ),
            SendClass.REPLACE_UNDERPRICED,
        ),
        (
            "Transaction gas price is too low. It does not satisfy your node's minimal gas price (minimal: 100 got: 50).",
            SendClass.UNDERPRICED,
        ),
        (
            "Insufficient funds. The account you tried to send transaction from does not have enough funds.",
            SendClass.FUNDS,
        ),
        (
            "There are too many transactions in the queue. Your transaction was dropped due to limit. Try increasing the fee.",
            SendClass.POOL_FULL,
        ),
        ("Supplied gas is beyond limit.", SendClass.FATAL_TX),
        ("Sender is banned in local queue.", SendClass.FATAL_TX),
        ("Transaction is not permitted.", SendClass.FATAL_TX),
        ("Transaction is too big, see chain specification for the limit.", SendClass.FATAL_TX),
        (
            "Transaction gas is too low. There is not enough gas to cover minimal cost of the transaction",
            SendClass.FATAL_TX,
        ),
        (
            "Transaction cost exceeds current gas limit. Limit: 50, got: 100. Try decreasing supplied gas.",
            SendClass.FATAL_TX,
        ),
        ("Invalid RLP data: whatever", SendClass.FATAL_TX),
    ),
    "others": (
        (
            "call failed: nonce too low: address 0x0499 current nonce (5833) > tx nonce (5511)",
            SendClass.NONCE_USED,
        ),
        ("submit transaction to pool failed: Pool(Stale)", SendClass.NONCE_USED),
        ("submit transaction to pool failed: Pool(AlreadyImported)", SendClass.PUBLISHED),
        ("tx already exists in cache", SendClass.PUBLISHED),
        ("there is another tx which has the same nonce in the tx pool", SendClass.REPLACE_UNDERPRICED),
        ("insufficient funds for gas + value. balance: 42, fee: 48, value: 42", SendClass.FUNDS),
        ("Signer had insufficient balance", SendClass.FUNDS),
        ("transaction 0.0.3041916 failed precheck with status INSUFFICIENT_PAYER_BALANCE", SendClass.FUNDS),
        ("insufficient fee", SendClass.UNDERPRICED),
        ("gas price less than block base fee", SendClass.UNDERPRICED),
        ("Gas price '83' is below configured minimum gas price '95'", SendClass.UNDERPRICED),
        (
            "gas price too low: 18000000000 wei, use at least tx.gasPrice = 19500000000 wei",
            SendClass.UNDERPRICED,
        ),
        ("transaction 0.0.4425573 failed precheck with status INVALID_SIGNATURE", SendClass.FATAL_TX),
        ("Tx too large. Max size is 2048576, but got 2097431", SendClass.FATAL_TX),
        ("Gas limit too low", SendClass.FATAL_TX),
        ("503 Service Temporarily Unavailable", SendClass.TRANSIENT),
    ),
}
"""By client."""
