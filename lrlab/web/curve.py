"""The route behind the sliders: what the page holds comes in, its figure, words and controls go out."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lrlab.charts import preview
from lrlab.errors import LabError

LARGEST = 64 * 1024


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
    return JSONResponse(preview(asked.get("state"), asked.get("changes")))
