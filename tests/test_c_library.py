"""What glibc is told, seen in what it says of itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lrlab.c_library import glibc

THREADS = """
import threading
from lrlab import c_library

{first}
barrier = threading.Barrier(5)

def hold():
    kept = [bytearray(50_000) for _ in range(10)]
    barrier.wait()
    barrier.wait()

for _ in range(4):
    threading.Thread(target=hold).start()
barrier.wait()
c_library.glibc().malloc_stats()
barrier.wait()
"""


@pytest.mark.skipif(glibc() is None, reason="the C library is not glibc")
@pytest.mark.parametrize(("first", "heaps"), [("", 5), ("c_library.one_heap()", 1)])
def test_threads_may_share_a_heap(first: str, heaps: int) -> None:
    done = subprocess.run([sys.executable, "-c", THREADS.format(first=first)], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("Arena ")) == (0, heaps)
