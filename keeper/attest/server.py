"""The attestor's door: one HTTP route on loopback, strictly read, bounded, never the place of a decision."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from keeper.attest.wire import Answer, Batch, WireError, decode_batch, encode_answers, read_json

MAX_BODY_BYTES = 1 << 20

Attest = Callable[[Batch], Awaitable[Sequence[Answer]]]


def application(attest: Attest) -> web.Application:
    """Return the application. Only POST of JSON to ``/v1/attest``; a browser page can not send that unasked."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)

    async def handle(request: web.Request) -> web.Response:
        if request.content_type != "application/json" or "Origin" in request.headers:
            return web.json_response({"error": "POST application/json"}, status=415)
        try:
            batch = decode_batch(read_json(await request.read()))
        except WireError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(encode_answers(await attest(batch)))

    app.router.add_post("/v1/attest", handle)
    return app


async def serve(app: web.Application, port: int) -> web.AppRunner:
    """Listen on loopback. The caller cleans the runner up. Raises ``OSError`` if the port is taken."""
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=75)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner
