"""`keeper verify --chains`: what the log says is on chain, held against chains that agree and chains that do not."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from chains.answers import Receipt
from chains.blocks import Head
from keeper.views.audit.journal import LoggedEntry
from keeper.views.on_chain.claimed import Claimed, Slot, collect
from keeper.views.on_chain.comparing import Findings, compare, new_findings

CHAIN, SENDER = "alpha", "0x" + "5e" * 20
FINAL = 100


def entries(*said: tuple[str, dict[str, object]]) -> list[LoggedEntry]:
    return [LoggedEntry(seq, seq, kind, body, "0x") for seq, (kind, body) in enumerate(said, 1)]


def signed(nonce: int, tx_hash: str) -> tuple[str, dict[str, object]]:
    attempt = {"intent_id": f"i{nonce}", "tx_hash": tx_hash, "sender": SENDER, "nonce": str(nonce)}
    return "intent_signed", {"intent": {"chain": CHAIN}, "attempt": attempt}


def again(nonce: int, tx_hash: str) -> tuple[str, dict[str, object]]:
    return "attempt_signed", {"attempt": {"intent_id": f"i{nonce}", "tx_hash": tx_hash}}


def mined(nonce: int, tx_hash: str, block: int, kind: str = "receipt_seen") -> tuple[str, dict[str, object]]:
    return kind, {
        "intent_id": f"i{nonce}",
        "tx_hash": tx_hash,
        "block_hash": f"0xb{block}",
        "block_number": str(block),
        "status": "1",
    }


def moved(nonce: int, state: str) -> tuple[str, dict[str, object]]:
    return "intent_moved", {"intent_id": f"i{nonce}", "state": state}


def receipt(tx_hash: str, block: int, *, succeeded: bool = True) -> Receipt:
    return Receipt(tx_hash, block, f"0xb{block}", succeeded, 1, 1, 0, ())


@dataclass
class Chain:
    """A node that knows these receipts, and that so many nonces were used."""

    receipts: list[Receipt]
    nonce: int
    final_nonce: int = -1
    asked: list[str] = field(default_factory=list)

    async def block(self, at: int | str) -> Head:
        return Head(CHAIN, int(at), "0xb", "0xb", 0, 0)

    async def receipt(self, tx_hash: str) -> Receipt | None:
        self.asked.append(tx_hash)
        return next((one for one in self.receipts if one.tx_hash == tx_hash), None)

    async def transaction_count(self, address: str, block: int | str = "latest") -> int:
        return self.nonce if block == "latest" or self.final_nonce < 0 else self.final_nonce


STORY = (
    signed(7, "0xa"),
    again(7, "0xaa"),
    mined(7, "0xaa", 90),
    moved(7, "final_ok"),
    signed(8, "0xc"),
    mined(8, "0xc", 91),
    moved(8, "final_ok"),
)
TRUTH = [receipt("0xaa", 90), receipt("0xc", 91)]


async def held_against(chain: Chain, *story: tuple[str, dict[str, object]]) -> Findings:
    claimed: Claimed = collect(entries(*story))
    slots: dict[int, Slot] = dict(claimed.slots[CHAIN, SENDER])
    findings = new_findings()
    await compare(CHAIN, SENDER, slots, chain, FINAL, findings)
    return findings


def failing(findings: Findings) -> dict[str, list[str]]:
    return {each.name: each.failures for each in findings.all() if not each.holds}


async def test_a_chain_that_says_the_same_holds_and_every_attempt_was_asked_for() -> None:
    chain = Chain(TRUTH, 9)

    findings = await held_against(chain, *STORY)

    assert {} == failing(findings)
    assert ["0xa", "0xaa", "0xc"] == sorted(chain.asked)
    assert [4, 2, 1] == [each.checked for each in findings.all()]


@pytest.mark.parametrize(
    ("chain", "story", "expected"),
    [
        (
            Chain(TRUTH, 10),
            STORY,
            {"chain_nonces": "nonce 9 was used", "chain_tail": "the chain is at nonce 10"},
        ),
        (
            Chain(TRUTH[:1], 9),
            STORY,
            {"chain_nonces": "nonce 8: used by", "chain_receipts": "the log has 0xc"},
        ),
        (Chain([TRUTH[0], receipt("0xc", 92)], 9), STORY, {"chain_receipts": "in block 0xb91"}),
        (
            Chain([TRUTH[0], receipt("0xc", 91, succeeded=False)], 9),
            STORY,
            {"chain_receipts": "0xc reverted"},
        ),
        (Chain([*TRUTH, receipt("0xa", 90)], 9), STORY, {"chain_receipts": "0xa successful"}),
        (Chain(TRUTH[:1], 8), STORY, {"chain_receipts": "never used that nonce"}),
        (Chain(TRUTH, 9), (*STORY[:4], signed(9, "0xd")), {"chain_nonces": "nonce 8 was used"}),
    ],
    ids=[
        "a nonce beyond the log's last",
        "another transaction at our nonce",
        "another block",
        "another status",
        "an attempt mined that the log does not know to be",
        "a receipt of a nonce never used",
        "a nonce between ours",
    ],
)
async def test_what_differs_is_found(
    chain: Chain, story: tuple[tuple[str, dict[str, object]], ...], expected: dict[str, str]
) -> None:
    found = failing(await held_against(chain, *story))

    for name, text in expected.items():
        assert any(text in failure for failure in found[name])


async def test_what_is_not_final_or_not_ended_yet_is_not_held_against_the_log() -> None:
    chain = Chain([TRUTH[0], receipt("0xc", 99)], 9, final_nonce=8)

    undone = (*STORY[:4], signed(8, "0xc"), mined(8, "0xc", 101))
    open_yet = (*STORY[:4], signed(8, "0xc"))

    assert {} == failing(await held_against(chain, *undone))
    assert {} == failing(await held_against(Chain([TRUTH[0], receipt("0xc", 99)], 9), *open_yet))


async def test_a_nonce_that_the_log_itself_knows_it_lost_is_accounted_for() -> None:
    story = (*STORY[:4], signed(8, "0xc"), moved(8, "final_lost_nonce"))

    assert {} == failing(await held_against(Chain(TRUTH[:1], 9), *story))


async def test_a_receipt_that_a_reorganisation_took_is_no_claim() -> None:
    story = (*STORY[:4], signed(8, "0xc"), mined(8, "0xc", 88), mined(8, "0xc", 88, "receipt_gone"))

    assert {} == failing(await held_against(Chain(TRUTH[:1], 8), *story))
