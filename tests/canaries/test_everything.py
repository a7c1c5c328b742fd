"""Canary secrets in everything that may hold one; then every command, against machines that repeat what they are told.

No canary may come out again: in no output, no table, no backup, no page, no argument and no environment.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from eth_account import Account
from eth_hash.auto import keccak
from eth_utils import to_checksum_address

from chains.keys import Key
from tests.chains.nodes import free_port

ROOT = Path(__file__).parents[2]
CHAIN_ID, GENESIS = 31_190, "0x" + keccak(b"canary genesis").hex()
USER, PASSWORD, PATH, TOKEN = "canaryuser", "canarypass", "canarypath", "canarytoken"
KEYSTORE_PASSWORD = "canary horse battery"
KEYS = {
    name: bytes.fromhex("ca7a" + f"{number:02x}" * 30) for number, name in enumerate(("sender", "anna"), 1)
}
READY_S = 60.0
COMMANDS = (
    ("check",),
    ("check", "--json"),
    ("status",),
    ("status", "--json"),
    ("accounts",),
    ("prices",),
    ("liquidations",),
    ("explain", "0x" + "0a" * 32),
    ("stress",),
    ("verify",),
    ("verify", "--chains"),
    ("replay",),
    ("rehearse",),
    ("pause", "--everything", "--why", "a test"),
    ("reload",),
)


def forms() -> dict[str, bytes]:
    """Every form in which a secret might be written."""
    words = (PASSWORD, PATH, TOKEN, KEYSTORE_PASSWORD, quote(KEYSTORE_PASSWORD))
    found = {word: word.encode() for word in words}
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode())
    found["basic authorization"] = basic
    for name, key in KEYS.items():
        found |= {
            f"{name}, hex": key.hex().encode(),
            f"{name}, capitals": key.hex().upper().encode(),
            f"{name}, base64": base64.b64encode(key).rstrip(b"="),
            f"{name}, bytes": key,
            f"{name}, decimal": str(int.from_bytes(key)).encode(),
        }
    return found


@dataclass
class Echo:
    """A node, a source, a signer and an attestor: knows who it is, and else repeats whatever it was asked."""

    port: int = field(default_factory=free_port)
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.text()
        told = f"bad request {request.url} {dict(request.headers)} {body}"
        self.asked.append(str(request.rel_url))
        if request.path.startswith("/signer"):
            return web.Response(status=500, text=told)
        if request.method == "GET":
            return web.Response(status=401, text=told)
        with contextlib.suppress(ValueError):
            asked = json.loads(body)
            several = isinstance(asked, list)
            answers = [self._rpc(one, told) for one in (asked if several else [asked])]
            return web.json_response(answers if several else answers[0])
        return web.Response(status=500, text=told)

    def _rpc(self, asked: dict[str, object], told: str) -> dict[str, object]:
        base = {"jsonrpc": "2.0", "id": asked.get("id")}
        if asked.get("method") == "eth_chainId":
            return base | {"result": hex(CHAIN_ID)}
        if asked.get("params") == ["0x0", False]:
            zeros = "0x" + "00" * 32
            block = {"number": "0x0", "hash": GENESIS, "parentHash": zeros, "timestamp": "0x1"}
            return base | {"result": block | {"baseFeePerGas": "0x1"}}
        return base | {"error": {"code": -32000, "message": told[:2_000], "data": told}}

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port).start()
            yield
        finally:
            await runner.cleanup()


def an_address(name: str) -> str:
    return str(to_checksum_address(keccak(name.encode())[-20:]))


def with_secrets(port: int, path: str = "") -> str:
    return f"http://{USER}:{PASSWORD}@127.0.0.1:{port}{path}/{PATH}?key={TOKEN}"


def written(directory: Path, echo: Echo, metrics: int, *, signer: str) -> tuple[Path, Path]:
    """Write a keeper's configuration and an attestor's, with keys of every kind."""
    keys = directory / "keys"
    keys.mkdir(mode=0o700)
    addresses = {name: Key(secret).address for name, secret in KEYS.items()}
    store = Account.encrypt(KEYS["sender"], KEYSTORE_PASSWORD, kdf="pbkdf2", iterations=1_000)
    files = {
        "sender.json": json.dumps(store),
        "sender.password": KEYSTORE_PASSWORD,
        "anna": KEYS["anna"].hex(),
    }
    for name, text in files.items():
        (keys / name).write_text(text)
        (keys / name).chmod(0o600)
    kinds = {
        "keystore": 'keystore = "keys/sender.json"\npassword_file = "keys/sender.password"',
        "remote": f'remote_url = "{with_secrets(echo.port, "/signer")}"',
    }
    sources = "".join(
        f'[[sources]]\nname = "{at}-{asset}"\nkind = "http"\npair = "{asset}/USD"\ngroup = "{at}"\n'
        f'url = "{with_secrets(port)}"\npath = "/p"\nprice_path = "p"\n\n'
        for at, port in (("echo", echo.port), ("nobody", free_port()))
        for asset in ("USDC", "ETH")
    )
    common = f"""
[assets.USDC]
collateral_weight_bps = 9700
initial_collateral_weight_bps = 9500
min_sources = 2
min_groups = 2

