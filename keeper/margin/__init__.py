"""Margin: what an account is worth and owes, as exact intervals, and the state that follows."""
