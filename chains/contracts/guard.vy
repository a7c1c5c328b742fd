# pragma version 0.4.3
"""
@title Guard
@license Apache-2.0
@notice The one place that refuses with a reason. An `assert` with a reason costs 115 bytes of code wherever it
    stands, a call of this one 47; the hub has more than seventy and 24,576 bytes in all.
"""


@internal
@pure
def _require(holds: bool, reason: String[16]):
    assert holds, reason
