"""What the book refuses, named by what the caller must do.

BookError
├── OutOfStep          the update does not continue what the book holds: read on from its cursor
└── DeeperThanUndo     a block to undo is not held any more: stop the chain, alert
"""

from __future__ import annotations


class BookError(Exception):
    """Base of the above. The book is as it was before the call."""


class OutOfStep(BookError):
    """The blocks are not the ones that follow the book's cursor."""


class DeeperThanUndo(BookError):
    """A reorganisation reaches below what can be undone."""
