"""Faults between a client and its node: a proxy that passes calls on, and rules that decide how it misbehaves."""
