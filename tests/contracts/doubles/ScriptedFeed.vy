# pragma version 0.4.3
"""
@notice A feed that answers whatever bytes a test says, or fails.
"""

decimals: public(constant(uint8)) = 8
answer: Bytes[256]
fails: bool


@external
def script(answer: Bytes[256]):
    self.answer = answer


@external
def fail():
    self.fails = True


@external
@view
@raw_return
def latestRoundData() -> Bytes[256]:
    assert not self.fails, "feed is down"
    return self.answer
