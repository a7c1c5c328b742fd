# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize codesize
"""
@title Multicall
@license Apache-2.0
@notice Many calls in one, with the interface of Multicall3's `aggregate3`, for batched reads on local chains.
    At most 256 calls of up to 512 bytes, answering up to 1,024 bytes each.
@custom:kill It has no switch and keeps no state.
"""

struct Call3:
    target: address
    allowFailure: bool
    callData: Bytes[512]

struct Result:
    success: bool
    returnData: Bytes[1_025]

MAX_CALLS: constant(uint256) = 256
MAX_ANSWER_BYTES: constant(uint256) = 1_024


@external
@payable
def aggregate3(calls: DynArray[Call3, MAX_CALLS]) -> DynArray[Result, MAX_CALLS]:
    """
    @notice Make the calls in order. One that fails reverts all unless it allows failure.
    @param calls What to call, and whether failing is allowed.
    @return Per call, whether it succeeded and what it answered.
    """
    results: DynArray[Result, MAX_CALLS] = []
    for call: Call3 in calls:
        success: bool = False
        answer: Bytes[MAX_ANSWER_BYTES + 1] = b""
        success, answer = raw_call(
            call.target,
            call.callData,
            max_outsize=MAX_ANSWER_BYTES + 1,
            revert_on_failure=False,
        )
        assert success or call.allowFailure, "Multicall3: call failed"
        # A cut answer would decode to something else.
        assert len(answer) <= MAX_ANSWER_BYTES, "answer too long"
        results.append(Result(success=success, returnData=answer))
    return results
