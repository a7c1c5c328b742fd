"""`keeper verify --chains`: the log held against what the chains themselves say."""
