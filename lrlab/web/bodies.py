"""The bodies of requests, counted while they come: nobody makes the server hold more than the route is meant for."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from lrlab.errors import LabError


async def whole(request: Request, largest: int) -> bytes:
    """The body; LabError once more than `largest` bytes of it have come."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        check_size(len(body), largest)
    return bytes(body)


def check_size(size: int, largest: int) -> None:
    """LabError where `size` bytes are more than `largest`."""
    if size > largest:
        raise LabError(f"the request has more than {largest:,} bytes, the most that is allowed")


def parsed(body: bytes) -> Any:
    """What `body` says as JSON; LabError where it is none, or nested more deeply than can be read."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise LabError(f"the request is not JSON: {error}") from error
