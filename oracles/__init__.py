"""What things are worth: sources, quotes, and prices as intervals with their provenance."""
