"""A server's memory: its threads share one heap, and what they have freed goes back to the system now and then.

Looks are made in threads. glibc gives each a heap of its own and Arrow has another, which all keep what was freed:
with a class that watches, the server would grow by some 4 MB a minute.
"""

from __future__ import annotations

import asyncio

import pyarrow as pa

from lrlab.c_library import give_back, one_heap

EVERY = 30.0
"""Seconds between two times."""


async def spare_memory() -> None:
    """Does so for ever. To be begun before there are many threads."""
    one_heap()
    pa.set_memory_pool(pa.system_memory_pool())
    while True:
        await asyncio.sleep(EVERY)
        await asyncio.to_thread(give_back)
