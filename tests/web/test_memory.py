"""The server's memory: what its threads have freed goes back to the system."""

from __future__ import annotations

import asyncio

import pytest

from lrlab.web import memory


def test_it_is_given_back_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[bool] = []

    async def serve() -> None:
        task = asyncio.create_task(memory.give_memory_back())
        async with asyncio.timeout(30):
            while len(given) < 3:
                await asyncio.sleep(0)
        task.cancel()

    monkeypatch.setattr(memory, "EVERY", 0.0)
    monkeypatch.setattr(memory, "spare_memory", lambda: None)  # it cannot be undone
    monkeypatch.setattr(memory.pa, "set_memory_pool", lambda pool: None)
    monkeypatch.setattr(memory, "give_back", lambda: given.append(True))
    asyncio.run(serve())
    assert len(given) >= 3
