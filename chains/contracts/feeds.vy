# pragma version 0.4.3
"""
@title Feeds
@license Apache-2.0
@notice Answers of feeds with Chainlink's interface. One that is old, not positive or of an unfinished round is no
    price: the call reverts with "feed".
"""

import guard


@internal
@view
def _latest(feed: address, max_age_s: uint256) -> uint256:
    """
    @dev The newest answer, with the feed's decimals.
    """
    answer: uint256 = 0
    updated_at: uint256 = 0
    answer, updated_at = self._read(feed, method_id("latestRoundData()"))
    guard._require(block.timestamp - updated_at <= max_age_s, guard.FEED)
    return answer


@internal
@view
def _round(feed: address, round_id: uint256) -> (uint256, uint256):
    """
    @dev The answer of one round, and when it was given.
    """
    return self._read(
        feed, concat(method_id("getRoundData(uint80)"), convert(round_id, bytes32))
    )


@internal
@view
def _read(feed: address, call: Bytes[36]) -> (uint256, uint256):
    """
    @dev A raw call, so that a feed that reverts or is gone ends in "feed" like every other bad answer.
    """
    success: bool = False
    response: Bytes[160] = b""
    success, response = raw_call(
        feed,
        call,
        max_outsize=160,
        is_static_call=True,
        revert_on_failure=False,
    )
    guard._require(success and len(response) == 160, guard.FEED)
    round_id: uint256 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in_round: uint256 = 0
    round_id, answer, started_at, updated_at, answered_in_round = abi_decode(
        response, (uint256, int256, uint256, uint256, uint256)
    )
    guard._require(
        answer > 0
        and answered_in_round >= round_id
        and 0 < updated_at
        and updated_at <= block.timestamp,
        guard.FEED,
    )
    return convert(answer, uint256), updated_at
