"""What the server has freed goes back to the system, now and then.

Looks are made in threads, and glibc keeps for each thread what it has freed: with a class that watches, the server
would grow by some 4 MB a minute; less than half of that is left where it is given back.
"""

from __future__ import annotations

import asyncio

from lrlab.c_library import give_back

EVERY = 30.0
"""Seconds between two times."""


async def give_memory_back() -> None:
    """Does so for ever."""
    while True:
        await asyncio.sleep(EVERY)
        await asyncio.to_thread(give_back)
