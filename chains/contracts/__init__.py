"""The project's contracts: Vyper sources, the compiled artifacts and the tool that builds them."""
