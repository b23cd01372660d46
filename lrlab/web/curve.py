"""The routes behind the sliders: what the page holds comes in, its figure, words and controls go out.

The page asks over a WebSocket, and by POST where it has none.
"""

from __future__ import annotations

from collections.abc import Sequence

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.websockets import WebSocket

from lrlab.charts import preview_of, preview_state
from lrlab.errors import LabError
from lrlab.schedules import Composition, Logged
from lrlab.web.access import Access
from lrlab.web.bodies import check_size, parsed, whole
from lrlab.web.conversation import converse

LARGEST = 512 * 1024

AT_ONCE = 100_000
"""Updates of all curves together up to which they take a few milliseconds and are computed at once: on a busy machine
it takes as long to hand them to a thread. Beyond, they would keep every other request and stream waiting."""

LONG = 1_000_000
"""Updates from which on a schedule is long: 20,000,000 of them take seconds, and a GB while they are computed."""

_short, _long = CapacityLimiter(4), CapacityLimiter(1)
"""How many are computed in threads at a time. More would only wait for each other, and hold memory meanwhile."""


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
    check_size(len(body), LARGEST)
    asked = parsed(body)
    if not isinstance(asked, dict):
        raise LabError('the request must be {"state": ..., "changes": [...]}')
    before, changes = asked.get("state"), asked.get("changes")
    if _ask_a_run(changes):
        state = await to_thread.run_sync(preview_state, before, changes, limiter=_short)
    else:
        state = preview_state(before, changes)
    if isinstance(state, dict):
        return JSONResponse(state)
    if _is_quick(state.compositions):
        return JSONResponse(preview_of(state))
    limiter = _long if max(one.updates for one in state.compositions) > LONG else _short
    return JSONResponse(await to_thread.run_sync(preview_of, state, limiter=limiter))


def _ask_a_run(changes: object) -> bool:
    """Whether a run's log is read, under a lock, to carry `changes` out."""
    return isinstance(changes, list) and any(isinstance(one, dict) and one.get("op") == "metric" for one in changes)


def _is_quick(compositions: Sequence[Composition]) -> bool:
    """Whether no log is read for them, and all their curves are short together."""
    logged = any(isinstance(one.metric, Logged) for one in compositions)
    return not logged and sum(one.updates * (1 + len(one.groups)) for one in compositions) <= AT_ONCE
