"""Where quotes come from: HTTP venues, Chainlink-interface feeds, vault share rates."""
