"""One's own image against a run's model, over HTTP.

    POST /api/runs/ID/predict?model=best|last&name=FILE    the body is the image file
         -> {"predictions": [{"name", "share", "text"}, ...] (5, the most probable first), "epoch", "seen": a data URL}

The image lies on the disk while it is looked at and is deleted then. It is decoded by the helper process, so that no
picture, however odd, can harm the server.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lrlab import jobs
from lrlab.datasets import MAX_IMAGE_BYTES, megabytes
from lrlab.errors import LabError, shown
from lrlab.home import Home
from lrlab.runs import chance, load_run
from lrlab.web.access import Access

LONGEST_NAME = 200
"""Characters of a file's name that are said again."""


def routes(home: Home, access: Access) -> list[Route]:
    async def predict(request: Request) -> Response:
        run = await run_in_threadpool(load_run, request.path_params["run_id"], home)
        name = request.query_params.get("name", "")[:LONGEST_NAME] or "the image"
        descriptor, path = tempfile.mkstemp(prefix="lrlab-image-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                size = 0
                async for block in request.stream():
                    size += len(block)
                    if size > MAX_IMAGE_BYTES:
                        most = megabytes(MAX_IMAGE_BYTES)
                        raise LabError(f"{shown(name)} has more than {most}, the most that is allowed", field="image")
                    await run_in_threadpool(file.write, block)
            model = request.query_params.get("model", "best")
            asked = jobs.ask_later(home, "predict", run=run.id, file=path, name=name, model=model)
            # Shielded: the answer is also another's where the same was asked, and cancelled it could not come.
            return JSONResponse(_told(await asyncio.shield(asyncio.wrap_future(asked))))
        finally:
            await run_in_threadpool(Path(path).unlink)

    return [access.route("/api/runs/{run_id}/predict", predict, "try an image on a model", ("POST",))]


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    found = zip(answer["classes"], answer["probabilities"], strict=True)
    predictions = [{"name": name, "share": share, "text": chance(share)} for name, share in found]
    return {"predictions": predictions, "epoch": answer["epoch"], "seen": answer["seen"]}
