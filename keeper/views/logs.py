"""How the daemons write their logs: readable on a terminal, one JSON object a line everywhere else."""

from __future__ import annotations

import sys

import structlog


def configure_logs(*, as_json: bool) -> None:
    """Set the log's form for this process; it goes to standard error. Call once, before the daemon starts."""
    pretty = sys.stderr.isatty() and not as_json
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *([] if pretty else [structlog.processors.format_exc_info]),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
