"""The margin hub as a venue: its events, reads, calls and the attestations it demands."""
