from __future__ import annotations

import copy
import json
import os
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest
from coincurve import PublicKey
from eth_account import Account
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chains.dev_keys import DEV_ADDRESSES, DEV_MNEMONIC
from chains.errors import KeyRefused
from chains.keys import CURVE_ORDER, Key, is_test_chain, load_key
from config.settings import SignerSettings

SECRET = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"
DEV_SECRET = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
DEV_ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def key_file(folder: Path, content: str = SECRET + "\n", mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_text(content)
    path.chmod(mode)
    return path


def signer(address: str = ADDRESS, **files: Path) -> SignerSettings:
    return SignerSettings.model_validate({"address": address, **files})


def keystore(folder: Path, password: str = "correct horse", **changed: Any) -> tuple[Path, Path]:
    encrypted = Account.encrypt(bytes.fromhex(SECRET), password, kdf="scrypt", iterations=2)
    encrypted["crypto"]["kdfparams"] |= changed
    store, password_file = folder / "store.json", folder / "password"
    store.write_text(json.dumps(encrypted))
    password_file.write_text(password + "\n")
    for path in (store, password_file):
        path.chmod(0o600)
    return store, password_file


@pytest.mark.parametrize("content", [SECRET, SECRET + "\n", SECRET.upper()])
def test_a_key_of_64_hex_digits_is_loaded(tmp_path: Path, content: str) -> None:
    assert ADDRESS == load_key(signer(key_file=key_file(tmp_path, content)), [1]).address


@pytest.mark.parametrize(
    "content",
    [
        "",
        "0x" + SECRET,
        SECRET[:-1],
        SECRET + "0",
        " " + SECRET,
        SECRET + "\n\n",
        SECRET + "\r\n",
        SECRET[:-1] + "g",
    ],
)
def test_anything_else_is_not_a_key(tmp_path: Path, content: str) -> None:
    with pytest.raises(KeyRefused, match="exactly 64 hex digits"):
        load_key(signer(key_file=key_file(tmp_path, content)), [1])


@pytest.mark.parametrize("number", [0, CURVE_ORDER, 2**256 - 1])
def test_a_number_off_the_curve_is_not_a_key(tmp_path: Path, number: int) -> None:
    with pytest.raises(KeyRefused, match="order"):
        load_key(signer(key_file=key_file(tmp_path, f"{number:064x}")), [1])


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o777])
def test_a_file_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyRefused, match="chmod 600"):
        load_key(signer(key_file=key_file(tmp_path, mode=mode)), [1])


def test_a_link_a_folder_a_pipe_and_nothing_are_refused(tmp_path: Path) -> None:
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(key_file(tmp_path))
    os.mkfifo(pipe, 0o600)
    for path, expected in (
        (link, "symbolic link"),
        (tmp_path, "not a plain file"),
        (pipe, "not a plain file"),
        (tmp_path / "absent", "No such file"),
    ):
        with pytest.raises(KeyRefused, match=expected):
            load_key(signer(key_file=path), [1])


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = key_file(tmp_path)
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 12_345, 12_345)

    with pytest.raises(KeyRefused, match="another user"):
        load_key(signer(key_file=path), [1])


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="too large"):
        load_key(signer(key_file=key_file(tmp_path, "0" * 70_000)), [1])


def test_the_address_must_be_the_configured_one(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match=f"{ADDRESS}, but {DEV_ADDRESS} is configured"):
        load_key(signer(DEV_ADDRESS, key_file=key_file(tmp_path)), [1])


