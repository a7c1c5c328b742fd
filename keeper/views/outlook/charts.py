"""The book against shocks as a picture: bars in a terminal, or an SVG file that any browser shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from keeper.views.outlook.answers import Answers
from keeper.views.outlook.tables import move

if TYPE_CHECKING:
    from rich.console import RenderableType

_XMLNS = "http://www.w3.org/2000/svg"
_BAR = 60
_LINE = 26
_LABEL = 190
_WIDTH = 900
_STRUCK, _TRIGGERED = "#4878a8", "#c8553d"


@dataclass(frozen=True, slots=True)
class Bar:
    """One shock: its accounts liquidatable at once, and those that its cascade adds."""

    label: str
    struck: int
    triggered: int


def bars(answers: Answers) -> list[Bar]:
    """Return a bar for each shock, in their order."""
    added = {one.shock.name + str(one.shock.moves_bps): len(one.triggered) for one in answers.cascades}
    return [
        Bar(
            f"{one.shock.name} {move(next(iter(one.shock.moves_bps.values()), 0) / 10_000)}",
            len(one.liquidatable),
            added.get(one.shock.name + str(one.shock.moves_bps), 0),
        )
        for one in answers.struck
    ]


def plot(shown: Sequence[Bar]) -> RenderableType:
    """Return the bars for a terminal: full blocks are struck at once, shaded ones are triggered."""
    from rich.table import Table
    from rich.text import Text

    most = max((bar.struck + bar.triggered for bar in shown), default=0) or 1
    table = Table("shock", "accounts liquidatable: █ at once, ▒ by the cascade", "", box=None)
    for bar in shown:
        struck = -(-bar.struck * _BAR // most)
        triggered = -(-bar.triggered * _BAR // most)
        text = Text("█" * struck, style="blue") + Text("▒" * triggered, style="red")
        table.add_row(bar.label, text, f"{bar.struck:,}" + (f" + {bar.triggered:,}" if bar.triggered else ""))
    return table


def svg(shown: Sequence[Bar], title: str) -> str:
    """Return the bars as an SVG document."""
    most = max((bar.struck + bar.triggered for bar in shown), default=0) or 1
    scale = (_WIDTH - _LABEL - 110) / most
    height = 70 + _LINE * len(shown)
    lines = [
        f'<svg xmlns="{_XMLNS}" width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="10" y="22" font-size="15">{escape(title)}</text>',
        f'<text x="10" y="42" fill="{_STRUCK}">liquidatable at once</text>',
        f'<text x="{_LABEL}" y="42" fill="{_TRIGGERED}">triggered by the cascade</text>',
    ]
    for number, bar in enumerate(shown):
        top = 54 + _LINE * number
        struck, triggered = bar.struck * scale, bar.triggered * scale
        middle = _LABEL + struck
        note = f"{bar.struck:,}" + (f" + {bar.triggered:,}" if bar.triggered else "")
        lines += [
            f'<text x="10" y="{top + 15}">{escape(bar.label)}</text>',
            f'<rect x="{_LABEL}" y="{top}" width="{struck:.1f}" height="{_LINE - 6}" fill="{_STRUCK}"/>',
            f'<rect x="{middle:.1f}" y="{top}" width="{triggered:.1f}" height="{_LINE - 6}" fill="{_TRIGGERED}"/>',
            f'<text x="{middle + triggered + 8:.1f}" y="{top + 15}">{note}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
