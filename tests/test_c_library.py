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
@pytest.mark.parametrize(("first", "heaps"), [("", 5), ("c_library.spare_memory()", 1)])
def test_threads_may_share_a_heap(first: str, heaps: int) -> None:
    done = subprocess.run([sys.executable, "-c", THREADS.format(first=first)], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("Arena ")) == (0, heaps)


LARGE = """
import psutil
from lrlab import c_library

{first}
large, small = [], []
for _ in range(200):
    large.append(bytearray(100_000))
    small.append(bytearray(1000))
before = psutil.Process().memory_info().rss
large.clear()
print((before - psutil.Process().memory_info().rss) // 1_000_000)
"""


@pytest.mark.skipif(glibc() is None, reason="the C library is not glibc")
@pytest.mark.parametrize(("first", "given"), [("", 0), ("c_library.spare_memory()", 20)])
def test_large_blocks_leave_no_gaps(first: str, given: int) -> None:
    done = subprocess.run([sys.executable, "-c", LARGE.format(first=first)], capture_output=True, text=True)
    assert (done.stderr, abs(int(done.stdout) - given) <= 1) == ("", True)
