"""`keeper check` on files and on a real chain."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from chains.devnet.anvil import Anvil
from chains.devnet.deploy import Deployment, HubTerms, deploy
from config.loader import load
from config.units import WAD
from keeper.margin.parameters import RiskPolicy, policy_hash
from keeper.views.exits import ExitCode

Keeper: TypeAlias = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parents[2]
CHAIN_ID = 31151
KEY = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
SENDER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
ATTESTORS = ("0x" + "a1" * 20, "0x" + "a2" * 20, "0x" + "a3" * 20)

CONFIG = """
state_log = "keeper.db"

[assets.USDC]
{quorum}
[assets.ETH]
{quorum}
collateral_weight_bps = 8000
initial_collateral_weight_bps = 7500
[assets.BTC]
{quorum}

[chains.arbor]
chain_id = {chain_id}
genesis_hash = "{genesis_hash}"
hub = "{hub}"
stale_after_s = 600
unknown_after_s = 900
signer = "sender"
[[chains.arbor.endpoints]]
url = "{url}"
{tokens}
{sources}
[signers.sender]
address = "{sender}"
key_file = "sender.key"

[attestation]
threshold = 2
{attestors}
"""


def config_text(url: str, deployment: Deployment | None) -> str:
    tokens = () if deployment is None else deployment.tokens[:3]
    listed = [(token.address, token.asset, token.decimals) for token in tokens] or [
        ("0x" + "c1" * 20, "USDC", 6)
    ]
    feeds = (
        dict.fromkeys(("USDC", "ETH", "BTC"), "0x" + "f1" * 20) if deployment is None else deployment.feeds
    )
    return CONFIG.format(
        quorum="min_sources = 1\nmin_groups = 1",
        chain_id=CHAIN_ID,
        genesis_hash="0x" + "12" * 32 if deployment is None else deployment.genesis_hash,
        hub="0x" + "b1" * 20 if deployment is None else deployment.hub,
        url=url,
        tokens="\n".join(
            f'[[chains.arbor.tokens]]\naddress = "{address}"\nasset = "{asset}"\ndecimals = {decimals}'
            for address, asset, decimals in listed
        ),
        sources="\n".join(
            f'[[sources]]\nkind = "chainlink"\nname = "feed-{asset}"\npair = "{asset}/USD"\ngroup = "feeds"\n'
            f'chain = "arbor"\naddress = "{feed}"'
            for asset, feed in feeds.items()
        ),
        sender=SENDER,
        attestors="\n".join(
            f'[[attestation.attestors]]\nname = "a{number}"\nurl = "http://127.0.0.1:{9001 + number}"\n'
            f'address = "{address}"'
            for number, address in enumerate(ATTESTORS)
        ),
    )


def write_key(directory: Path) -> None:
    key = directory / "sender.key"
    key.write_text(KEY)
    key.chmod(0o600)


@pytest.fixture
async def config(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "keeper.toml"
    write_key(tmp_path)
    async with Anvil(CHAIN_ID) as node:
        path.write_text(config_text(node.url, None))
        policy = policy_hash(RiskPolicy.from_settings(load(path)))
        prices = {"ETH": 2_000 * WAD, "BTC": 60_000 * WAD, "USDC": WAD}
        deployment = await deploy(node, "arbor", prices, HubTerms(ATTESTORS, 2, policy), SENDER)
        path.write_text(config_text(node.url, deployment))
        yield path


async def check(keeper: Keeper, path: Path) -> tuple[int, list[dict[str, Any]]]:
    code, out, _ = await asyncio.to_thread(keeper, "check", "-c", path, "--json")
    return code, [found for found in json.loads(out)["findings"] if found["level"] != "ok"]


@pytest.mark.chain
async def test_a_configuration_that_fits_its_chain_has_only_one_thing_to_say(
    keeper: Keeper, config: Path
) -> None:
    code, findings = await check(keeper, config)

    assert ["is not configured"] == [
        found["text"][-17:] for found in findings if found["subject"] == "chains.arbor.hub"
    ]
    assert [] == [found for found in findings if found["level"] == "problem"]
    assert ExitCode.DEGRADED == code


@pytest.mark.chain
@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (f"chain_id = {CHAIN_ID}", "chain_id = 31152", "this is chain id 31151, not 31152"),
        ("decimals = 8", "decimals = 18", "has 8 decimals, not 18"),
        ("threshold = 2", "threshold = 3", "it asks for 2 signatures, attestation.threshold is 3"),
        ("weight_bps = 8000", "weight_bps = 8100", "its risk policy is"),
        (ATTESTORS[0], "0x" + "a4" * 20, "is no signer of epoch 1"),
        (
            f"chain_id = {CHAIN_ID}",
            f'chain_id = {CHAIN_ID}\noption_desk = "0x{"d7" * 20}"',
            "its option desk is None",
        ),
    ],
)
async def test_a_configuration_that_does_not_fit_its_chain_is_told_where(
    keeper: Keeper, config: Path, before: str, after: str, text: str
) -> None:
    config.write_text(config.read_text().replace(before, after))

    code, findings = await check(keeper, config)

    assert any(text in found["text"] for found in findings if found["level"] == "problem")
    assert ExitCode.USAGE == code


@pytest.mark.chain
async def test_an_uptime_feed_that_is_another_feed_is_told(keeper: Keeper, config: Path) -> None:
    text = config.read_text()
    address = text[text.index('kind = "chainlink"') :].partition('address = "')[2][:42]
    config.write_text(
        text.replace(f"chain_id = {CHAIN_ID}", f'chain_id = {CHAIN_ID}\nsequencer_feed = "{address}"')
    )

    _, findings = await check(keeper, config)

    (said,) = [found for found in findings if found["subject"] == "chains.arbor.sequencer_feed"]
    assert "the uptime feed says" in said["text"]


@pytest.mark.chain
async def test_a_key_of_another_address_is_found_before_any_node_is_asked(
    keeper: Keeper, config: Path
) -> None:
    (config.parent / "sender.key").write_text("11" * 32)

    code, findings = await check(keeper, config)

    assert "signers.sender" in {found["subject"] for found in findings if found["level"] == "problem"}
    assert "11" * 32 not in json.dumps(findings)
    assert ExitCode.USAGE == code


def test_the_example_is_right_but_for_its_placeholders(keeper: Keeper, tmp_path: Path) -> None:
    path = tmp_path / "keeper.toml"
    shutil.copy(ROOT / "config" / "example.toml", path)

    code, out, _ = keeper("check", "-c", path, "--offline", "--json")

    findings = json.loads(out)["findings"]
    assert {"warning"} == {found["level"] for found in findings}
    assert ExitCode.DEGRADED == code


def test_a_broken_file_is_named_with_line_key_and_advice(keeper: Keeper, tmp_path: Path) -> None:
    path = tmp_path / "keeper.toml"
    text = (ROOT / "config" / "example.toml").read_text()
    path.write_text(text.replace("min_sources = 3 ", "min_source = 3 ", 1))
    line = text[: text.index("min_sources = 3 ")].count("\n") + 1

    code, out, err = keeper("check", "-c", path, "--offline")

    assert (ExitCode.USAGE, "") == (code, err)
    assert f"{path}:{line}: assets.USDC.min_source: [E101] no such key" in " ".join(out.split())
    assert "did you mean min_sources?" in out


@pytest.mark.parametrize("command", ["run", "attest", "status", "verify"])
def test_every_command_refuses_a_broken_file_with_all_its_findings(
    keeper: Keeper, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "keeper.toml"
    path.write_text('mode = "life"\n')

    code, out, err = keeper(command, "-c", path)

    assert (ExitCode.USAGE, "") == (code, out)
    assert 'did you mean "live"?' in err
    assert "Traceback" not in err
