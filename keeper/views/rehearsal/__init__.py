"""Rehearsing liquidations on the nodes, before they are needed."""
