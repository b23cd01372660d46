"""Questions over a WebSocket: a message is answered as the body of a POST is, by the same function, in the same bytes.

The browser sends the next question once it has the answer to the last. Whoever does not wait is cut off, so that a
flood costs one answer, and one socket never has more than one question worked on. An idle socket waits for a message
and does nothing else. When the server stops, it closes its sockets itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from lrlab.errors import LabError
from lrlab.web.access import refused

Answer = Callable[[bytes], Awaitable[Response]]

IMPATIENT = 1008
"""The code that a socket is closed with where a question came before the last one was answered: policy violation."""


async def converse(socket: WebSocket, answer: Answer) -> None:
    """Accepts `socket` and answers its messages, one at a time, until the browser or the server closes it.

    A LabError is an answer too, with the body that it has over HTTP.
    """
    await socket.accept()
    coming = asyncio.create_task(socket.receive())
    try:
        while _is_question(message := await coming):
            coming = asyncio.create_task(socket.receive())
            try:
                response = await answer(_body(message))
            except LabError as error:
                response = refused(error)
            await asyncio.sleep(0)  # what has come meanwhile is seen now, and other requests have their turn
            if not coming.done():
                await socket.send_text(bytes(response.body).decode())
            elif _is_question(coming.result()):
                await socket.close(IMPATIENT, "one question at a time")
                return
    except WebSocketDisconnect:
        return  # the browser left while the answer was on its way
    finally:
        coming.cancel()


def _is_question(message: Message) -> bool:
    return bool(message["type"] == "websocket.receive")


def _body(message: Message) -> bytes:
    text: str | None = message.get("text")
    return message["bytes"] if text is None else text.encode()
