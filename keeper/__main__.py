"""`python -m keeper` is the `keeper` command."""

from __future__ import annotations

from keeper.views.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
