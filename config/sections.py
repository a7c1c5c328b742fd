"""The tree of sections that `Settings` make: which keys stand where."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple, get_args, get_origin

from config.errors import KeyPath
from config.section import Section
from config.settings import Settings

ANY = "*"
"""In a section's place: a name the operator chose, or a number in an array."""


class Place(NamedTuple):
    """A section and where it may stand: ``("chains", "*", "tokens", "*")``."""

    path: tuple[str, ...]
    model: type[Section]
    in_array: bool

    @property
    def title(self) -> str:
        """How its header is written: ``[[chains.NAME.tokens]]``."""
        if not self.path:
            return "the top of the file"
        names = self.path[:-1] if self.in_array else self.path
        text = ".".join("NAME" if part == ANY else part for part in names)
        of_kind = "".join(f" of kind {kind}" for kind in get_args(_annotation(self.model, "kind")))
        return f"[[{text}]]{of_kind}" if self.in_array else f"[{text}]"

    def holds(self, path: KeyPath) -> bool:
        """Whether a key path is one of this section's."""
        return len(path) == len(self.path) and all(
            own in (ANY, part) for own, part in zip(self.path, path, strict=True)
        )


@cache
def places() -> tuple[Place, ...]:
    """Return every section of `Settings`, outer before inner."""
    return tuple(_walk((), Settings, in_array=False))


def models_at(path: KeyPath, kind: object = None) -> tuple[type[Section], ...]:
    """Return the sections that a table at `path` may be; with `kind`, only the one of that kind."""
    found = tuple(place.model for place in places() if place.holds(path))
    of_kind = tuple(model for model in found if kind in get_args(_annotation(model, "kind")))
    return of_kind or found


def homes(key: str) -> tuple[str, ...]:
    """Return the headers of the sections that know `key`."""
    return tuple(dict.fromkeys(place.title for place in places() if key in place.model.model_fields))


def _walk(path: tuple[str, ...], model: type[Section], *, in_array: bool) -> Iterator[Place]:
    yield Place(path, model, in_array)
    for name, field in model.model_fields.items():
        for inner, inner_path, inner_in_array in _inner(field.annotation, (*path, name), in_array=False):
            yield from _walk(inner_path, inner, in_array=inner_in_array)


def _inner(
    annotation: object, path: tuple[str, ...], *, in_array: bool
) -> Iterator[tuple[type[Section], tuple[str, ...], bool]]:
    """Yield the sections inside a field's type, with their places."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation, path, in_array
    elif get_origin(annotation) is tuple:
        yield from _inner(get_args(annotation)[0], (*path, ANY), in_array=True)
    elif get_origin(annotation) is dict:
        yield from _inner(get_args(annotation)[1], (*path, ANY), in_array=False)
    else:
        for part in get_args(annotation):
            yield from _inner(part, path, in_array=in_array)


def _annotation(model: type[Section], key: str) -> object:
    field = model.model_fields.get(key)
    return None if field is None else field.annotation
