"""What is written to the state log of options that expired: each thing to do about them, before it is signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from keeper.domain.settlement import Settlement
from keeper.state.entries import Body, Entry, plain


@dataclass(frozen=True, slots=True)
class SettlementDue(Entry):
    """Something is to be fixed or settled. The intents for it name it as what they rest on."""

    kind: ClassVar[str] = "settlement_due"
    settlement: Settlement

    def body(self) -> Body:
        """Return the settlement's fields."""
        body = plain(self.settlement)
        assert isinstance(body, dict)  # noqa: S101 - a dataclass
        return body
