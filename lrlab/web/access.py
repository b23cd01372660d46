"""Who may do what over HTTP: one table of actions, and the checks that every route passes.

A browser lends the cookies and the network position of its user to requests that other sites make. So a request that
changes something must come from a page of this server (Origin equals Host), and where the server is bound to this
machine the Host must be one of its own names, which defeats DNS rebinding. A WebSocket must come from a page of this
server whatever it is for: what it brings is not kept from other sites, as the answer to their request would be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from lrlab.errors import LabError, NotFound

Endpoint = Callable[[Request], Awaitable[Response]]
Conversation = Callable[[WebSocket], Awaitable[None]]
Kind = Literal["read", "change", "converse"]

ACTIONS: dict[str, Kind] = {
    "read the chart library": "read",
    "preview a schedule": "read",
    "preview a schedule while it is composed": "converse",
    "watch runs": "read",
    "read the lab's status": "read",
    "download a run's files": "read",
    "stop a run": "change",
    "change a run's LR": "change",
    "resume a run": "change",
    "upload images": "change",
    "watch an import": "read",
    "cancel an import": "change",
    "look at images": "read",
    "try an image on a model": "change",
}
"""Every action that a route may perform; a route without an entry here cannot be made."""

REFUSED = 1008
"""The code that a WebSocket is closed with before it is accepted, which a browser sees as status 403."""

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def allowed_hosts(address: str | None) -> frozenset[str] | None:
    """The Host names to accept for a server bound to `address`; None accepts every name."""
    return LOCAL_HOSTS if address in LOCAL_HOSTS else None


def refused(error: LabError) -> JSONResponse:
    """A LabError as an answer: {"error": sentence, "field": name or null}."""
    status = 404 if isinstance(error, NotFound) else 400
    return JSONResponse({"error": str(error), "field": error.field}, status_code=status)


class Access:
    """Makes routes that check Host and Origin before their endpoint runs and turn LabErrors into answers."""

    def __init__(self, hosts: frozenset[str] | None) -> None:
        self._hosts = hosts

    def route(self, path: str, endpoint: Endpoint, action: str, methods: tuple[str, ...] = ("GET",)) -> Route:
        """A Starlette route for `endpoint`, guarded as the entry `action` of ACTIONS demands."""
        kind = ACTIONS[action]

        async def guarded(request: Request) -> Response:
            refusal = self._refusal(request, kind)
            if refusal:
                return JSONResponse({"error": refusal}, status_code=403)
            try:
                return await endpoint(request)
            except LabError as error:
                return refused(error)

        return Route(path, guarded, methods=list(methods))

    def socket(self, path: str, conversation: Conversation, action: str) -> WebSocketRoute:
        """A WebSocket route for `conversation`, which accepts it; `action` is an entry of ACTIONS to converse."""
        kind = ACTIONS[action]
        if kind != "converse":
            raise ValueError(f"{action!r} is not done over a WebSocket")

        async def guarded(socket: WebSocket) -> None:
            refusal = self._refusal(socket, kind)
            if refusal:
                await socket.close(REFUSED, refusal)
            else:
                await conversation(socket)

        return WebSocketRoute(path, guarded)

    def _refusal(self, request: HTTPConnection, kind: Kind) -> str | None:
        host = request.headers.get("host", "")
        name = urlsplit(f"//{host}").hostname or ""
        if self._hosts is not None and name not in self._hosts:
            return f"host {name!r} is not a name of this server"
        if kind != "read":
            origin = request.headers.get("origin")
            if origin is None or urlsplit(origin).netloc != host:
                return "this request must come from a page of this server"
        return None
