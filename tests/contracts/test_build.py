"""The committed artifacts are what their sources compile to, and fit on a chain."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import get_args

import boa
import pytest

from chains.contracts import build
from chains.contracts.artifacts import FOLDER, load
from chains.hub.attestation import TYPE_STRING
from chains.hub.events import HubEvent, OptionSet, SettlementFixed
from tests.contracts.scene import Scene

HUB_FUNCTIONS = {
    *("deposit", "withdraw", "borrow", "repay", "change_position", "set_cross_margin"),
    *("liquidate", "seize", "write_off"),
    *("option_desk", "set_option_desk", "trade_option", "settle_option"),
    *("fund_pool", "fund_insurance", "withdraw_pool", "withdraw_insurance"),
    *("add_token", "add_market", "set_signers", "set_policy", "set_paused", "set_limits"),
    *("owner", "pending_owner", "transfer_ownership", "accept_ownership"),
    *("legs", "account_id_of", "claim_value", "claim_paid", "attestation_digest"),
    *("token_info", "market_info", "token_count", "market_count", "token_price", "market_price"),
    *("limits", "signers", "is_signer", "epoch", "threshold", "policy_hash", "paused"),
    *("pool_cash", "insurance", "bad_debt_total"),
}
INDEXED = {
    "AccountOpened": {"account", "owner"},
    "CollateralSet": {"account", "token"},
    "PositionSet": {"account", "market"},
    "OptionSet": {"account", "series"},
    "ClaimOpened": {"account", "claim"},
    "ClaimPaid": {"account", "claim"},
    "SettlementFixed": {"market"},
}


@pytest.mark.parametrize("name", build.CONTRACTS)
def test_an_artifact_is_what_its_source_compiles_to(name: str) -> None:
    assert build.compile_contract(name) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


def test_every_artifact_has_its_contract() -> None:
    assert set(build.CONTRACTS) == {path.stem for path in FOLDER.glob("*.json")}


class TestCommand:
    @pytest.fixture(autouse=True)
    def only_the_smallest(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        monkeypatch.setattr(build, "CONTRACTS", ("PriceFeed",))
        monkeypatch.setattr(build, "FOLDER", tmp_path)
        shutil.copy(FOLDER / "PriceFeed.json", tmp_path)
        return tmp_path

    def test_check_is_content_with_what_is_built(self) -> None:
        assert 0 == build.main(["--check"])

    def test_check_finds_a_difference_and_writes_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "PriceFeed.json"
        altered = json.loads(path.read_text()) | {"bytecode": "0x00"}
        path.write_text(json.dumps(altered))

        assert 1 == build.main(["--check"])

        assert "PriceFeed" in capsys.readouterr().err
        assert altered == json.loads(path.read_text())

    def test_without_check_it_writes(self, tmp_path: Path) -> None:
        (tmp_path / "PriceFeed.json").unlink()

        assert 0 == build.main([])

        assert 0 == build.main(["--check"])

    def test_a_source_that_does_not_compile(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(build, "SOURCES", tmp_path)
        (tmp_path / "PriceFeed.vy").write_text("x: uint257\n")

        assert 1 == build.main(["--check"])

        assert "uint257" in capsys.readouterr().err

    def test_a_contract_too_large_for_a_chain(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(build, "MAX_RUNTIME_BYTES", 100)

        assert 1 == build.main([])

        assert "100 are allowed" in capsys.readouterr().err


class TestHubInterface:
    @pytest.mark.parametrize("event", get_args(HubEvent), ids=lambda event: event.__name__)
    def test_an_event_is_as_its_dataclass_says(self, event: type) -> None:
        contract = "OptionDesk" if event in {OptionSet, SettlementFixed} else "MarginHub"
        (entry,) = [item for item in load(contract).abi if item.get("name") == event.__name__]

        assert [field.name for field in fields(event)] == [item["name"] for item in entry["inputs"]]
        indexed = {item["name"] for item in entry["inputs"] if item["indexed"]}
        assert INDEXED.get(event.__name__, {"account"}) == indexed

    def test_its_functions(self) -> None:
        functions = [item["name"] for item in load("MarginHub").abi if item["type"] == "function"]

        assert sorted(HUB_FUNCTIONS) == sorted(functions)

    def test_the_attestation_is_the_one_that_is_signed(self) -> None:
        (liquidate,) = [item for item in load("MarginHub").abi if item.get("name") == "liquidate"]
        members = [f"{part['type']} {part['name']}" for part in liquidate["inputs"][0]["components"]]

        assert f"Attestation({','.join(members)})" == TYPE_STRING

    def test_it_fits_on_a_chain(self, scene: Scene) -> None:
        size = len(boa.env.get_code(scene.hub.address))
        print(f"MarginHub: {size} bytes of {build.MAX_RUNTIME_BYTES}")

        assert size < build.MAX_RUNTIME_BYTES


def test_a_reason_is_the_text_beside_it() -> None:
    lines = (build.SOURCES / "guard.vy").read_text(encoding="utf-8").splitlines()
    reasons = [line for line in lines if ": constant(uint256) = " in line]
    assert len(reasons) > 30

    for line in reasons:
        number, text = line.partition(" = ")[2].split("  # ")
        assert text == int(number).to_bytes(16).lstrip(b"\0").decode()
