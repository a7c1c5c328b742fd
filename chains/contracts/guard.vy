# pragma version 0.4.3
"""
@title Guard
@license Apache-2.0
@notice The one place that refuses with a reason. An `assert` with a text costs 115 bytes of code wherever it
    stands, a call of this one with the text as a number about 40; the hub has eighty of them and 24,576 bytes in all.
"""

# The letters of the text, as one big-endian number.
ACTION: constant(uint256) = 107079782723438  # action
BENEFICIARY: constant(uint256) = 118953725785494922484347513  # beneficiary
CLAIM: constant(uint256) = 427020085613  # claim
CLAIM_PAID: constant(uint256) = 469513549425535833172324  # claim paid
CLOSE_FACTOR: constant(uint256) = 30770106272173645527390646130  # close factor
COOLDOWN: constant(uint256) = 7165068043501926254  # cooldown
DESK: constant(uint256) = 1684370283  # desk
DUST: constant(uint256) = 1685418868  # dust
EPOCH: constant(uint256) = 435678045032  # epoch
EXPIRED: constant(uint256) = 28561396848551268  # expired
FEED: constant(uint256) = 1717921124  # feed
HEALTHY: constant(uint256) = 29384866683709561  # healthy
HIGH_S: constant(uint256) = 114801915732083  # high s
LIMITS: constant(uint256) = 119200062993523  # limits
MARGIN: constant(uint256) = 120265298635118  # margin
MARKET: constant(uint256) = 120265298896244  # market
OBSERVED: constant(uint256) = 8026104365476898148  # observed
OPEN_INTEREST: constant(uint256) = 8829110981749319261747358823284  # open interest
OPTIONS: constant(uint256) = 31367367702310515  # options
OWNER: constant(uint256) = 478745093490  # owner
PAUSED: constant(uint256) = 123563884635492  # paused
POLICY: constant(uint256) = 123623862526841  # policy
POOL: constant(uint256) = 1886351212  # pool
PRICE: constant(uint256) = 482955846501  # price
ROUND: constant(uint256) = 491496238692  # round
SEQUENCE: constant(uint256) = 8315177036036334437  # sequence
SERIES: constant(uint256) = 126879548401011  # series
SETTLED: constant(uint256) = 32481173165598052  # settled
SIGNATURES: constant(uint256) = 545016506659334861776243  # signatures
SIGNER_ORDER: constant(uint256) = 35718201780713743456410035570  # signer order
SIZE: constant(uint256) = 1936292453  # size
TOKEN: constant(uint256) = 500085515630  # token
TRANSFER: constant(uint256) = 8390876182755042674  # transfer
UNDERLYING: constant(uint256) = 554553254658043200237159  # underlying
V: constant(uint256) = 118  # v
VERSION: constant(uint256) = 33325589488824174  # version

ERROR: constant(bytes4) = method_id("Error(string)", output_type=bytes4)


@internal
@pure
def _require(holds: bool, reason: uint256):
    if holds:
        return
    length: uint256 = 0
    for _: uint256 in range(16):
        if reason >> (8 * length) == 0:
            break
        length += 1
    text: uint256 = reason << (256 - 8 * length)
    raw_revert(concat(ERROR, abi_encode(convert(32, uint256), length, text)))
