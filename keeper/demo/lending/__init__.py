"""The demo's scene with Aave v3 and Morpho Blue beside the margin hub."""
