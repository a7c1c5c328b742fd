"""Where quotes come from: venues asked and venues that push, signed packages, and contracts read on a chain."""
