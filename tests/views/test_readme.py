"""Every command that the README shows is run: here on a small log, or whole in the test that is named."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from keeper.views.exits import ExitCode

Keeper: TypeAlias = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
LINES = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]

ELSEWHERE = {
    "make demo": "tests/views/test_demo.py",
    "make test": ".ci/run",
    "keeper run -c keeper.toml": "tests/end_to_end/test_stopping.py",
    "keeper attest -c attestor.toml": "tests/views/test_demo.py",
    'keeper reload --why "kraken moved"': "tests/end_to_end/test_reloading.py",
    "keeper check -c keeper.toml": "tests/views/test_check.py",
    "keeper rehearse -c keeper.toml": "tests/views/test_rehearse.py",
    "keeper check -c keeper.toml --offline": "tests/views/test_check.py",
}
"""What a line needs that is more than a log, and where it gets it."""

HERE = {"0x8f3a": "0xa1"}
"""What the README's examples are called in the log of these tests."""

ANSWERS = {
    "status": "running, mode live",
    "accounts": " accounts\n",
    "prices": "ETH  1,801.00",
    "liquidations": "0xa1a1a1a1",
    "stress": "expected shortfall",
    "pause": "asset:ETH paused",
    "resume": "asset:ETH resumed",
    "explain": "was liquidated",
    "verify": "hash covers it",
    "replay": "1 decision made again",
    "backup": "keeper-copy.db: ",
}


@pytest.mark.parametrize("line", [line for line in LINES if line not in ELSEWHERE])
def test_the_readmes_command_answers(
    keeper: Keeper, log: Path, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, *arguments = [HERE.get(word, word) for word in shlex.split(line)]

    code, out, err = keeper(*arguments, "--log", log)

    assert ("", ANSWERS[arguments[0]]) == (
        err,
        ANSWERS[arguments[0]] if ANSWERS[arguments[0]] in out else out,
    )
    assert code in {ExitCode.FINE, ExitCode.PERSON}


def test_every_other_command_of_the_readme_is_run_by_the_test_that_is_named() -> None:
    assert set(ELSEWHERE) == {line for line in LINES if line in ELSEWHERE}
    assert [] == [path for path in ELSEWHERE.values() if not (ROOT / path).exists()]
