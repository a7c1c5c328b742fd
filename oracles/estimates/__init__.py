"""Estimates from prices: how much an asset moves, and how much of it can be sold. Pure, in whole numbers."""
