"""Local chains: real anvil nodes, the contracts on them, and the accounts of a scene."""
