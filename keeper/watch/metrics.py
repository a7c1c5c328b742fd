"""Prometheus metrics on loopback: how each source of prices is doing, and what each asset is worth.

Text format 0.0.4 of Prometheus' exposition formats, on ``GET /metrics``. Only this machine is answered, and only if it
asks for this machine: a web page that rebinds its name to loopback reads nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

from aiohttp import web

from config.units import format_decimal
from oracles.circuit import Circuit, SourceHealth
from oracles.meter import Meter, Spread
from oracles.price import PriceSet

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], str]


def exposition(
    health: Mapping[str, SourceHealth], meters: Mapping[str, Meter], prices: PriceSet, now_ms: int
) -> str:
    """Return all metrics as of now."""
    families = [*_sources(health, meters, now_ms), *_prices(prices, now_ms)]
    return "".join(_family(name, kind, text, list(samples)) for name, kind, text, samples in families)


async def serve(port: int, tell: Callable[[], str]) -> None:
    """Answer on loopback until cancelled. Raises ``OSError`` if the port is taken."""
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def handle(request: web.Request) -> web.Response:
        if request.host not in hosts or "Origin" in request.headers:
            return web.Response(status=421)
        return web.Response(body=tell().encode(), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application(client_max_size=1_024)
    app.router.add_get("/metrics", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _sources(
    health: Mapping[str, SourceHealth], meters: Mapping[str, Meter], now_ms: int
) -> Iterator[tuple[str, str, str, Iterator[Sample]]]:
    def of_each(value: Callable[[str], str | None]) -> Iterator[Sample]:
        for name in health:
            said = value(name)
            if said is not None:
                yield {"source": name}, said

    def age(name: str) -> str | None:
        quote = meters[name].last_quote
        return None if quote is None else _seconds(max(now_ms - quote.received_at_ms, 0))

    def failures() -> Iterator[Sample]:
        for name in health:
            for kind, count in sorted(meters[name].failures.items()):
                yield {"source": name, "kind": str(kind)}, str(count)

    def percentiles(spread: Callable[[Meter], Spread]) -> Iterator[Sample]:
        for name in health:
            found = spread(meters[name])
            for quantile, delay_ms in (("0.5", found.p50_ms), ("0.9", found.p90_ms), ("0.99", found.p99_ms)):
                if delay_ms is not None:
                    yield {"source": name, "quantile": quantile}, _seconds(delay_ms)

    is_open = of_each(lambda name: str(int(health[name].circuit is Circuit.OPEN)))
    in_a_row = of_each(lambda name: str(health[name].consecutive_failures))
    yield (
        "source_quotes_total",
        "counter",
        "Answers that were quotes.",
        of_each(lambda name: str(meters[name].quotes)),
    )
    yield (
        "source_changes_total",
        "counter",
        "Quotes with another value.",
        of_each(lambda name: str(meters[name].changes)),
    )
    yield "source_failures_total", "counter", "Answers that were none, by kind.", failures()
    yield "source_circuit_open", "gauge", "1 while the circuit is open.", is_open
    yield "source_failures_in_a_row", "gauge", "Failures since the last quote.", in_a_row
    yield "source_age_seconds", "gauge", "Since the last quote was received.", of_each(age)
    yield (
        "source_answer_seconds",
        "gauge",
        "How long answers take, newest first.",
        percentiles(lambda meter: meter.took),
    )
    yield (
        "source_lag_seconds",
        "gauge",
        "How old quotes are on arrival.",
        percentiles(lambda meter: meter.lag),
    )


def _prices(prices: PriceSet, now_ms: int) -> Iterator[tuple[str, str, str, Iterator[Sample]]]:
    def figures() -> Iterator[Sample]:
        for asset, price in prices.prices.items():
            for end, wad in (("low", price.low_wad), ("mid", price.mid_wad), ("high", price.high_wad)):
                if wad is not None:
                    yield {"asset": asset, "end": end}, format_decimal(wad, 18)

    def ages() -> Iterator[Sample]:
        for asset, price in prices.prices.items():
            if price.oldest_ms is not None:
                yield {"asset": asset}, _seconds(max(now_ms - price.oldest_ms, 0))

    statuses = (
        ({"asset": asset, "status": str(price.status)}, "1") for asset, price in prices.prices.items()
    )
    holds = (({"asset": asset}, str(len(price.holds))) for asset, price in prices.prices.items())
    yield "price_usd", "gauge", "The interval of an asset's price.", figures()
    yield "price_age_seconds", "gauge", "Age of the oldest quote used.", ages()
    yield "price_status", "gauge", "1 for the status a price has.", statuses
    yield "price_holds", "gauge", "Guards that hold or widen a price.", holds


def _family(name: str, kind: str, text: str, samples: list[Sample]) -> str:
    lines = [f"# HELP keeper_{name} {text}\n", f"# TYPE keeper_{name} {kind}\n"]
    for labels, value in samples:
        told = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        lines.append(f"keeper_{name}{{{told}}} {value}\n")
    return "".join(lines)


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _seconds(duration_ms: int) -> str:
    return format_decimal(duration_ms, 3)
