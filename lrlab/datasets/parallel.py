"""Work spread over threads, results in order: Pillow's decoders let go of the interpreter while they decode."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from lrlab.datasets.images import quiet_decoders

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_THREADS = 16
_AHEAD = 4


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """`function` of each item, computed in threads, in the order of `items`, a few results ahead of the reader.

    An error of `function` is raised where its result would stand. Wrap it in `contextlib.closing`: when closed it
    waits for what is under way and starts nothing more.
    """
    threads = min(cores(), _MOST_THREADS)
    pending: deque[Future[Result]] = deque()
    with quiet_decoders(), ThreadPoolExecutor(threads, thread_name_prefix="lrlab-decode") as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= threads * _AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
