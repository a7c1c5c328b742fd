"""What may happen: estimates of volatility and correlation, probabilities, stress and cascades. Decides nothing."""
