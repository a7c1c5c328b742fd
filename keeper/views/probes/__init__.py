"""What `keeper check` asks the outside before the daemon does: keys, nodes, contracts, feeds, venues, clocks."""
