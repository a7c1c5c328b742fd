"""The values that cross between the keeper's rooms. Frozen, free of I/O, integers only."""
