"""Event streams as their tests read them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any


def run_for(coroutine: Coroutine[Any, Any, Any], seconds: float = 20) -> Any:
    """Runs `coroutine`; a fault that would make it wait for ever ends it instead."""

    async def bounded() -> Any:
        async with asyncio.timeout(seconds):
            return await coroutine

    return asyncio.run(bounded())


def parsed(event: bytes) -> tuple[str, dict[str, Any]]:
    """The name and the data of one event."""
    lines = dict(line.split(": ", 1) for line in event.decode().strip().splitlines())
    return lines["event"], json.loads(lines["data"])


def points(data: dict[str, Any]) -> int:
    """How many updates the learning-rate line shows, in steps."""
    (used,) = [trace for trace in data["figure"]["data"] if trace["yaxis"] == "y3" and "text" in trace]
    return len(used["text"]) - 1
