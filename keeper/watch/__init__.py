"""Watching: chains and prices come together here as evidence, and every change of it is announced."""
