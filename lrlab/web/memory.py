"""A server's memory: what its threads have freed goes back to the system.

Looks are made in threads. glibc gives each a heap of its own and Arrow has another, which all keep what was freed:
with a class that watches, the server would grow by some 4 MB a minute.
"""

from __future__ import annotations

import asyncio

import pyarrow as pa

from lrlab.c_library import give_back, spare_memory

EVERY = 30.0
"""Seconds between two times that the heaps are given back."""


async def give_memory_back() -> None:
    """For ever. To be begun before there are many threads."""
    spare_memory()
    pa.set_memory_pool(pa.system_memory_pool())
    while True:
        await asyncio.sleep(EVERY)
        await asyncio.to_thread(give_back)
