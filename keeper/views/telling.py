"""The paragraph: a case told in the order a person asks. Every figure in it is from the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chains.hub.attestation import Action
from keeper.views import figures
from keeper.views.actions import ACTIONS
from keeper.views.case import TELLS_A_LIQUIDATION, Case, Verdict

if TYPE_CHECKING:
    from keeper.state.reader import Row


def paragraph(case: Case) -> str:
    """Return the case in one paragraph."""
    return " ".join(_sentences(case))


def _sentences(case: Case) -> Iterator[str]:
    yield _verdict(case)
    yield from _health(case)
    yield from _where(case)
    yield from _cut(case)
    yield from _prices(case)
    if case.verdict in TELLS_A_LIQUIDATION:
        yield from _plan(case)
        yield from _attestations(case)
        yield from _transactions(case)
        yield from _outcome(case)
    elif case.notices:
        yield _notice(case.notices[0])


def _verdict(case: Case) -> str:
    name = f"Account {figures.short(case.account['account_id'])}"
    if case.account["owner"]:
        name += f" (subaccount {case.account['subaccount']} of {figures.short(case.account['owner'])})"
    match case.verdict:
        case Verdict.LIQUIDATED:
            return f"{name} was liquidated, because it was certainly under its maintenance requirement."
        case Verdict.BEING_LIQUIDATED:
            return f"{name} is being liquidated, because it is certainly under its maintenance requirement."
        case Verdict.NOT_YET:
            return f"{name} is liquidatable and was not liquidated{_why_not_yet(case)}."
        case Verdict.HELD:
            return f"{name} is held as unknown and was not liquidated: {'; '.join(case.account['unknown_because'])}."
        case Verdict.NOT_LIQUIDATED:
            return f"{name} was not liquidated: {_WHY_NOT[case.account['state']]}."


_WHY_NOT = {
    "healthy": "it covers its requirement on every reading of the evidence",
    "margin_call": "it covers its requirement on every reading of the evidence, though by less than the margin-call threshold",
    "at_risk": "on some readings of the evidence it covers its requirement, and only certainty is acted on",
    "liquidatable": "nothing was decided about it yet",
    "bankrupt": "nothing was decided about it yet",
    "unknown": "evidence is missing",
}


def _why_not_yet(case: Case) -> str:
    if case.mode != "live":
        return f": the daemon's mode is {case.mode}, so nothing is sent"
    skipped = [
        intent["reason"] for intent in case.intents if intent["state"] == "skipped" and intent["reason"]
    ]
    if skipped:
        return f": {skipped[-1]}"
    short = [
        asked
        for asked in case.attestations
        if any(answer["outcome"] != "signed" for answer in asked["answers"])
    ]
    if short:
        return ": the attestors did not all agree"
    if not case.steps:
        plan = None if case.decision is None else case.decision["plan"]
        return ": no step would help it" if plan is None else f": {plan['reason']}"
    return " yet"


def _health(case: Case) -> Iterator[str]:
    row = case.figures
    low, high = row["health_low_wad"], row["health_high_wad"]
    when = f"At {figures.clock(row['at_ms'])} UTC"
    if low is None or high is None:
        yield f"{when} it owed nothing, so nothing could be required of it."
        return
    surplus = row["surplus_mid_wad"]
    side = f"{figures.usd(surplus)} USD above" if surplus >= 0 else f"{figures.usd(-surplus)} USD short of"
    yield (
        f"{when} its unified health was between {figures.health(low)} and {figures.health(high)} "
        f"(liquidatable below 1), {side} what it needs."
    )
    yield (
        f"Over all chains together, {figures.usd(case.assets_wad)} USD of its assets counted against a requirement "
        f"of {figures.usd(case.requirement_wad)} USD, at mid prices."
    )


def _where(case: Case) -> Iterator[str]:
    holds: dict[str, list[str]] = {"collateral": [], "debt": [], "positions": [], "options": []}
    for leg in case.legs:
        for kind, chains in holds.items():
            if leg.get(kind):
                chains.append(leg["chain"])
    parts = [
        f"its {name} on {figures.listing(chains)}"
        for name, chains in (
            ("collateral is", holds["collateral"]),
            ("debt is", holds["debt"]),
            ("positions are", holds["positions"]),
            ("options are", holds["options"]),
        )
        if chains
    ]
    if parts:
        sentence = figures.listing(parts)
        yield f"{sentence[0].upper()}{sentence[1:]}."


def _cut(case: Case) -> Iterator[str]:
    points = [
        f"block {int(point['number']):,} of {point['chain']} ({figures.short(point['hash'])}, "
        f"{figures.span(int(point['age_ms']))} old)"
        for point in case.figures["cut"]
    ]
    if points:
        yield f"That is as of {figures.listing(points)}."


def _prices(case: Case) -> Iterator[str]:
    if case.prices is None:
        return
    told = [_price(row) for row in case.prices["prices"] if row["asset"] in case.assets]
    if told:
        yield f"Prices used: {'; '.join(told)}."


def _price(row: Row) -> str:
    used = [quote["source"] for quote in row["quotes"] if quote["used"]]
    if row["mid_wad"] is None:
        told = f"none for {row['asset']} ({row['reason']})"
    else:
        told = f"{row['asset']} at {figures.price(row['low_wad'])} to {figures.price(row['high_wad'])} USD"
    if used:
        told += f" from {figures.listing(used)}"
    if row["via_asset"]:
        told += f" times {row['via_asset']}"
    left_out = _left_out([quote for quote in row["quotes"] if not quote["used"]])
    return told + (f", without {figures.listing(left_out)}" if left_out else "")


def _left_out(quotes: list[Row]) -> list[str]:
    """Return the quotes that were not used, those left out for one kind of reason together."""
    reasons: dict[str, list[tuple[str, str]]] = {}
    for quote in quotes:
        reason = quote["failure"] or quote["reason"]
        reasons.setdefault(reason.partition(":")[0], []).append((quote["source"], reason))
    return [
        f"{alike[0][0]} ({alike[0][1]})"
        if len(alike) == 1
        else f"{figures.listing([source for source, _ in alike])} ({kind})"
        for kind, alike in reasons.items()
    ]


def _plan(case: Case) -> Iterator[str]:
    plan = None if case.decision is None else case.decision["plan"]
    if plan is None or not case.steps:
        return
    steps = figures.listing([_step(case, step) for step in case.steps], last="then")
    cost = f"at a penalty of {figures.usd(plan['penalty_wad'])} USD"
    aim = (
        ""
        if plan["expected_health_wad"] is None
        else f", to bring health to {figures.health(plan['expected_health_wad'])}"
    )
    again = (
        ""
        if case.plans_made < 2
        else f"; it was made anew {figures.count(case.plans_made - 1, 'time')} since"
    )
    yield f"The plan was to {steps}, {cost}{aim}{again}."


def _step(case: Case, step: Row) -> str:
    value = f"{figures.usd(step['value_wad'])} USD"
    match Action(step["action"]):
        case Action.CLOSE:
            return f"close {value} of its {step['asset']} position on {step['chain']}"
        case Action.OPTION_CLOSE:
            return f"close {value} of its option on {step['asset']} on {step['chain']}"
        case Action.REPAY:
            return f"repay {value} of its debt on {step['chain']} for {step['asset']} there"
        case Action.REPAY_CROSS:
            return f"repay {value} of its debt on {step['chain']} for {_target(case, step)} on {step['target_chain']}"
        case Action.SEIZE:
            return f"seize {value} of its {step['asset']} on {step['chain']}, earned on another chain"
        case Action.WRITE_OFF:
            return f"write off {value} of its debt on {step['chain']} that nothing backs"
        case other:
            return f"{ACTIONS[other]} {value} on {step['chain']}"


def _target(case: Case, step: Row) -> str:
    """Return what a repayment on one chain is made good with on another."""
    for leg in case.legs:
        for held in leg["collateral"]:
            if (leg["chain"], held["token"]) == (step["target_chain"], step["target_token"]):
                return str(held["asset"])
    return "collateral"


def _attestations(case: Case) -> Iterator[str]:
    signed: dict[str, None] = {}
    refused: dict[str, str] = {}
    for asked in case.attestations:
        for answer in asked["answers"]:
            if answer["outcome"] == "signed":
                signed[answer["attestor"]] = None
            else:
                refused[answer["attestor"]] = answer["reason"]
    if signed:
        yield f"{figures.listing(list(signed))} re-read the legs and attested it{_refusals(refused)}."
    elif refused:
        yield f"No attestor signed{_refusals(refused)}."


def _refusals(refused: dict[str, str]) -> str:
    told = [f"{attestor} did not ({reason})" for attestor, reason in refused.items()]
    return f"; {figures.listing(told)}" if told else ""


def _transactions(case: Case) -> Iterator[str]:
    mined = [
        f"{ACTIONS[intent['action']].replace('_', ' ')} in block {receipt['block_number']:,} of {intent['chain']} "
        f"({figures.short(receipt['tx_hash'])}, {figures.usd(intent['value_wad'])} USD)"
        for intent, receipt in case.mined
    ]
    if mined:
        yield f"Mined: {figures.listing(mined)}."
    open_ = [intent for intent in case.intents if intent["nonce"] is not None and not _is_over(intent)]
    if open_:
        yield f"Still out: {figures.listing([_open_intent(intent) for intent in open_])}."


def _is_over(intent: Row) -> bool:
    state: str = intent["state"]
    return state.startswith("final") or state in {"skipped", "mined"}


def _open_intent(intent: Row) -> str:
    blocked = f", blocked: {intent['blocked']}" if intent["blocked"] else ""
    action = ACTIONS[intent["action"]].replace("_", " ")
    return f"{action} on {intent['chain']} with nonce {intent['nonce']} ({intent['state'].replace('_', ' ')}{blocked})"


def _outcome(case: Case) -> Iterator[str]:
    now = case.account
    if case.decision is None or now["at_ms"] <= case.decision["at_ms"]:
        return
    state = now["state"].replace("_", " ")
    if now["health_mid_wad"] is None:
        yield f"As of {figures.clock(now['at_ms'])} UTC it owes nothing any more."
    else:
        yield (
            f"As of {figures.clock(now['at_ms'])} UTC it is {state} with health "
            f"{figures.health(now['health_mid_wad'])} and a surplus of {figures.usd(now['surplus_mid_wad'])} USD."
        )


def _notice(notice: Row) -> str:
    return (
        f"Its owner's last margin-call notice was {notice['kind']!r} at {figures.clock(notice['at_ms'])} UTC."
    )
