"""What differs between two configurations, and what of it a running process may take up.

Sources and how prices are formed of them may change while it runs. Everything else decides, signs or
says who is trusted, and is read once: a change there needs a restart, and is refused by its key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config.errors import KeyPath
from config.section import Section
from config.settings import Settings

_WEIGHTS = frozenset(
    {
        "collateral_weight_bps",
        "initial_collateral_weight_bps",
        "liability_weight_bps",
        "initial_liability_weight_bps",
    }
)


def changes(old: Settings, new: Settings) -> list[KeyPath]:
    """Return the keys that differ, in the order of the settings."""
    return list(_differences((), old, new))


def takes_a_restart(path: KeyPath) -> bool:
    """Whether a difference at `path` can not be taken up by a running process."""
    match path:
        case ("sources", *_):
            return False
        case ("assets", str(), str(key), *_):
            return key in _WEIGHTS
        case _:
            return True


def _differences(path: KeyPath, old: object, new: object) -> Iterator[KeyPath]:
    """Compare by value and not as shown: two URLs that differ in their secret part only are different."""
    if old == new:
        return
    if isinstance(old, Section) and type(old) is type(new):
        for name in type(old).model_fields:
            yield from _differences((*path, name), getattr(old, name), getattr(new, name))
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys((*old, *new)):
            if name in old and name in new:
                yield from _differences((*path, name), old[name], new[name])
            else:
                yield (*path, name)
    elif isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences((*path, number), before, after)
    else:
        yield path
