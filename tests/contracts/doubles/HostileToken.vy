# pragma version 0.4.3
"""
@notice An ERC-20 that misbehaves as a test says.
"""

HONEST: constant(uint256) = 0
RETURNS_FALSE: constant(uint256) = 1
DOES_NOTHING: constant(uint256) = 2
TAKES_A_FEE: constant(uint256) = 3
CALLS_BACK: constant(uint256) = 4

decimals: public(constant(uint8)) = 6
balanceOf: public(HashMap[address, uint256])
mode: uint256
target: address
payload: Bytes[4096]
callback_succeeded: public(bool)
callback_answer: public(Bytes[128])


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def approve(spender: address, amount: uint256) -> bool:
    return True


@external
def behave(mode: uint256, target: address, payload: Bytes[4096]):
    self.mode = mode
    self.target = target
    self.payload = payload


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    return self._move(sender, receiver, amount)


@internal
def _move(sender: address, receiver: address, amount: uint256) -> bool:
    if self.mode == RETURNS_FALSE:
        return False
    if self.mode == DOES_NOTHING:
        return True
    if self.mode == CALLS_BACK:
        self.callback_succeeded, self.callback_answer = raw_call(
            self.target, self.payload, max_outsize=128, revert_on_failure=False
        )
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount - (1 if self.mode == TAKES_A_FEE else 0)
    return True
