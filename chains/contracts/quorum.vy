# pragma version 0.4.3
"""
@title The quorum and what it signs
@license Apache-2.0
@notice Signer sets by epoch, the policy they sign under, and the strict check of an EIP-712 attestation:
    exactly M signatures of the current epoch, ascending, with low s and v of 27 or 28.
"""

import guard
import ownership

uses: ownership

struct Attestation:
    action: uint256
    account: bytes32
    version: uint256
    sequence: uint256
    epoch: uint256
    item: uint256
    max_size: uint256
    price: uint256
    health: uint256
    value: uint256
    claim: bytes32
    target: address
    beneficiary: address
    blocks_root: bytes32
    policy_hash: bytes32
    price_set: bytes32
    observed_at: uint256
    deadline: uint256

event SignersSet:
    epoch: indexed(uint256)
    threshold: uint256
    signers: DynArray[address, 16]

event PolicySet:
    policy_hash: bytes32

MAX_SIGNERS: constant(uint256) = 16
# How far an attestor's clock may be ahead of the block's.
MAX_FUTURE_S: constant(uint256) = 30
# Half the order of secp256k1: above it every signature has a twin, which would be a second signature for one signer.
MAX_S: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME_HASH: constant(bytes32) = keccak256("MarginHub")
VERSION_HASH: constant(bytes32) = keccak256("1")
ATTESTATION_TYPEHASH: constant(bytes32) = keccak256(
    "Attestation(uint256 action,bytes32 account,uint256 version,uint256 sequence,uint256 epoch,uint256 item,uint256 max_size,uint256 price,uint256 health,uint256 value,bytes32 claim,address target,address beneficiary,bytes32 blocks_root,bytes32 policy_hash,bytes32 price_set,uint256 observed_at,uint256 deadline)"
)

epoch: public(uint256)
threshold: public(uint256)
policy_hash: public(bytes32)
# is_signer(epoch, address)
is_signer: public(HashMap[uint256, HashMap[address, bool]])
signer_list: DynArray[address, 16]


@external
def set_signers(signers: DynArray[address, 16], threshold: uint256):
    """
    @notice Start a new epoch with these signers. Attestations of earlier epochs stop fitting at once.
    @param signers Addresses, strictly ascending.
    @param threshold How many must sign, 1 to all.
    """
    ownership._check_owner()
    guard._require(threshold > 0 and threshold <= len(signers), guard.SIGNATURES)
    epoch: uint256 = self.epoch + 1
    last: uint256 = 0
    for signer: address in signers:
        guard._require(convert(signer, uint256) > last, guard.SIGNER_ORDER)
        last = convert(signer, uint256)
        self.is_signer[epoch][signer] = True
    self.epoch = epoch
    self.threshold = threshold
    self.signer_list = signers
    log SignersSet(epoch=epoch, threshold=threshold, signers=signers)


@external
def set_policy(policy_hash: bytes32):
    """
    @notice Name the risk policy (weights, tiers, thresholds) that attestations must be made under.
    @param policy_hash Digest of the policy's canonical form.
    """
    ownership._check_owner()
    self.policy_hash = policy_hash
    log PolicySet(policy_hash=policy_hash)


@external
@view
def signers() -> DynArray[address, 16]:
    """
    @notice The signers of the current epoch, ascending.
    """
    return self.signer_list


@external
@view
def attestation_digest(att: Attestation) -> bytes32:
    """
    @notice What the signers of `att` sign (EIP-712, bound to this chain and this contract).
    @param att The attestation.
    """
    return self._digest(att)


@internal
@view
def _digest(att: Attestation) -> bytes32:
    # The domain is built at each call, so that after a fork of the chain no signature fits both sides.
    domain: bytes32 = keccak256(
        abi_encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, chain.id, self)
    )
    return keccak256(
        concat(x"1901", domain, keccak256(abi_encode(ATTESTATION_TYPEHASH, att)))
    )


@internal
@view
def _check_context(
    att: Attestation, version: uint256, last_sequence: uint256, max_age_s: uint256
):
    """
    @dev Whether the attestation speaks of here and now: time, signers, policy, and the account as it is.
    """
    guard._require(att.deadline >= block.timestamp, guard.EXPIRED)
    guard._require(
        att.observed_at <= block.timestamp + MAX_FUTURE_S
        and att.observed_at + max_age_s >= block.timestamp,
        guard.OBSERVED,
    )
    guard._require(att.epoch == self.epoch, guard.EPOCH)
    guard._require(att.policy_hash == self.policy_hash, guard.POLICY)
    guard._require(att.version == version, guard.VERSION)
    # Not beyond the time in nanoseconds: one huge sequence would put the account out of reach for ever.
    guard._require(
        last_sequence < att.sequence and att.sequence <= block.timestamp * 10**9, guard.SEQUENCE
    )


@internal
@view
def _check_signatures(digest: bytes32, signatures: DynArray[Bytes[65], MAX_SIGNERS]):
    threshold: uint256 = self.threshold
    # Before the first signer set the threshold is zero, and no signature at all must not be enough.
    guard._require(threshold > 0 and len(signatures) == threshold, guard.SIGNATURES)
    epoch: uint256 = self.epoch
    last: uint256 = 0
    for signature: Bytes[65] in signatures:
        guard._require(len(signature) == 65, guard.SIGNATURES)
        r: uint256 = extract32(signature, 0, output_type=uint256)
        s: uint256 = extract32(signature, 32, output_type=uint256)
        v: uint256 = convert(slice(signature, 64, 1), uint256)
        guard._require(s <= MAX_S, guard.HIGH_S)
        guard._require(v == 27 or v == 28, guard.V)
        signer: address = ecrecover(digest, v, r, s)
        # Strictly ascending from zero: no signer counts twice, and a failed recovery (zero) never counts.
        guard._require(convert(signer, uint256) > last, guard.SIGNER_ORDER)
        guard._require(self.is_signer[epoch][signer], guard.SIGNATURES)
        last = convert(signer, uint256)
