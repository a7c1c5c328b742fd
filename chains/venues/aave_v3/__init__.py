"""Aave v3.0: reserves, accounts and liquidations, recomputed to the unit."""
