"""One deployment for the session; every test starts from it."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from tests.contracts.option_scene import OptionScene, build_options
from tests.contracts.scene import Scene, build


@pytest.fixture(scope="session")
def deployment() -> Scene:
    return build()


@pytest.fixture
def scene(deployment: Scene) -> Iterator[Scene]:
    with boa.env.anchor():
        yield deployment


@pytest.fixture(scope="session")
def option_deployment(deployment: Scene) -> OptionScene:
    return build_options()


@pytest.fixture
def options(option_deployment: OptionScene) -> Iterator[OptionScene]:
    with boa.env.anchor():
        yield option_deployment
