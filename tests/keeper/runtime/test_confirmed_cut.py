"""A cut is confirmed by as many endpoints as must agree before anything is attested on it."""

from __future__ import annotations

from typing import Any, cast

from chains.blocks import Head
from chains.errors import NotAgreed
from keeper.attest.wire import CutBlock
from keeper.runtime.confirmed_cut import ConfirmedCut

ALPHA, BETA = CutBlock(31_101, 7, "0x" + "aa" * 32), CutBlock(31_102, 9, "0x" + "bb" * 32)


class Client:
    """A chain of one endpoint, or of several that must agree."""

    def __init__(self, name: str, chain_id: int, *, several: bool = False, agree: bool = True) -> None:
        self.name = name
        self.chain_id = chain_id
        self.agree = agree
        self.asked: list[str] = []
        self.decisive = Decisive(self) if several else self

    async def block(self, at: str) -> Head:
        self.asked.append(at)
        if not self.agree:
            raise NotAgreed(f"{self.name}: 2 endpoints gave 2 different answers, 2 must be alike")
        return Head(self.name, 7, at, "0x", 0, 0)


class Decisive:
    def __init__(self, client: Client) -> None:
        self.block = client.block


def confirmed(*clients: Client) -> ConfirmedCut:
    return ConfirmedCut(cast("Any", {client.name: client for client in clients}))


async def test_where_one_endpoint_is_enough_nothing_is_asked() -> None:
    alpha, beta = Client("alpha", ALPHA.chain_id), Client("beta", BETA.chain_id)

    assert "" == await confirmed(alpha, beta).objection([ALPHA, BETA])
    assert [] == alpha.asked + beta.asked


async def test_each_block_of_a_chain_where_several_must_agree_is_asked_for_once() -> None:
    alpha, beta = Client("alpha", ALPHA.chain_id), Client("beta", BETA.chain_id, several=True)

    assert "" == await confirmed(alpha, beta).objection([ALPHA, BETA])
    assert ([], [BETA.hash]) == (alpha.asked, beta.asked)


async def test_a_block_that_too_few_have_is_an_objection_that_names_it() -> None:
    beta = Client("beta", BETA.chain_id, several=True, agree=False)

    assert "beta: block 9 is not confirmed" in await confirmed(beta).objection([ALPHA, BETA])
