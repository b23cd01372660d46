"""The chart library as a file: the plotly.min.js that plotly's Python package ships, so that no other host is asked."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response


@cache
def _packed() -> bytes:
    return gzip.compress(files("plotly").joinpath("package_data", "plotly.min.js").read_bytes(), compresslevel=4)


async def plotly_js(request: Request) -> Response:
    """plotly.min.js, compressed once; its address carries the version, so browsers may keep it for a year."""
    packed = await run_in_threadpool(_packed)
    return Response(
        packed,
        media_type="text/javascript",
        headers={"content-encoding": "gzip", "cache-control": "public, max-age=31536000, immutable"},
    )
