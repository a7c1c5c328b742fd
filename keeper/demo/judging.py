"""What had to hold, judged from evidence alone: pure, so that every check can be shown to fail.

Each check that fails says what was found instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from config.units import BPS, WAD, format_wad
from keeper.demo.cast import USD, Fate, Role
from keeper.demo.ledger import Ledger
from keeper.demo.timeline import Check
from keeper.demo.watching import LeftOut

MOVED_BPS = 50
"""A price that the glitch moved this far was moved by it: what venues differ by is a tenth of it."""
SHOWN = 4


def glitch_ignored(left_out: Sequence[LeftOut], true_prices: Mapping[str, Fraction]) -> Check:
    """Whether every price that was made with the wrong quote at hand stayed where it truly was."""
    text = f"in {len(left_out)} prices with the wrong quote at hand none moved, and none was lacking"
    wrong = [
        f"{each.asset} {each.status}, mid {'none' if each.mid_wad is None else format_wad(each.mid_wad, 2)}"
        for each in left_out
        if each.mid_wad is None or _moved(each.mid_wad, true_prices[each.asset])
    ]
    if not left_out:
        return Check(text, held=False, why="the wrong quote was never seen to be left out")
    return Check(text, held=not wrong, why=_some(wrong))


def untouched_so_far(ledger: Ledger, dead: Sequence[str]) -> Check:
    """Whether the chains know of no liquidation, and every process is alive."""
    why = [f"{account[:10]} on {', '.join(chains)}" for account, chains in ledger.liquidated.items()]
    return Check(
        "nobody was liquidated, say the chains themselves",
        held=not why and not dead,
        why=_some([*why, *dead]),
    )


def stall_held(there: Iterable[str], others: Iterable[str], states: Mapping[str, str]) -> Check:
    """Whether exactly the accounts with a leg on the chain that stands still are unknown."""
    wrong = [f"{each[:10]} is {states.get(each)}" for each in there if states.get(each) != "unknown"]
    wrong += [f"{each[:10]} is unknown" for each in others if states.get(each, "unknown") == "unknown"]
    return Check("exactly the accounts with a leg there are unknown", held=not wrong, why=_some(wrong))


def crash_handled(roles: Sequence[Role], before: Ledger, after: Ledger) -> list[Check]:
    """Whether the chains show what the cast's own arithmetic says must have happened, and nothing else."""
    fallen = {role.account.account_id for role in roles if role.fate is Fate.LIQUIDATED}
    return [
        _exactly(fallen, roles, after),
        _in_place(roles, after),
        _rest_untouched(fallen, before, after),
        _claims_met(after),
        _bankrupt_closed(roles, after),
        _bad_debt_only_where_due(roles, after),
    ]


def called(roles: Sequence[Role], noticed: Iterable[str], after: Ledger) -> Check:
    """Whether the accounts that only lack margin were told so, in the crash, and not touched."""
    expected = {role.account.account_id for role in roles if role.fate is Fate.CALLED}
    wrong = [f"{each[:10]} got no notice" for each in expected - set(noticed)]
    wrong += [f"{each[:10]} was liquidated" for each in expected & set(after.liquidated)]
    text = f"the {len(expected)} margin-call accounts got a notice and were left alone"
    return Check(text, held=bool(expected) and not wrong, why=_some(wrong))


def _exactly(fallen: set[str], roles: Sequence[Role], after: Ledger) -> Check:
    stories = {role.account.account_id: role.story for role in roles}
    done = set(after.liquidated)
    wrong = [f"not liquidated: {each[:10]}, {stories[each]}" for each in fallen - done]
    wrong += [f"liquidated: {each[:10]}, {stories.get(each, 'a stranger')}" for each in done - fallen]
    text = (
        f"exactly the {len(fallen)} accounts that certainly fell were liquidated, say the chains themselves"
    )
    return Check(text, held=bool(fallen) and not wrong, why=_some(wrong))


def _in_place(roles: Sequence[Role], after: Ledger) -> Check:
    chains = {role.account.account_id: set(role.chains) for role in roles}
    wrong = [
        f"{account[:10]} on {', '.join(sorted(where - chains.get(account, set())))}"
        for account, where in after.liquidated.items()
        if not where <= chains.get(account, set())
    ]
    return Check("each only on chains where it holds something", held=not wrong, why=_some(wrong))


def _rest_untouched(fallen: set[str], before: Ledger, after: Ledger) -> Check:
    rest = {key: leg for key, leg in before.legs.items() if key[1] not in fallen}
    wrong = [
        f"{account[:10]} on {chain}"
        for (chain, account), leg in rest.items()
        if after.legs.get((chain, account)) != leg
        or after.options.get((chain, account)) != before.options.get((chain, account))
    ]
    number = len({account for _, account in rest})
    text = f"the other {number} accounts have on every chain what they had before, to the last unit"
    return Check(text, held=bool(rest) and not wrong, why=_some(wrong))


def _claims_met(after: Ledger) -> Check:
    unpaid = sorted(after.claims_opened - after.claims_paid)
    unopened = sorted(after.claims_paid - after.claims_opened)
    wrong = [f"{claim[:10]} was not paid" for claim in unpaid]
    wrong += [f"{claim[:10]} was paid, and nobody had opened it" for claim in unopened]
    text = f"all {len(after.claims_opened)} claims of one chain on another's collateral were paid, once"
    return Check(text, held=bool(after.claims_opened) and not wrong, why=_some(wrong))


def _bankrupt_closed(roles: Sequence[Role], after: Ledger) -> Check:
    bankrupt = [role.account.account_id for role in roles if role.bankrupt]
    wrong = [f"{each[:10]} still holds or owes" for each in bankrupt if not after.is_closed(each)]
    wrong += [f"{each[:10]} left no bad debt" for each in bankrupt if not after.bad_debt.get(each)]
    text = f"the {len(bankrupt)} accounts that owed more than they had were closed to the last cent, their bad debt recorded"
    return Check(text, held=bool(bankrupt) and not wrong, why=_some(wrong))


def _bad_debt_only_where_due(roles: Sequence[Role], after: Ledger) -> Check:
    due = {role.account.account_id for role in roles if role.may_leave_bad_debt}
    wrong = [
        f"{each[:10]} left {raw / USD:,.2f} USD" for each, raw in after.bad_debt.items() if each not in due
    ]
    text = "nobody else left bad debt, but for whom closing cost more than was left"
    return Check(text, held=not wrong, why=_some(wrong))


def _moved(mid_wad: int, true: Fraction) -> bool:
    return abs(Fraction(mid_wad, WAD) - true) * BPS > true * MOVED_BPS


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return "; ".join(texts[:SHOWN]) + more