def test_exactly_one_place_holds_the_key(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    for settings in (signer(), signer(key_file=path, keystore=path)):
        with pytest.raises(KeyRefused, match="exactly one"):
            load_key(settings, [1])


@pytest.mark.parametrize("chains", [[1], [31_337, 8_453], [31_200], [31_099]])
def test_a_key_that_everybody_knows_is_refused_on_a_real_chain(tmp_path: Path, chains: list[int]) -> None:
    with pytest.raises(KeyRefused, match="everybody knows"):
        load_key(signer(DEV_ADDRESS, key_file=key_file(tmp_path, DEV_SECRET)), chains)


def test_a_key_that_everybody_knows_serves_test_chains(tmp_path: Path) -> None:
    chains = [31_337, 1_337, 31_100, 31_199]

    assert (
        DEV_ADDRESS == load_key(signer(DEV_ADDRESS, key_file=key_file(tmp_path, DEV_SECRET)), chains).address
    )
    assert all(is_test_chain(chain_id) for chain_id in chains)


def test_the_known_addresses_are_the_mnemonics() -> None:
    Account.enable_unaudited_hdwallet_features()
    derived = {
        Account.from_mnemonic(DEV_MNEMONIC, account_path=f"m/44'/60'/0'/0/{i}").address for i in range(20)
    }

    assert derived == DEV_ADDRESSES


def test_a_keystore_is_opened_with_its_password(tmp_path: Path) -> None:
    store, password_file = keystore(tmp_path)

    assert ADDRESS == load_key(signer(keystore=store, password_file=password_file), [1]).address


def test_a_wrong_password_is_said_without_saying_it(tmp_path: Path) -> None:
    store, password_file = keystore(tmp_path)
    password_file.write_text("battery staple")

    with pytest.raises(KeyRefused, match="could not be opened") as caught:
        load_key(signer(keystore=store, password_file=password_file), [1])
    assert "battery" not in "".join(traceback.format_exception(caught.value))


def test_a_keystore_without_a_password_file_is_refused(tmp_path: Path) -> None:
    store, password_file = keystore(tmp_path)
    with pytest.raises(KeyRefused, match="needs a password_file"):
        load_key(signer(keystore=store), [1])
    password_file.chmod(0o644)
    with pytest.raises(KeyRefused, match="chmod 600"):
        load_key(signer(keystore=store, password_file=password_file), [1])


@pytest.mark.parametrize(
    "changed",
    [
        {"n": 2**30},
        {"n": 2**20, "r": 8},
        {"n": 3},
        {"n": 0},
        {"p": 1_000},
        {"r": "8"},
        {"dklen": 64},
        {"n": True},
        {"n": None},
    ],
)
def test_a_keystore_that_would_take_for_ever_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    store, password_file = keystore(tmp_path, **changed)

    with pytest.raises(KeyRefused, match="bounded"):
        load_key(signer(keystore=store, password_file=password_file), [1])


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 1}', "[" * 60_000, '{"version": 3, "crypto": {"kdf": 1}}']
)
def test_a_file_that_is_no_keystore_is_refused(tmp_path: Path, text: str) -> None:
    store, password_file = keystore(tmp_path)
    store.write_text(text)

    with pytest.raises(KeyRefused, match="not a version 3 keystore"):
        load_key(signer(keystore=store, password_file=password_file), [1])


@given(st.binary(min_size=32, max_size=32))
def test_a_signature_recovers_to_the_address_with_low_s(digest: bytes) -> None:
    key = Key(bytes.fromhex(SECRET))
    r, s, recovery = key.sign(digest)
    packed = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([recovery])
    public = PublicKey.from_signature_and_message(packed, digest, hasher=None)

    assert 0 < s <= CURVE_ORDER // 2
    assert recovery in {0, 1}
    assert ADDRESS[2:].lower() == keccak(public.format(compressed=False)[1:])[12:].hex()
    assert (r, s, recovery) == key.sign(digest)


def test_only_a_digest_is_signed() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Key(bytes.fromhex(SECRET)).sign(b"short")


def test_a_key_hides_its_secret() -> None:
    key = Key(bytes.fromhex(SECRET))
    number = str(int(SECRET, 16))
    for shown in (repr(key), str(key), f"{key}", repr([key]), repr(dir(key))):
        assert SECRET not in shown
        assert number not in shown
    with pytest.raises(TypeError):
        vars(key)
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never"):
            leak(key)


def test_no_refusal_shows_the_key(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused) as caught:
        load_key(signer(key_file=key_file(tmp_path, SECRET + "0")), [1])
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_credential_of_systemd_is_a_key_file_in_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file(tmp_path, mode=0o400).rename(tmp_path / "sender")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    settings = SignerSettings.model_validate({"address": ADDRESS, "credential": "sender"})

    assert ADDRESS == load_key(settings, [1]).address


def test_without_systemd_there_is_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    settings = SignerSettings.model_validate({"address": ADDRESS, "credential": "sender"})
    with pytest.raises(KeyRefused, match="systemd"):
        load_key(settings, [1])
