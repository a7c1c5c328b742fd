"""The planner: which steps, on which chains, of which sizes, and why these and not others."""
