"""What the operator says: typed settings, their loader, and the words every package shares."""
