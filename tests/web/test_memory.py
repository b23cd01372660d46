"""What the server has freed goes back to the system."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from lrlab.web import memory


@pytest.mark.parametrize(("library", "times"), [("glibc", 3), ("musl", 0)])
def test_it_is_given_back_again_and_again_where_the_c_library_can(
    monkeypatch: pytest.MonkeyPatch, library: str, times: int
) -> None:
    given: list[int] = []

    async def serve() -> None:
        task = asyncio.create_task(memory.give_memory_back())
        while len(given) < times:
            await asyncio.sleep(0)
        task.cancel()

    monkeypatch.setattr(memory, "EVERY", 0.0)
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: (library, "2.36"))
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: SimpleNamespace(malloc_trim=given.append))
    asyncio.run(serve())
    assert given[:times] == [0] * times and (times or not given)
