"""Whose a borrower is here: the account of its owner's subaccount 0, as the hubs number accounts."""

from __future__ import annotations

from eth_hash.auto import keccak

from chains.hub.codec import word
from chains.venues.venue import Borrower
from chains.venues.words import address_word

VENUE_LIQUIDATION = 64
"""The action of an intent that liquidates at a venue: no hub's attestation has this number."""


def account_of(borrower: Borrower) -> str:
    """Return the account's id: keccak of the owner and 0 as ABI words."""
    return "0x" + bytes(keccak(address_word(borrower.account) + word(0))).hex()


def position_key(venue: str, borrower: Borrower) -> str:
    """Return what at most one live intent of the account may be for."""
    return f"venue/{venue}/{borrower.account}/{borrower.market}"
