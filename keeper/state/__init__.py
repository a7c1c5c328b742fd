"""The state log: one SQLite file that holds everything seen, decided and done. The only room that knows SQL."""
