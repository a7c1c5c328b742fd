"""Venues: lending protocols that others wrote, behind one interface. A folder each."""
