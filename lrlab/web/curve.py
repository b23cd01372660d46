"""The route behind the sliders: what the page holds comes in, its figure, words and controls go out."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lrlab.charts import preview
from lrlab.errors import LabError

LARGEST = 512 * 1024

AT_ONCE = 200_000
"""Up to so many updates a schedule takes a few milliseconds and is computed at once; a longer one must not keep every
other request waiting."""


async def curve(request: Request) -> Response:
    """POST {"state": PreviewState, "changes": [Change, ...]}; see `lrlab.charts.preview`."""
    body = await request.body()
    if len(body) > LARGEST:
        raise LabError(f"the request has {len(body):,} bytes, allowed: at most {LARGEST:,}")
    try:
        asked = json.loads(body)
    except ValueError as error:
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
