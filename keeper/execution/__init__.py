"""From an intent to a mined transaction: the pure life cycle, limits and policy, and the lane that drives them."""
