# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize codesize
"""
@title Price feed
@license Apache-2.0
@notice A feed with Chainlink's AggregatorV3Interface whose answers one account sets. For local chains.
@custom:kill It has no switch: stop setting answers, and readers will find the last one stale.
"""

event AnswerUpdated:
    current: indexed(int256)
    roundId: indexed(uint256)
    updatedAt: uint256

event UpdaterSet:
    updater: indexed(address)

struct Round:
    answer: int256
    updated_at: uint256

owner: public(immutable(address))
updater: public(address)
decimals: public(immutable(uint8))
description: public(String[64])
version: public(constant(uint256)) = 4
latest_round: uint80
rounds: HashMap[uint80, Round]


@deploy
def __init__(decimals_: uint8, description_: String[64]):
    """
    @notice The deployer becomes owner.
    @param decimals_ Decimals of the answers.
    @param description_ What is priced in what, such as "ETH / USD".
    """
    owner = msg.sender
    decimals = decimals_
    self.description = description_


@external
def set_updater(updater: address):
    """
    @notice Name who, besides the owner, may set answers.
    @param updater The account, or zero for nobody.
    """
    assert msg.sender == owner, "owner"
    self.updater = updater
    log UpdaterSet(updater=updater)


@external
def set_answer(answer: int256):
    """
    @notice Start a new round with this answer, made now.
    @param answer The price, with the feed's decimals.
    """
    assert msg.sender == owner or msg.sender == self.updater, "owner"
    round_id: uint80 = self.latest_round + 1
    self.latest_round = round_id
    self.rounds[round_id] = Round(answer=answer, updated_at=block.timestamp)
    log AnswerUpdated(current=answer, roundId=convert(round_id, uint256), updatedAt=block.timestamp)


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice The newest round: id, answer, started at, updated at, answered in round. Reverts before the first.
    """
    return self._round(self.latest_round)


@external
@view
def getRoundData(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice One round: id, answer, started at, updated at, answered in round. Reverts for an unknown one.
    @param round_id Its id, from 1.
    """
    return self._round(round_id)


@internal
@view
def _round(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    found: Round = self.rounds[round_id]
    assert found.updated_at > 0, "No data present"
    return round_id, found.answer, found.updated_at, found.updated_at, round_id
