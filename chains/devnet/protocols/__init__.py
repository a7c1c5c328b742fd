"""Protocols of others on local chains, from what they published: Aave v3, Morpho Blue, Uniswap v3."""
