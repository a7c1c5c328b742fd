"""What can go wrong with the state log, named by what the caller must do.

StateLogError
|- LogRefused            stop: this file must not be used by this process
|  |- LogInUse             another process writes it
|  |- LogOfOtherMode       made by observe, rehearse, live or attest, and this run is another
|  |- LogOfOtherChains     a chain of the same name or id had another genesis
|  |- LogTooNew            made by a newer version
|  |- LogDamaged           the hash chain does not hold, or SQLite can not read it
|  |- LogTailLost          rows that were durable are gone
|  `- LogUnreadable        not a state log, missing directory, no permission
|- LogUnavailable        hold: nothing was recorded, so nothing may be sent; try again later
`- WriteRefused          skip: what was to be recorded contradicts what is recorded
   |- PositionBusy         the position already has a live intent
   |- IntentExists         this intent was already recorded
   |- NonceTaken           the slot belongs to another intent
   |- IntentFinal          the intent has ended and can not change
   `- Equivocation         another digest was already signed for this sequence
"""

from __future__ import annotations


class StateLogError(Exception):
    """Base of everything the state log raises."""


class LogRefused(StateLogError):
    """This file must not be used by this process. A person has to look."""


class LogInUse(LogRefused):
    """Another process holds the log's lock."""


class LogOfOtherMode(LogRefused):
    """The log was made in another mode."""


class LogOfOtherChains(LogRefused):
    """A chain known by this log had another chain id or genesis."""


class LogTooNew(LogRefused):
    """The log was written by a newer version than this one."""


class LogDamaged(LogRefused):
    """The hash chain does not hold, or the file can not be read as a database."""


class LogTailLost(LogRefused):
    """Entries that were durable are no longer in the file."""


class LogUnreadable(LogRefused):
    """There is no state log at this path, or it can not be opened."""


class LogUnavailable(StateLogError):
    """Nothing was recorded. Sends must stop until a write succeeds again."""


class WriteRefused(StateLogError):
    """The entries contradict what is recorded; none of them was written."""


class PositionBusy(WriteRefused):
    """The position already has a live intent."""


class IntentExists(WriteRefused):
    """An intent of this id was already signed or has ended."""


class NonceTaken(WriteRefused):
    """The slot (chain, sender, nonce) belongs to another intent."""


class IntentFinal(WriteRefused):
    """The intent has ended; an end never changes."""


class Equivocation(WriteRefused):
    """Another digest was already signed for this chain, account and sequence."""


_REFUSALS: tuple[tuple[str, type[WriteRefused]], ...] = (
    ("intents.chain_id, intents.account_id, intents.position_key", PositionBusy),
    ("intent exists", IntentExists),
    ("slots.", NonceTaken),
    ("intent is final", IntentFinal),
    ("equivocation", Equivocation),
)


def refusal(message: str) -> WriteRefused:
    """Return the typed refusal for the text of a violated constraint."""
    for part, kind in _REFUSALS:
        if part in message:
            return kind(message)
    return WriteRefused(message)
