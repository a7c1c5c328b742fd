"""The quorum of attestors, and this process as one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from config.checks.origins import origin
from config.checks.signers import senders
from config.errors import Remark
from config.settings import AttestationSettings, AttestorPeerSettings, Settings


def check_attestation(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with the quorum, and with how it fits to the chains and to this attestor."""
    attestation = settings.attestation
    if attestation is None:
        return
    yield from _threshold(attestation)
    yield from _twice(attestation, "name", "E618", lambda peer: peer.name)
    yield from _twice(attestation, "address", "E616", lambda peer: peer.address)
    yield from _twice(attestation, "url", "E617", lambda peer: origin(peer.url))
    for name, chain in settings.chains.items():
        if attestation.deadline_s <= chain.block_time_s:
            message = f"{attestation.deadline_s:g} s is over before {name} has another block ({chain.block_time_s:g} s)"
            advice = "an attestation must live for some blocks: set it higher"
            yield Remark(("attestation", "deadline_s"), "E611", message, advice)
    yield from _roles(settings, attestation)


def _threshold(attestation: AttestationSettings) -> Iterator[Remark]:
    at = ("attestation", "threshold")
    number = len(attestation.attestors)
    majority = number // 2 + 1
    if attestation.threshold > number:
        message = f"{attestation.threshold} signatures can not be had from {number} attestors"
        yield Remark(at, "E614", message, f"set it between {majority} and {number}")
    elif attestation.threshold < majority:
        message = (
            f"{attestation.threshold} of {number} is no majority: two halves could attest against each other"
        )
        yield Remark(at, "E615", message, f"set it between {majority} and {number}")
    elif attestation.threshold == 1:
        message = "one key alone decides who is liquidated"
        yield Remark(
            at, "W615", message, "run three attestors, each with its own key and nodes, and ask for two"
        )


def _twice(
    attestation: AttestationSettings, key: str, code: str, value: Callable[[AttestorPeerSettings], object]
) -> Iterator[Remark]:
    seen: dict[object, int] = {}
    for number, peer in enumerate(attestation.attestors):
        first = seen.setdefault(value(peer), number)
        if first != number:
            message = f"the same {key} as attestors[{first}]: one attestor would count twice"
            yield Remark(
                ("attestation", "attestors", number, key), code, message, f"write this attestor's own {key}"
            )


def _roles(settings: Settings, attestation: AttestationSettings) -> Iterator[Remark]:
    quorum = {peer.address for peer in attestation.attestors}
    for name, chain in settings.chains.items():
        for path, sender in senders(name, chain):
            signer = settings.signers.get(sender)
            if signer is not None and signer.address in quorum:
                message = f"the key that sends transactions on {name} is also one of the attestors'"
                yield Remark(path, "E609", message, "a key has one role: make another for sending")
                return
    if settings.attestor is None:
        return
    own = settings.signers.get(settings.attestor.signer)
    if own is not None and own.address not in quorum:
        message = "this attestor's key is not in the quorum below [attestation]"
        advice = "add its address to [[attestation.attestors]], or correct attestor.signer"
        yield Remark(("attestor", "signer"), "W619", message, advice)
