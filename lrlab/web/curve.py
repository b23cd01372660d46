"""The routes behind the sliders: what the page holds comes in, its figure, words and controls go out.

The page asks over a WebSocket, and by POST where it has none.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.websockets import WebSocket

from lrlab.charts import preview
from lrlab.errors import LabError
from lrlab.web.access import Access
from lrlab.web.conversation import converse

LARGEST = 512 * 1024

AT_ONCE = 200_000
"""Up to so many updates a schedule takes a few milliseconds and is computed at once; a longer one must not keep every
other request waiting."""


def routes(access: Access) -> list[BaseRoute]:
    """/api/curve for POST and as a WebSocket; `answer` says what both are asked and answer."""

    async def post(request: Request) -> Response:
        return await answer(await request.body())

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
    if len(body) > LARGEST:
        raise LabError(f"the request has {len(body):,} bytes, allowed: at most {LARGEST:,}")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise LabError(f"the request is not JSON: {error}") from error
    if not isinstance(asked, dict):
        raise LabError('the request must be {"state": ..., "changes": [...]}')
    if _updates(asked) > AT_ONCE:
        return JSONResponse(await asyncio.to_thread(preview, asked.get("state"), asked.get("changes")))
    return JSONResponse(preview(asked.get("state"), asked.get("changes")))


def _updates(asked: dict[str, Any]) -> float:
    """About how many updates the asked schedule has; what is no number is refused elsewhere."""
    try:
        values = dict(asked["state"]["composition"])
        for change in asked.get("changes") or ():
            values[change.get("field")] = change.get("value", values.get(change.get("field")))
        return float(values["epochs"]) * float(values["steps_per_epoch"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0.0
