"""Waiting for several things at once without leaving any of them running behind a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

Result = TypeVar("Result")


async def together(awaitables: Iterable[Awaitable[Result]]) -> list[Result]:
    """Wait until all are done and return their results in order; then raise the first failure, if any."""
    results: list[Result] = []
    for outcome in await asyncio.gather(*awaitables, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
        results.append(outcome)
    return results
