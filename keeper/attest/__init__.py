"""Attestation: what a quorum is asked, how an attestor judges it, and how signatures are gathered."""
