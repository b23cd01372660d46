"""A network that breaks: a TCP proxy before a server, which a test slows down and cuts."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

BLOCK = 64 * 1024
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset, as a connection that breaks does


class Wire:
    """Passes bytes on between a browser and a server, in a thread of its own.

    `sent`: bytes that went from browsers to the server. `cuts`: connections that were cut.
    """

    def __init__(self, port: int, rate: float) -> None:
        self.sent = self.cuts = 0
        self._server_port, self._rate = port, rate
        self._open: set[asyncio.StreamWriter] = set()
        self._down = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listening = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = int(self._listening.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self, seconds: float = 1.0) -> None:
        """Breaks every connection, and for `seconds` every new one as well; returns when the wire is whole again."""
        self._call(self._cut(seconds))

    def close(self) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: object) -> object:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _cut(self, seconds: float) -> None:
        self._down = True
        self.cuts += len(self._open)
        for writer in list(self._open):
            _break(writer)
        await asyncio.sleep(seconds)
        self._down = False

    async def _close(self) -> None:
        self._listening.close()
        for writer in list(self._open):
            _break(writer)
        # What passes bytes on sees its connection's end and ends by itself.
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._down:
            return _break(writer)
        try:
            behind, before = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:  # the server is away
            return _break(writer)
        self._open |= {writer, before}
        try:
            await asyncio.gather(self._pass(reader, before, up=True), self._pass(behind, writer, up=False))
        finally:
            self._open -= {writer, before}
            for end in (writer, before):
                end.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        with suppress(ConnectionError, OSError):
            while block := await reader.read(BLOCK):
                writer.write(block)
                await writer.drain()
                if up:
                    self.sent += len(block)
                    if self._rate:
                        await asyncio.sleep(len(block) / self._rate)
        with suppress(ConnectionError, OSError, RuntimeError):
            writer.write_eof()


def _break(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with a reset, and what it still holds is lost."""
    end = writer.get_extra_info("socket")
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@contextmanager
def wired(port: int, rate: float = 0) -> Iterator[Wire]:
    """A wire to the server on `port`; `rate`: bytes a second that each connection passes on to it (0: all)."""
    wire = Wire(port, rate)
    try:
        yield wire
    finally:
        wire.close()
