"""Every incident of the table is replayed here, or it is said why it can not be."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

TABLE = {
    1: "Synthetix sKRW",
    2: "bZx",
    3: "Maker, Black Thursday",
    4: "Harvest",
    5: "Compound DAI",
    6: "Pyth BTC",
    7: "Cream yUSD",
    8: "Inverse INV",
    9: "Venus and Blizz, LUNA",
    10: "stETH",
    11: "Mango MNGO",
    12: "BonqDAO",
    13: "USDC depeg",
    14: "Arbitrum stall",
    15: "TRB",
    16: "ezETH",
    17: "UwU",
    18: "Morpho PAXG",
    19: "Venus wUSDM",
    20: "Euler deUSD",
    21: "Base failover",
    22: "USDe, wBETH and BNSOL on one venue",
    23: "Moonwell wrsETH",
    24: "Stream xUSD",
    25: "Ribbon and Aevo",
    26: "BTC/USD1 wick",
    27: "Moonwell cbETH",
    28: "Aave CAPO wstETH",
    29: "Venus THE",
    30: "Resolv USR",
    31: "Base stalls",
    32: "Linea stall",
}
ELSEWHERE = {
    3: "fees that escalate and a reserve for them are the lane's: tests/keeper/execution",
    8: "the window of a pool's observations is the source's: here its failure is what is replayed",
    29: "an account too large for its market is seen by the outlook; that its slices keep the close factor is shown here",
    31: "errors of a node after a restart are the lane's: tests/keeper/execution",
}
"""What of a row is no tape of prices and no state of a chain, and where it is shown instead."""

_TEST = re.compile(r"^def test_((?:\d\d_)+)", re.MULTILINE)


def _replayed() -> Counter[int]:
    found: Counter[int] = Counter()
    for file in Path(__file__).parent.glob("test_*.py"):
        for numbers in _TEST.findall(file.read_text()):
            found.update(int(number) for number in numbers.strip("_").split("_"))
    return found


def test_every_row_is_replayed() -> None:
    assert set(TABLE) == set(_replayed())


def test_what_is_shown_elsewhere_is_of_a_row() -> None:
    assert set(ELSEWHERE) <= set(TABLE)
    assert (Path(__file__).parents[1] / "keeper" / "execution").is_dir()
