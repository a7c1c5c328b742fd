"""Morpho Blue: isolated markets, shares and liquidations, recomputed to the unit."""
