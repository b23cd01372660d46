"""The gate of a lab that people sign in to: before that, nothing is answered but what the sign-in itself needs.

Streamlit's own endpoints for uploads, media and components answer before a page's script has run, so a page that asks
for a sign-in does not guard them. The gate stands before all of them, and before lrlab's routes.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lrlab.errors import LabError
from lrlab.web.access import REFUSED, SIGN_IN, Who

OPEN = frozenset(
    {
        "/",
        "/favicon.png",
        "/manifest.json",
        "/auth/login",
        "/auth/logout",
        "/oauth2callback",
        "/_stcore/health",
        "/_stcore/host-config",
        "/_stcore/stream",
    }
)
"""What is answered to anybody: the empty page, the sign-in, and the socket over which a page's script asks for it."""

OPEN_FOLDER = "/static/"
"""Streamlit's own scripts and fonts, the same for everybody everywhere."""


class Gate:
    """ASGI middleware around all of a server.

    `who` tells whoever a request comes from, None where they have not signed in. `pages`: the addresses of the pages,
    such as "train", each of which is answered with the same empty page. `base`: Streamlit's server.baseUrlPath.
    """

    def __init__(self, app: ASGIApp, who: Who, pages: Iterable[str] = (), base: str = "") -> None:
        self._app, self._who = app, who
        self._open = OPEN | {f"/{page}" for page in pages}
        self._base = f"/{base.strip('/')}" if base.strip("/") else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            refusal, status = self._refusal(scope)
            if refusal:
                await _refuse(refusal, status, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[str, int]:
        """Why the request is not answered, and the status that says so; an empty sentence where it is."""
        path = str(scope["path"])
        if self._base and (path == self._base or path.startswith(f"{self._base}/")):
            path = path.removeprefix(self._base) or "/"
        if path in self._open or path.startswith(OPEN_FOLDER):
            return "", 200
        connection = HTTPConnection(scope)
        try:
            connection.state.person = self._who(connection)
            return ("", 200) if connection.state.person else (SIGN_IN, 401)
        except LabError as error:
            return str(error), 503


async def _refuse(refusal: str, status: int, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await JSONResponse({"error": refusal}, status_code=status)(scope, receive, send)
    else:
        await receive()  # the request to connect
        await send({"type": "websocket.close", "code": REFUSED, "reason": refusal})
