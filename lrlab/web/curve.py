"""The routes behind the sliders: what the page holds comes in, its figure, words and controls go out.

The page asks over a WebSocket, and by POST where it has none. Everything is computed beside the event loop, which the
streams of a whole class share.
"""

from __future__ import annotations

from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.websockets import WebSocket

from lrlab.charts import PreviewState, preview_of, preview_state
from lrlab.errors import LabError
from lrlab.web.access import Access
from lrlab.web.bodies import check_size, parsed, whole
from lrlab.web.conversation import converse

LARGEST = 512 * 1024

LONG = 1_000_000
"""Updates from which on a schedule is long: 20,000,000 of them take seconds, and a GB while they are computed."""

_short, _long = CapacityLimiter(4), CapacityLimiter(1)
"""How many are computed at a time. More would only wait for each other, and hold memory meanwhile."""


def routes(access: Access) -> list[BaseRoute]:
    """/api/curve for POST and as a WebSocket; `answer` says what both are asked and answer."""

    async def post(request: Request) -> Response:
        return await answer(await whole(request, LARGEST))

    async def talk(socket: WebSocket) -> None:
        await converse(socket, answer)

    return [
        access.route("/api/curve", post, "preview a schedule", ("POST",)),
        access.socket("/api/curve", talk, "preview a schedule while it is composed"),
    ]


async def answer(body: bytes) -> Response:
    """What {"state": PreviewState, "changes": [Change, ...]} gives; see `lrlab.charts.preview`.

    LabError where `body` is something else; what is wrong with a value is in the answer.
    """
    found = await to_thread.run_sync(_begun, body, limiter=_short)
    if isinstance(found, PreviewState):
        found = await to_thread.run_sync(preview_of, found, limiter=_long)
    return JSONResponse(found)


def _begun(body: bytes) -> dict[str, Any] | PreviewState:
    """The answer, or where a long schedule is to be computed for it, the state to make it of."""
    check_size(len(body), LARGEST)
    asked = parsed(body)
    if not isinstance(asked, dict):
        raise LabError('the request must be {"state": ..., "changes": [...]}')
    state = preview_state(asked.get("state"), asked.get("changes"))
    return state if isinstance(state, dict) or state.longest > LONG else preview_of(state)
