"""Canaries in every secret: whatever fails, none is in a log, a table or the output."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chains.devnet.faults.rules import SEND, On
from chains.devnet.faults.verdicts import Cut, Fail, Garbage, Refuse
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.stage import KEEPER_SECRET
from tests.faults.conftest import Met
from tests.faults.lies import READS, in_turn
from tests.faults.trial import Trial, brisk

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
USER, PASSWORD, PATH, TOKEN = "canaryuser", "canarypass", "canarypath", "canarytoken"
KEYS = [KEEPER_SECRET, *(bytes([number]) * 32 for number in (1, 2, 3))]


def with_canaries(text: str) -> str:
    """Give every way to a node a user, a password, a path and a token."""
    way = rf"\1://{USER}:{PASSWORD}@127.0.0.1:\2/v3/{PATH}?key={TOKEN}"
    return re.sub(
        r'(?<=url = ")(http|ws)://127\.0\.0\.1:(\d+)(?="\n(?:ws_url|max_requests_per_s = 500))',
        way,
        brisk(text),
    )


def forms() -> set[bytes]:
    """Every form in which a secret might be written."""
    found = {text.encode() for text in (PASSWORD, PATH, TOKEN)}
    found |= {base64.b64encode(text.encode()).rstrip(b"=") for text in (PASSWORD, TOKEN)}
    for key in KEYS:
        text = key.hex()
        found |= {
            text.encode(),
            text.upper().encode(),
            text[::-1].encode(),
            base64.b64encode(key).rstrip(b"="),
            key,
        }
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    directory = tmp_path_factory.mktemp("canaries")
    async with Trial.standing(directory, ("gamma", 31_181), text=with_canaries) as trial:
        yield trial


async def test_k5_no_secret_is_in_any_log_table_or_output_whatever_fails(
    trial: Trial, met: Met, capfd: pytest.CaptureFixture[str]
) -> None:
    assert TOKEN in trial.stage.config.read_text()
    failures = in_turn(
        READS,
        [
            Cut(),
            Refuse(401, body=f"no {TOKEN}"),
            Refuse(302, {"Location": "http://x/"}),
            Garbage(b"<"),
            Fail(),
        ],
    )
    sends = On(SEND, Cut(after_bytes=5), times=2)
    async with Daemon(trial.stage.config) as process:
        played = await trial.opened()
        async with trial.wrong(failures, sends):
            await trial.crash()
            await trial.endure(1, lambda: failures.met > 5, blind=True)
        await trial.over(played)
        await process.stop()
    met("K5", failures.met + sends.met)

    texts = {
        path.name: path.read_bytes()
        for path in trial.stage.directory.iterdir()
        if path.suffix not in {".toml", ".key"} and path.is_file()
    }
    texts["attestors' output"] = "".join(capfd.readouterr()).encode()
    assert {"keeper.db", "keeper.log", "anna.db"} <= texts.keys()
    assert [] == [(name, form) for name, text in texts.items() for form in forms() if form in text]