[assets.ETH]
collateral_weight_bps = 8000
initial_collateral_weight_bps = 7500
min_sources = 2
min_groups = 2

[chains.alpha]
chain_id = {CHAIN_ID}
genesis_hash = "{GENESIS}"
hub = "{an_address("hub")}"
SIGNER

[[chains.alpha.endpoints]]
url = "{with_secrets(echo.port)}"
ws_url = "{with_secrets(echo.port).replace("http", "ws", 1)}"

[[chains.alpha.endpoints]]
url = "{with_secrets(free_port())}"

[[chains.alpha.tokens]]
address = "{an_address("stable")}"
asset = "USDC"
decimals = 6

[[chains.alpha.tokens]]
address = "{an_address("ether")}"
asset = "ETH"
decimals = 18

{sources}
"""
    keeper = directory / "keeper.toml"
    live = f'signer = "sender"\nconfirm_chain_id = {CHAIN_ID}'
    keeper.write_text(
        f'mode = "live"\nstate_log = "keeper.db"\n{common.replace("SIGNER", live)}'
        f'[metrics]\nport = {metrics}\n[signers.sender]\naddress = "{addresses["sender"]}"\n{kinds[signer]}\n'
        f'[attestation]\nthreshold = 1\n[[attestation.attestors]]\nname = "anna"\n'
        f'url = "{with_secrets(echo.port)}"\naddress = "{addresses["anna"]}"\n'
    )
    attestor = directory / "attestor.toml"
    attestor.write_text(
        f'state_log = "unused.db"\n{common.replace("SIGNER", "")}'
        f'[signers.anna]\naddress = "{addresses["anna"]}"\ncredential = "anna"\n'
        f'[attestor]\nsigner = "anna"\nport = {free_port()}\nstate_log = "attestor.db"\n'
    )
    for file in (keeper, attestor):
        file.chmod(0o600)
    return keeper, attestor


class Heard:
    """Everything that came out, by where."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}

    def found(self) -> list[str]:
        return [
            f"{secret} in {where}: {text[max(text.find(form) - 80, 0) : text.find(form) + 40]!r}"
            for where, text in self.texts.items()
            for secret, form in forms().items()
            if form in text
        ]


async def started(*arguments: str, credentials: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "faulthandler", "-m", "keeper", *arguments),
        cwd=ROOT,
        env={**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def daemon(
    heard: Heard, name: str, config: Path, echo: Echo, ending: signal.Signals, metrics: int
) -> None:
    """Run a process until it has asked several machines; look at it from outside; end it."""
    before = len(echo.asked)
    process = await started(name, "-c", str(config), credentials=config.parent / "keys")
    title = f"{name} ended by {ending.name}"
    async with asyncio.timeout(READY_S):
        while process.returncode is None and len(echo.asked) < before + 6:  # noqa: ASYNC110 - an end has no event
            await asyncio.sleep(0.05)
    if process.returncode is None:
        for file in ("cmdline", "environ"):
            heard.texts[f"{title}: {file}"] = Path(f"/proc/{process.pid}/{file}").read_bytes()
        with contextlib.suppress(aiohttp.ClientError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{metrics}/metrics") as answer,
            ):
                heard.texts[f"{title}: metrics"] = await answer.read()
        process.send_signal(ending)
    out, _ = await process.communicate()
    assert out, f"{title} said nothing"
    heard.texts[title] = out


async def told(heard: Heard, command: tuple[str, ...], config: Path) -> None:
    """Take what a command says."""
    process = await started(*command, "-c", str(config), credentials=config.parent / "keys")
    out, _ = await process.communicate()
    assert out, command
    heard.texts[" ".join(command)] = out


@pytest.mark.timeout(300)
@pytest.mark.parametrize("signer", ["keystore", "remote"])
async def test_no_secret_comes_out_of_anything(tmp_path: Path, signer: str) -> None:
    echo, metrics, heard = Echo(), free_port(), Heard()
    keeper, attestor = written(tmp_path, echo, metrics, signer=signer)
    async with echo.served():
        await daemon(heard, "run", keeper, echo, signal.SIGTERM, metrics)
        if signer == "keystore":
            await daemon(heard, "attest", attestor, echo, signal.SIGTERM, metrics)
            await daemon(heard, "run", keeper, echo, signal.SIGABRT, metrics)
        backup = ("backup", str(tmp_path / "copy.db"))
        commands = (*COMMANDS, backup) if signer == "keystore" else COMMANDS[:3]
        await asyncio.gather(*(told(heard, command, keeper) for command in commands))
    for file in tmp_path.iterdir():
        if file.is_file() and file.suffix != ".toml":
            heard.texts[file.name] = file.read_bytes()

    assert [] == heard.found()
    assert any(PATH in asked for asked in echo.asked)
    assert b"127.0.0.1" in heard.texts["check"]


def test_a_secret_that_did_come_out_would_be_found() -> None:
    heard = Heard()
    heard.texts["a page"] = b"so " + KEYS["sender"].hex().encode() + b" it is, " + TOKEN.encode()

    assert 2 == len(heard.found())
