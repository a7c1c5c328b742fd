"""A WebSocket server that talks without end, made by hand so that it may break every rule."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
from contextlib import suppress

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, PING, PONG, MORE, CLOSE = 1, 9, 10, 0, 8
HELLO = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
)


def frame(kind: int, payload: bytes = b"", *, last: bool = True) -> bytes:
    """Return a frame as a server sends it."""
    size = len(payload)
    length = bytes([size]) if size < 126 else bytes([126]) + struct.pack(">H", size)
    return bytes([(0x80 if last else 0) | kind]) + length + payload


class Flood:
    """A server that says the same for ever on every connection, and reads what it is told or does not."""

    def __init__(self, said: bytes, *, reads: bool = True) -> None:
        self.connections = 0
        self.ended = 0
        self.change = asyncio.Condition()
        self._said = said
        self._reads = reads

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        reading: asyncio.Task[None] | None = None
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")]
            key = lines[0].partition(b": ")[2]
            accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
            writer.write(HELLO + accept + b"\r\n\r\n")
            reading = asyncio.create_task(self._read(reader)) if self._reads else None
            while True:
                writer.write(self._said)
                await writer.drain()
                await asyncio.sleep(0)
        except (OSError, asyncio.IncompleteReadError):
            async with self.change:
                self.ended += 1
                self.change.notify_all()
        finally:
            if reading is not None:
                reading.cancel()
            writer.transport.abort()

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while await reader.read(1 << 16):
                pass
