"""Accounts at protocols of others: whether one is to be liquidated, and what came of it. Pure."""
