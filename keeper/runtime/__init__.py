"""The daemon: wiring, supervision, the evaluation loop, and the pursuit of plans."""
