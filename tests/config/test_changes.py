"""What a running process may take up of a changed file, and what needs a restart; each by its key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import config
from config.changes import changes, takes_a_restart
from config.loader import load
from config.settings import Settings
from config.shown import key_text

EXAMPLE = (Path(config.__file__).parent / "example.toml").read_text()


@pytest.fixture
def loaded(place: Callable[[bytes], Path]) -> Callable[[str], Settings]:
    return lambda text: load(place(text.encode()))


@pytest.mark.parametrize(
    ("old", "new", "key", "restart"),
    [
        ("poll_interval_s = 5.0", "poll_interval_s = 6.0", "sources[8].poll_interval_s", False),
        ("https://api.kraken.com", "https://api.kraken.example", "sources[1].url", False),
        ("max_rate_growth_bps = 1000", "max_rate_growth_bps = 900", "assets.STETHV.guards.max_rate_growth_bps", False),
        ('depth = "20000000"                    # USD that can be sold within one percent in quiet', 'depth = "10000000" #', "assets.ETH.estimates.depth", False),
        ("\ncollateral_weight_bps = 8000", "\ncollateral_weight_bps = 7900", "assets.STETHV.collateral_weight_bps", True),
        ("finality_depth = 64", "finality_depth = 65", "chains.ethereum.finality_depth", True),
        ("threshold = 2  ", "threshold = 3  ", "attestation.threshold", True),
        ("max_per_hour_wei = 1000000000000000000", "max_per_hour_wei = 900000000000000000", "spending.max_per_hour_wei", True),
        (
            "https://arbitrum.node-one.example/v1/ACCESS-KEY",
            "https://arbitrum.node-one.example/v1/OTHER-KEY",
            "chains.arbitrum.endpoints[0].url",
            True,
        ),
    ],
)  # fmt: skip
def test_a_difference_has_its_key_and_some_need_a_restart(
    old: str, new: str, key: str, restart: bool, loaded: Callable[[str], Settings]
) -> None:
    assert old in EXAMPLE

    found = changes(loaded(EXAMPLE), loaded(EXAMPLE.replace(old, new, 1)))

    assert [(key, restart)] == [(key_text(path), takes_a_restart(path)) for path in found]


def test_the_same_text_is_no_change(loaded: Callable[[str], Settings]) -> None:
    assert [] == changes(loaded(EXAMPLE), loaded(EXAMPLE + "\n# nothing more\n"))


def test_one_more_source_may_be_taken_up_and_one_more_asset_may_not(
    loaded: Callable[[str], Settings],
) -> None:
    settings = loaded(EXAMPLE)
    fewer = settings.model_copy(update={"sources": settings.sources[:-1]})
    poorer = settings.model_copy(
        update={"assets": {name: its for name, its in settings.assets.items() if name != "BTC"}}
    )

    assert [("sources", False)] == [
        (key_text(path), takes_a_restart(path)) for path in changes(settings, fewer)
    ]
    assert [("assets.BTC", True)] == [
        (key_text(path), takes_a_restart(path)) for path in changes(settings, poorer)
    ]
