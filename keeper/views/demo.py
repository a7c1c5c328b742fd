"""`keeper demo`: the whole thing on three local chains, in under two minutes."""

from __future__ import annotations

import click

from keeper.views.options import json_option


@click.command(name="demo", short_help="See it all on three local chains; needs no configuration.")
@click.option("--keep", is_flag=True, help="Leave chains, venues and daemons running at the end, to look at.")
@click.option(
    "--kill", is_flag=True, help="Kill the daemon (SIGKILL) in the middle of the crash and start it again."
)
@click.option(
    "--accounts",
    type=click.IntRange(60, 500),
    default=70,
    show_default=True,
    help="How many accounts to open.",
)
@click.option("--seed", default="demo", show_default=True, help="Chooses account ids and how prices jiggle.")
@click.option(
    "--venues",
    is_flag=True,
    help="Another scene: Aave v3, Morpho Blue and the hub, each on a chain of its own.",
)
@click.option(
    "--chaos",
    is_flag=True,
    help="Put a proxy before every node, for each process its own, and let a seeded schedule of faults run on them.",
)
@json_option
def command(
    *, keep: bool, kill: bool, venues: bool, chaos: bool, accounts: int, seed: str, as_json: bool
) -> int:
    """Start three chains, play a scene (a glitch, a stall, a crash) and say what happened and why.

    Needs no configuration. Exits 0 only if everything held: nobody healthy was liquidated, everybody certainly
    liquidatable was, and the log verifies.
    """
    if venues and chaos:
        raise click.UsageError("--chaos is a choice of the scene without --venues")
    if venues:
        from keeper.demo.lending.main import main as main_with_venues

        return main_with_venues(keep=keep, as_json=as_json, seed=seed, crash_kill=kill)
    from keeper.demo.main import main

    return main(keep=keep, as_json=as_json, accounts=accounts, seed=seed, crash_kill=kill, chaos=chaos)
