"""The book: what every account has on every chain, kept from events, with exact undo."""
