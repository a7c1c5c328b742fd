"""The demo: three local chains, real venues' formats, the real daemon, and a scene with a known end."""
