"""The same deployed chain as the local chains' own tests stand on."""

from __future__ import annotations

from tests.chains.devnet.conftest import chain, hub

__all__ = ["chain", "hub"]
