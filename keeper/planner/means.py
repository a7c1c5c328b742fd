"""What the keeper can and wants to afford: its stable, its gas money, and a profit on each step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from chains.hub.attestation import Action
from keeper.planner.candidates import Candidate
from keeper.planner.effects import Effect, Move
from keeper.planner.facts import ChainInventory, GasCosts, Inventory
from keeper.planner.reasons import usd
from oracles.estimates.depth import slippage_wad

PAID = (Action.REPAY, Action.REPAY_CROSS)


@dataclass(frozen=True, slots=True)
class Lack:
    """Why the keeper can not take a step."""

    reason: str


class Means:
    """An inventory, whole or partly used up by the steps chosen so far."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def affordable(self, candidate: Candidate) -> Move | Lack:
        """Return the candidate's move, no larger than the keeper can pay, or why it can not take it at all."""
        move = candidate.move
        here = self._inventory.chains.get(move.chain)
        if here is None:
            return Lack(f"the keeper has no key on {move.chain}")
        lack = self._gas_lack(here, move.action)
        if move.action is Action.REPAY_CROSS and not lack:
            lack = self._claim_lack(here, move)
        if lack:
            return Lack(lack)
        if move.action not in PAID:
            return move
        if not here.stable:
            return Lack(f"the keeper has no stable left on {move.chain}")
        return replace(move, size=min(move.size, here.stable))

    def gas_wad(self, move: Move) -> int:
        """Return what a step costs in gas, the seizure of the claim it opens included."""
        gas_wad = self._inventory.chains[move.chain].gas.of(move.action)
        if move.action is Action.REPAY_CROSS and move.target_chain is not None:
            gas_wad += self._inventory.chains[move.target_chain].gas.of(Action.SEIZE)
        return gas_wad

    def gas_on(self, chain: str, move: Move) -> int:
        """Return the part of a step's gas that is spent on `chain`."""
        here = self._inventory.chains[chain]
        gas_wad = here.gas.of(move.action) if move.chain == chain else 0
        if move.action is Action.REPAY_CROSS and move.target_chain == chain:
            gas_wad += here.gas.of(Action.SEIZE)
        return gas_wad

    def wanted_wad(self, move: Move) -> int:
        """Return what a step must earn: its gas and the least profit."""
        return self.gas_wad(move) + self._inventory.min_profit_wad

    def loss_wad(self, asset: str, sold_wad: int) -> int:
        """Return what selling so much of an asset costs: slippage that grows in proportion, none without a depth."""
        depth_wad = self._inventory.depths_wad.get(asset, 0)
        return slippage_wad(sold_wad, depth_wad) if depth_wad > 0 else 0

    def slippage_wad(self, candidate: Candidate, result: Effect) -> int:
        """Return what selling the collateral that a step brings costs."""
        if candidate.move.action not in PAID:
            return 0
        return self.loss_wad(candidate.asset, result.value_wad + result.penalty_wad)

    def unprofitable(self, candidate: Candidate, result: Effect) -> str:
        """Say why a step would not pay, or nothing if it does. Writing off debt is a duty, not a trade."""
        move = candidate.move
        if move.action is Action.WRITE_OFF:
            return ""
        gas_wad, least_wad = self.gas_wad(move), self._inventory.min_profit_wad
        slippage_wad = self.slippage_wad(candidate, result)
        if result.earned_wad - slippage_wad - gas_wad >= least_wad:
            return ""
        slippage = f" and slippage of {usd(slippage_wad)}" if slippage_wad else ""
        wanted = f" and a profit of {usd(least_wad)}" if least_wad > 0 else ""
        return f"it would earn {usd(result.earned_wad)}, which does not cover gas of {usd(gas_wad)}{slippage}{wanted}"

    def after(self, move: Move, result: Effect) -> Means:
        """Return what is left when this step is taken."""
        chains = dict(self._inventory.chains)
        here = chains[move.chain]
        left_wad = here.spending_left_wad - here.gas.of(move.action)
        chains[move.chain] = replace(here, stable=here.stable - result.outlay, spending_left_wad=left_wad)
        if move.action is Action.REPAY_CROSS and move.target_chain is not None:
            there = chains[move.target_chain]
            kept_wad = there.spending_left_wad - there.gas.of(Action.SEIZE)
            chains[move.target_chain] = replace(there, spending_left_wad=kept_wad)
        return Means(replace(self._inventory, chains=chains))

    def on(self, chain: str) -> ChainInventory:
        """Return what is left on a chain."""
        return self._inventory.chains[chain]

    def chains(self) -> list[str]:
        """Return the chains that the keeper has something on."""
        return sorted(self._inventory.chains)

    def is_ours(self, chain: str, beneficiary: str) -> bool:
        """Whether a claim to be paid on `chain` is the keeper's, who takes it with its key there."""
        here = self._inventory.chains.get(chain)
        return here is not None and here.sender == beneficiary

    @staticmethod
    def _gas_lack(here: ChainInventory, action: Action) -> str:
        cost_wad, left_wad = here.gas.of(action), here.spending_left_wad
        if cost_wad <= left_wad:
            return ""
        return f"gas of {usd(cost_wad)} is over the {usd(left_wad)} that may still be spent on {here.chain}"

    def _claim_lack(self, here: ChainInventory, move: Move) -> str:
        there = self._inventory.chains.get(move.target_chain or "")
        if there is None or there.sender != here.sender:
            return (
                f"the keeper has not the same key on {move.target_chain}, and could not take the claim there"
            )
        return self._gas_lack(there, Action.SEIZE)


def boundless(chains: Iterable[str]) -> Means:
    """Return the means of one who can afford anything and wants nothing for it."""
    free = GasCosts(0, 0, 0, 0, 0)
    anyone = {chain: ChainInventory(chain, "", 2**256, free, 2**256) for chain in chains}
    return Means(Inventory(anyone, min_profit_wad=-(2**256)))
